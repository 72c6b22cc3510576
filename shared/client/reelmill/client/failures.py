"""Reads errors from where a server tells of them: a call's status, and the failure of a movie or batch."""

from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from reelmill.v1 import common_pb2

from .errors import CallError, NoAnswerError, class_of

_DOMAIN = "reelmill"


def call_error(error: grpc.aio.AioRpcError, address: str) -> CallError:
    """Reads google.rpc.ErrorInfo and Help from the trailing metadata, where they are."""
    info, help_links = error_details_pb2.ErrorInfo(), error_details_pb2.Help()
    for detail in _details(error.trailing_metadata() or ()):
        detail.Unpack(info)
        detail.Unpack(help_links)
    if info.domain == _DOMAIN:
        return class_of(info.reason)(
            info.reason,
            error.details() or info.reason,
            code=error.code(),
            metadata=dict(info.metadata),
            from_server=True,
            link=help_links.links[0].url if help_links.links else "",
        )
    message = " ".join((error.details() or "no details").split())
    kind = CallError
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        kind = NoAnswerError
        message = f"no answer from {address} ({message}); is a Reelmill server running there?"
    elif error.code() is grpc.StatusCode.UNIMPLEMENTED:
        message = f"what answers at {address} is no such Reelmill service"
    elif error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        kind = NoAnswerError
        message = f"{address} did not answer in time"
    return kind(error.code().name, message, code=error.code())


def failure_error(failure: common_pb2.Failure) -> CallError:
    """Why a movie or batch failed, as the error that a call would have raised for the same cause.

    One that somebody has cancelled has no failure: then it is a CancelledError.
    """
    if not failure.reason:
        return class_of("CANCELLED")("CANCELLED", "it was cancelled", from_server=True)
    kind = class_of(failure.reason)
    return kind(failure.reason, failure.message, metadata=dict(failure.metadata), from_server=True)


def _details(metadata: Iterable[Any]) -> Iterable[Any]:
    for key, value in metadata:
        if key == "grpc-status-details-bin":
            try:
                yield from status_pb2.Status.FromString(value).details
            except DecodeError:
                return
