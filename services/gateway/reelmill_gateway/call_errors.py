"""Errors of calls as the Connect protocol has them: a code, words, and the catalogue's details."""

from collections.abc import Iterable
from typing import Any

import grpc
from connectrpc.code import Code
from connectrpc.errors import ConnectError, ErrorDetail
from google.protobuf import any_pb2, json_format
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from protobuf import wkt

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.grpc_server import status_details

_READABLE = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.Help)
}


class _Detail(ErrorDetail):
    """Shows, beside the message in protobuf, the same in JSON, for people and scripts."""

    def __init__(self, box: any_pb2.Any) -> None:
        super().__init__(wkt.Any(type_url=box.type_url, value=box.value))
        self._json = ""
        if kind := _READABLE.get(box.TypeName()):
            self._json = json_format.MessageToJson(kind.FromString(box.value))

    def value(self, *_: Any) -> Any:
        return wkt.Struct.from_json(self._json) if self._json else None


def connect_error(error: ReelmillError) -> ConnectError:
    return _of_status(error.status, error.message, status_details(error))


def of_service(process: str, error: grpc.aio.AioRpcError) -> ConnectError:
    """As the service said it; where it said nothing, NOT_READY without its address."""
    code, words = error.code(), error.details() or ""
    trailing: Iterable[Any] = error.trailing_metadata() or ()
    for key, value in trailing:
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            return _of_status(code, words, value)
    if code is grpc.StatusCode.UNAVAILABLE:
        return connect_error(
            ReelmillError(Reason.NOT_READY, f"the {process} service cannot be reached now; try again")
        )
    return _of_status(code, words, b"")


def _of_status(code: grpc.StatusCode, words: str, status: bytes) -> ConnectError:
    try:
        details = [_Detail(box) for box in status_pb2.Status.FromString(status).details]
    except DecodeError:
        details = []
    name = "CANCELED" if code is grpc.StatusCode.CANCELLED else code.name
    return ConnectError(Code[name], words, details)
