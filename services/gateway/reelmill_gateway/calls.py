"""Every call of the services by HTTP, as their protos describe them: Connect (JSON or protobuf) and gRPC-Web.

The caller's own token goes on to the service, whose guard decides.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any

import grpc
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import RequestContext
from connectrpc.server import ConnectASGIApplication, Endpoint
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from starlette.responses import PlainTextResponse

from reelmill.v1 import (
    benchmark_pb2,
    dataset_pb2,
    movies_pb2,
    qa_pb2,
    render_pb2,
    script_pb2,
    style_pb2,
)
from reelmill_kit.channels import ServiceChannel
from reelmill_kit.errors import ReelmillError
from reelmill_kit.telemetry import logger

from .answers import TooLarge, refusal
from .bodies import skip_body
from .call_errors import connect_error, of_service
from .codecs import CODECS

PROCESSES: dict[ModuleType, str] = {
    movies_pb2: "movies",
    script_pb2: "script",
    style_pb2: "style",
    render_pb2: "render",
    qa_pb2: "qa",
    dataset_pb2: "dataset",
    benchmark_pb2: "dataset",
}
"""Which process serves what a file of the API describes."""
REQUEST_LIMIT = 4 << 20
_FORWARDED = ("authorization", "traceparent", "tracestate")

Context = RequestContext[Any, Any]


def methods() -> dict[str, tuple[str, MethodDescriptor]]:
    """Process and method of every call there is, by its path."""
    return {
        f"/{service.full_name}/{method.name}": (process, method)
        for file, process in PROCESSES.items()
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


class Calls(ConnectASGIApplication[None]):
    """`servers`: by process; calls of one that is not there are answered with 404."""

    def __init__(self, servers: Mapping[str, ServiceChannel]) -> None:
        endpoints = {
            path: _endpoint(path, method, process, servers[process])
            for path, (process, method) in methods().items()
            if process in servers
        }
        super().__init__(
            service=None, endpoints=lambda _: endpoints, codecs=CODECS, read_max_bytes=REQUEST_LIMIT
        )

    @property
    def path(self) -> str:
        return "/"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", b"")
        if kind.startswith(b"application/grpc") and not kind.startswith(b"application/grpc-web"):
            await PlainTextResponse("gRPC is served by the services themselves", 415)(scope, receive, send)
            return
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > REQUEST_LIMIT:
            # What comes without its length is ended at the limit, too, but in words of the library's own.
            await skip_body(receive, 4 * REQUEST_LIMIT)
            await refusal(TooLarge(REQUEST_LIMIT))(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        except Exception as error:
            logger().warning("call by HTTP broke off", path=scope["path"][:200], error=repr(error)[:300])


def _endpoint(path: str, method: MethodDescriptor, process: str, server: ServiceChannel) -> Any:
    request_class = message_factory.GetMessageClass(method.input_type)
    response_class = message_factory.GetMessageClass(method.output_type)
    streams = method.server_streaming
    info: MethodInfo[Any, Any] = MethodInfo(
        name=method.name,
        service_name=method.containing_service.full_name,
        input=request_class,
        output=response_class,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.SERVER_STREAM if streams else StreamType.UNARY,
    )
    begin = _forwarding(path, server, response_class, streams)

    async def unary(request: Message, context: Context) -> Message:
        try:
            answer: Message = await begin(request, context)
        except ReelmillError as error:
            raise connect_error(error) from error
        except grpc.aio.AioRpcError as error:
            raise of_service(process, error) from error
        return answer

    async def stream(request: Message, context: Context) -> AsyncIterator[Message]:
        try:
            call = begin(request, context)
            try:
                async for message in call:
                    yield message
            finally:
                call.cancel()
        except ReelmillError as error:
            raise connect_error(error) from error
        except grpc.aio.AioRpcError as error:
            raise of_service(process, error) from error

    return Endpoint.server_stream(info, stream) if streams else Endpoint.unary(info, unary)


def _forwarding(
    path: str, server: ServiceChannel, response: type[Message], streams: bool
) -> Callable[[Message, Context], Any]:
    """Begins a call of the service: with the caller's token, trace and what is left of its time."""

    def begin(request: Message, context: Context) -> Awaitable[Message] | AsyncIterator[Message]:
        channel = server.channel
        call: Any = (channel.unary_stream if streams else channel.unary_unary)(
            path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        left = context.timeout_ms
        return call(  # type: ignore[no-any-return]
            request,
            metadata=[(k, v) for k in _FORWARDED if (v := context.request_headers.get(k))],
            timeout=None if left is None else max(left, 0) / 1000,
        )

    return begin
