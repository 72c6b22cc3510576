"""What is said by HTTP: the error catalogue, in the form that the Connect protocol gives errors."""

import base64

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from starlette.responses import JSONResponse

from reelmill_kit.errors import DOMAIN, Reason, ReelmillError

STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
}


class TooLarge(ReelmillError):
    def __init__(self, limit: int) -> None:
        text = f"body: has more than the {limit} bytes that are allowed"
        super().__init__(Reason.INVALID_FIELD, text, field="body")


def refusal(error: ReelmillError) -> JSONResponse:
    """`debug` of the detail is for reading, `value` the same as protobuf."""
    info = error_details_pb2.ErrorInfo(reason=error.reason.value, domain=DOMAIN, metadata=error.metadata)
    detail = {
        "type": info.DESCRIPTOR.full_name,
        "value": base64.b64encode(info.SerializeToString()).decode().rstrip("="),
        "debug": json_format.MessageToDict(info),
    }
    code = error.status.name.lower().replace("cancelled", "canceled")
    headers = {"retry-after": "5"} if error.transient else {}
    status = STATUS[error.status]
    if isinstance(error, TooLarge):
        # What is left of the body is not read.
        status, headers = 413, {"connection": "close"}
    return JSONResponse({"code": code, "message": error.message, "details": [detail]}, status, headers)
