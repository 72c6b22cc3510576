"""The error catalogue: one reason for one cause, the same by gRPC, event and command line."""

from enum import StrEnum
from typing import TYPE_CHECKING

import grpc

from reelmill.v1 import common_pb2

if TYPE_CHECKING:
    from .names import Stage

DOMAIN = "reelmill"


class Reason(StrEnum):
    """Every way in which Reelmill says no. The name is google.rpc.ErrorInfo.reason."""

    INVALID_FIELD = "INVALID_FIELD"
    MALFORMED_REQUEST = "MALFORMED_REQUEST"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    WRONG_STATE = "WRONG_STATE"
    CONFLICT = "CONFLICT"
    ETAG_MISMATCH = "ETAG_MISMATCH"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    DUPLICATE_PLOT = "DUPLICATE_PLOT"
    CANCELLED = "CANCELLED"
    LLM_UNAVAILABLE = "LLM_UNAVAILABLE"
    LLM_REFUSED = "LLM_REFUSED"
    LLM_BAD_ANSWER = "LLM_BAD_ANSWER"
    LLM_REJECTED = "LLM_REJECTED"
    MODEL_REJECTED = "MODEL_REJECTED"
    RENDERER_UNAVAILABLE = "RENDERER_UNAVAILABLE"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    BUS_UNAVAILABLE = "BUS_UNAVAILABLE"
    NOT_READY = "NOT_READY"
    JOB_ABANDONED = "JOB_ABANDONED"
    CALLBACK_FAILED = "CALLBACK_FAILED"
    INTERNAL = "INTERNAL"


_STATUS: dict[Reason, grpc.StatusCode] = {
    Reason.INVALID_FIELD: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.MALFORMED_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Reason.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
    Reason.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Reason.REQUEST_ID_REUSED: grpc.StatusCode.ALREADY_EXISTS,
    Reason.WRONG_STATE: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.CONFLICT: grpc.StatusCode.ABORTED,
    Reason.ETAG_MISMATCH: grpc.StatusCode.ABORTED,
    Reason.ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    Reason.BUDGET_EXCEEDED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.QUOTA_EXCEEDED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.DUPLICATE_PLOT: grpc.StatusCode.ALREADY_EXISTS,
    Reason.CANCELLED: grpc.StatusCode.CANCELLED,
    Reason.LLM_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Reason.LLM_REFUSED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.LLM_BAD_ANSWER: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.LLM_REJECTED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.MODEL_REJECTED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.RENDERER_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Reason.STORE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Reason.BUS_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Reason.NOT_READY: grpc.StatusCode.UNAVAILABLE,
    Reason.JOB_ABANDONED: grpc.StatusCode.ABORTED,
    Reason.CALLBACK_FAILED: grpc.StatusCode.ABORTED,
    Reason.INTERNAL: grpc.StatusCode.INTERNAL,
}

# Trying the same thing again may help: a job is delivered again, a gRPC caller may retry.
_TRANSIENT = frozenset(
    {
        Reason.CONFLICT,
        Reason.LLM_UNAVAILABLE,
        Reason.RENDERER_UNAVAILABLE,
        Reason.STORE_UNAVAILABLE,
        Reason.BUS_UNAVAILABLE,
        Reason.NOT_READY,
    }
)


class ReelmillError(Exception):
    """An error of the catalogue.

    `message` says what happened, to what, and what to do. `metadata` is for programs, for example
    `{"field": "theme"}`; no secrets.
    """

    def __init__(self, reason: Reason, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = metadata
        self.usage: common_pb2.Usage | None = None
        """What was spent on language models before it went wrong, where anything was."""

    @property
    def status(self) -> grpc.StatusCode:
        return _STATUS[self.reason]

    @property
    def transient(self) -> bool:
        return self.reason in _TRANSIENT

    def to_failure(self, stage: "Stage" = common_pb2.STAGE_UNSPECIFIED) -> common_pb2.Failure:
        return common_pb2.Failure(
            reason=self.reason.value, message=self.message, stage=stage, metadata=self.metadata
        )


def invalid(field: str, message: str) -> ReelmillError:
    """Bad input: `field` is the path in the request as its writer knows it, for example `movie.theme`."""
    return ReelmillError(Reason.INVALID_FIELD, f"{field}: {message}", field=field)


def internal(error: BaseException) -> ReelmillError:
    """What a caller may see of an error that nobody foresaw; the log has the rest."""
    return ReelmillError(
        Reason.INTERNAL,
        f"unexpected {type(error).__name__}; the service's log at this trace id has the details",
    )
