"""Calls of other services: one channel each, and errors as the service means them."""

from collections.abc import Awaitable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from reelmill_kit.auth import TokenSender
from reelmill_kit.channels import ServiceChannel
from reelmill_kit.errors import DOMAIN, Reason, ReelmillError
from reelmill_kit.tls import Certificates

T = TypeVar("T")


class Neighbour:
    """A service at an address; nothing is connected before the first call."""

    def __init__(
        self, name: str, address: str, token: Path | None = None, certificates: Certificates | None = None
    ) -> None:
        """`name`: "script", for REELMILL_SCRIPT_SERVER. `address`: host:port, or empty where nobody said.
        `token`: the file with the token to send. `certificates`: for TLS; without, plain text."""
        self._name = name
        self._setting = f"REELMILL_{name.upper()}_SERVER"
        self._address = address
        senders = [TokenSender(token)] if token else []
        self._channel = ServiceChannel(address, certificates, senders)

    @property
    def channel(self) -> grpc.aio.Channel:
        """Raises WRONG_STATE where this installation has no address for it, NOT_READY where the certificate
        cannot be read."""
        if not self._address:
            raise ReelmillError(
                Reason.WRONG_STATE,
                f"this installation's front door does not know its {self._name} service; set {self._setting}",
            )
        return self._channel.channel

    async def call(self, call: Awaitable[T]) -> T:
        """The answer, or ReelmillError; where the service did not answer, one that passes."""
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise self._error(error) from error

    async def close(self) -> None:
        await self._channel.close()

    def _error(self, error: grpc.aio.AioRpcError) -> ReelmillError:
        trailing: Iterable[Any] = error.trailing_metadata() or ()
        for key, value in trailing:
            if key != "grpc-status-details-bin" or not isinstance(value, bytes):
                continue
            info = error_details_pb2.ErrorInfo()
            try:
                details = status_pb2.Status.FromString(value).details
            except DecodeError:
                continue
            if any(detail.Unpack(info) for detail in details) and info.domain == DOMAIN:
                if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
                    break  # it is this service's token that is wrong, not the caller's
                return ReelmillError(Reason(info.reason), error.details() or info.reason, **info.metadata)
        return ReelmillError(
            Reason.NOT_READY,
            f"the {self._name} service at {self._address} did not answer ({error.code().name}: "
            f"{error.details()}); {self._setting} says where it is, "
            "REELMILL_SERVICE_TOKEN_FILE names the token to call it with",
        )
