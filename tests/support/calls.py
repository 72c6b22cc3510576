"""Any call of any service, by the name it has in gRPC."""

from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from reelmill.v1 import (
    benchmark_pb2,
    benchmark_pb2_grpc,
    dataset_pb2,
    dataset_pb2_grpc,
    movies_pb2,
    movies_pb2_grpc,
    qa_pb2,
    qa_pb2_grpc,
    render_pb2,
    render_pb2_grpc,
    script_pb2,
    script_pb2_grpc,
    style_pb2,
    style_pb2_grpc,
)
from reelmill_kit.auth.access import RULES

FILES: list[tuple[Any, Any]] = [
    (benchmark_pb2, benchmark_pb2_grpc),
    (dataset_pb2, dataset_pb2_grpc),
    (movies_pb2, movies_pb2_grpc),
    (qa_pb2, qa_pb2_grpc),
    (render_pb2, render_pb2_grpc),
    (script_pb2, script_pb2_grpc),
    (style_pb2, style_pb2_grpc),
]
METHODS: dict[str, MethodDescriptor] = {
    f"/{service.full_name}/{method.name}": method
    for messages, _ in FILES
    for service in messages.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
IDS = {"project": "", "movie": "/movies/m", "batch": "/batches/b", "release": "/releases/r"}


def request_of(path: str, project: str) -> Message:
    """With the names of things in this project, wherever the request has some."""
    request = message_factory.GetMessageClass(METHODS[path].input_type)()
    for place in RULES[path].places:
        *outer, field = place.field.split(".")
        part: Any = request
        for name in outer:
            part = getattr(part, name)
        setattr(part, field, f"projects/{project}{IDS[place.what]}")
    return request


async def call(channel: Any, path: str, request: Message, *values: str) -> None:
    """Raises AioRpcError."""
    method = METHODS[path]
    decode = message_factory.GetMessageClass(method.output_type).FromString
    metadata = [("authorization", value) for value in values]
    kinds = {"request_serializer": lambda message: message.SerializeToString()}
    if method.server_streaming:
        async for _ in channel.unary_stream(path, **kinds, response_deserializer=decode)(
            request, metadata=metadata, timeout=10
        ):
            pass
    else:
        await channel.unary_unary(path, **kinds, response_deserializer=decode)(
            request, metadata=metadata, timeout=10
        )


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """Of the catalogue; gRPC's code where there is none."""
    metadata: Any = error.trailing_metadata() or ()
    info = error_details_pb2.ErrorInfo()
    for detail in status_pb2.Status.FromString(dict(metadata).get("grpc-status-details-bin", b"")).details:
        if detail.Unpack(info):
            return str(info.reason)
    return str(error.code().name)
