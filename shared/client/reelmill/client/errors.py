"""Errors of a call as an exception with the reason of the catalogue."""

from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

_DOMAIN = "reelmill"


class CallError(Exception):
    """A call failed.

    `reason` is the server's reason, for example "NOT_FOUND" or "INVALID_FIELD"; where no Reelmill server
    answered, it is gRPC's code, for example "UNAVAILABLE", and `from_server` is False. `metadata` is for
    programs, for example {"field": "movie.theme"}.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        metadata: dict[str, str] | None = None,
        from_server: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.code = code
        self.metadata = metadata or {}
        self.from_server = from_server

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


def call_error(error: grpc.aio.AioRpcError, address: str) -> CallError:
    """Reads google.rpc.ErrorInfo from the trailing metadata, where there is one."""
    for detail in _details(error.trailing_metadata() or ()):
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == _DOMAIN:
            return CallError(
                info.reason,
                error.details() or info.reason,
                code=error.code(),
                metadata=dict(info.metadata),
                from_server=True,
            )
    message = " ".join((error.details() or "no details").split())
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        message = f"no answer from {address} ({message}); is a Reelmill server running there?"
    elif error.code() is grpc.StatusCode.UNIMPLEMENTED:
        message = f"what answers at {address} is no such Reelmill service"
    elif error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = f"{address} did not answer in time"
    return CallError(error.code().name, message, code=error.code())


def _details(metadata: Iterable[Any]) -> Iterable[Any]:
    for key, value in metadata:
        if key == "grpc-status-details-bin":
            try:
                yield from status_pb2.Status.FromString(value).details
            except DecodeError:
                return
