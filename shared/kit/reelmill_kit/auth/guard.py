"""Lets a call through where its token allows it. Health and reflection are for everybody."""

from __future__ import annotations  # grpc's classes are generic for type checkers only

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import structlog

from ..errors import Reason, ReelmillError
from ..telemetry import logger
from .access import RULES
from .callers import unauthenticated
from .tokens import TokenVerifier

_SCHEME = "bearer "


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Inside of what turns ReelmillError into a status.

    The token is checked before the request is read, the project and the role before anything is done.
    A call that has begun goes on when its token expires.
    """

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith("/reelmill."):
            return handler
        metadata: Any = handler_call_details.invocation_metadata
        try:
            caller = await self._verifier.caller(_bearer(metadata))
            if (rule := RULES.get(method)) is None or handler.request_streaming:
                raise ReelmillError(Reason.PERMISSION_DENIED, f"no rule says who may call {method}")
        except ReelmillError as error:
            logger().info("call refused", method=method, reason=error.reason.value, why=error.message)
            return _refusing(handler, error)

        def check(request: Any) -> None:
            structlog.contextvars.bind_contextvars(caller=caller.subject)
            try:
                rule.check(request, caller)
            except ReelmillError as error:
                logger().info("call refused", method=method, reason=error.reason.value)
                raise

        return _checking(handler, check)


def _bearer(metadata: Any) -> str:
    """Raises UNAUTHENTICATED unless there is exactly one bearer token."""
    values = [value for key, value in metadata or () if key == "authorization"]
    if len(values) != 1 or not isinstance(values[0], str) or values[0][: len(_SCHEME)].lower() != _SCHEME:
        raise unauthenticated(
            "this call has no token" if not values else "authorization is not one bearer token"
        )
    return values[0][len(_SCHEME) :].strip()


def _checking(
    handler: grpc.RpcMethodHandler[Any, Any],
    check: Callable[[Any], None],
) -> grpc.RpcMethodHandler[Any, Any]:
    decode, encode = handler.request_deserializer, handler.response_serializer
    if handler.response_streaming:
        streaming: Any = handler.unary_stream

        async def serve_stream(request: Any, context: Any) -> AsyncIterator[Any]:
            check(request)
            async for response in streaming(request, context):
                yield response

        return grpc.unary_stream_rpc_method_handler(serve_stream, decode, encode)

    unary: Any = handler.unary_unary

    async def serve(request: Any, context: Any) -> Any:
        check(request)
        return await unary(request, context)

    return grpc.unary_unary_rpc_method_handler(serve, decode, encode)


def _refusing(
    handler: grpc.RpcMethodHandler[Any, Any], error: ReelmillError
) -> grpc.RpcMethodHandler[Any, Any]:
    """Says no whatever the request is, without decoding it."""
    if handler.response_streaming:

        async def refuse_stream(request: Any, context: Any) -> AsyncIterator[Any]:
            raise error
            yield

        return grpc.unary_stream_rpc_method_handler(refuse_stream, None, handler.response_serializer)

    async def refuse(request: Any, context: Any) -> Any:
        raise error

    return grpc.unary_unary_rpc_method_handler(refuse, None, handler.response_serializer)
