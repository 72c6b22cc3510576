"""A gRPC server with health, reflection, traces, and the error catalogue as google.rpc details."""

from __future__ import annotations  # grpc's classes are generic for type checkers only

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from opentelemetry.instrumentation.grpc import aio_server_interceptor

from . import deadlines
from .auth.tokens import MAX_BYTES as TOKEN_BYTES
from .errors import DOMAIN, Reason, ReelmillError, internal
from .telemetry import logger
from .tls import Certificates

# References to learn a style from may come inline.
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_KEEPALIVE = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 0),
]
Servicer = tuple[Callable[[Any, grpc.aio.Server], None], Any, str]


class GrpcServer:
    """Serves servicers; unready by health until `set_ready(True)`."""

    def __init__(
        self,
        servicers: Sequence[Servicer],
        guard: grpc.aio.ServerInterceptor[Any, Any] | None = None,
        certificates: Certificates | None = None,
        help_url: str = "",
    ) -> None:
        """`servicers`: for each its `add_..._to_server`, the object, and the service's full name.
        `guard`: lets calls through; without one, all. `certificates`: for TLS; without, plain text.
        `help_url`: where docs/errors.md can be read; errors link to it."""
        self._certificates = certificates
        self._names = [name for _, _, name in servicers]
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]
        self._server = grpc.aio.server(
            interceptors=[
                aio_server_interceptor(),  # type: ignore[no-untyped-call]
                _ErrorInterceptor(help_url),
                *([guard] if guard else []),
            ],
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                # Between the two gRPC refuses at random: the largest token has to fit under the first.
                ("grpc.max_metadata_size", 2 * TOKEN_BYTES),
                ("grpc.absolute_max_metadata_size", 4 * TOKEN_BYTES),
                ("grpc.so_reuseport", 0),
                *_KEEPALIVE,
            ],
        )
        for add, servicer, _ in servicers:
            add(servicer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            [*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server
        )

    async def start(self, address: str) -> int:
        """Listens on host:port (port 0: any free one) and returns the port. Raises INVALID_FIELD where the
        certificates are none."""
        await self.set_ready(False)
        if self._certificates:
            port = self._server.add_secure_port(address, self._certificates.for_server())
        else:
            port = self._server.add_insecure_port(address)
        await self._server.start()
        return int(port)

    async def set_ready(self, ready: bool) -> None:
        status = (
            health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        )
        for name in ("", *self._names):
            await self._health.set(name, status)

    async def stop(self, grace: float) -> None:
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)


def status_details(error: ReelmillError, help_url: str = "") -> bytes:
    """The error as a serialized google.rpc.Status (AIP-193): ErrorInfo, BadRequest where a field is to blame,
    and Help where `help_url` says where the reasons are explained."""
    info = error_details_pb2.ErrorInfo(reason=error.reason.value, domain=DOMAIN, metadata=error.metadata)
    details: list[Message] = [info]
    if field := error.metadata.get("field"):
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=error.message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if help_url:
        link = error_details_pb2.Help.Link(
            description=f"What {error.reason.value} means and what to do",
            url=f"{help_url}#{error.reason.value.lower()}",
        )
        details.append(error_details_pb2.Help(links=[link]))
    packed = []
    for detail in details:
        box = any_pb2.Any()
        box.Pack(detail)
        packed.append(box)
    status = status_pb2.Status(
        code=getattr(code_pb2, error.status.name), message=error.message, details=packed
    )
    return bytes(status.SerializeToString())


class _Undecodable:
    """Stands for a request that was no protobuf of its type."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class _ErrorInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Turns exceptions into statuses of the catalogue, for unary and streaming replies."""

    def __init__(self, help_url: str) -> None:
        self._help_url = help_url

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        handler = await continuation(handler_call_details)
        if (
            handler is None
            or handler.request_streaming
            or not handler_call_details.method.startswith("/reelmill.")
        ):
            return handler
        decode = _tolerant(handler.request_deserializer)
        if handler.response_streaming:
            streaming: Any = handler.unary_stream

            async def serve_stream(
                request: Any, context: grpc.aio.ServicerContext[Any, Any]
            ) -> AsyncIterator[Any]:
                deadlines.take_over(context)
                try:
                    _refuse_undecodable(request)
                    # Closed at once when the caller goes away or its deadline has passed: so ends the work.
                    async with aclosing(streaming(request, context)) as responses:
                        async for response in responses:
                            yield response
                except Exception as error:
                    await self._abort(context, handler_call_details.method, error)

            return grpc.unary_stream_rpc_method_handler(serve_stream, decode, handler.response_serializer)

        unary: Any = handler.unary_unary

        async def serve(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            deadlines.take_over(context)
            try:
                _refuse_undecodable(request)
                return await unary(request, context)
            except Exception as error:
                await self._abort(context, handler_call_details.method, error)

        return grpc.unary_unary_rpc_method_handler(serve, decode, handler.response_serializer)

    async def _abort(
        self, context: grpc.aio.ServicerContext[Any, Any], method: str, error: Exception
    ) -> NoReturn:
        if isinstance(error, grpc.aio.AbortError | asyncio.CancelledError):
            raise error
        if not isinstance(error, ReelmillError):
            logger().exception("call failed unexpectedly", method=method, exc_info=error)
            error = internal(error)
        details = status_details(error, self._help_url)
        await context.abort(error.status, error.message, (("grpc-status-details-bin", details),))
        raise AssertionError("abort always raises")


def _tolerant(deserializer: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    def decode(data: bytes) -> Any:
        try:
            return deserializer(data) if deserializer else data
        except DecodeError as error:
            return _Undecodable(error)

    return decode


def _refuse_undecodable(request: Any) -> None:
    if isinstance(request, _Undecodable):
        raise ReelmillError(
            Reason.MALFORMED_REQUEST,
            "the request is not a protobuf message of this method's type",
            field="request",
        )
