"""One channel to another service, a new one when this service's certificate was replaced."""

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc

from .errors import Reason, ReelmillError
from .tls import Certificates

_CLOSING_GRACE = 600.0
_OPTIONS = [("grpc.keepalive_time_ms", 30_000), ("grpc.max_reconnect_backoff_ms", 3_000)]


class ServiceChannel:
    """Nothing is connected before the first call."""

    def __init__(
        self,
        address: str,
        certificates: Certificates | None = None,
        interceptors: Sequence[Any] = (),
        options: Sequence[tuple[str, int]] = (),
    ) -> None:
        """`address`: host:port. `certificates`: for TLS; without, plain text."""
        self._address = address
        self._certificates = certificates
        self._interceptors: Any = list(interceptors)
        self._options = [*_OPTIONS, *options]
        self._stamp: object = None
        self._channel: grpc.aio.Channel | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def channel(self) -> grpc.aio.Channel:
        """Raises NOT_READY where the certificate cannot be read."""
        if self._certificates is None:
            self._channel = self._channel or grpc.aio.insecure_channel(
                self._address, options=self._options, interceptors=self._interceptors
            )
            return self._channel
        try:
            if (stamp := self._certificates.stamp()) != self._stamp or self._channel is None:
                credentials = self._certificates.for_caller()
                before, self._stamp = self._channel, stamp
                self._channel = grpc.aio.secure_channel(
                    self._address, credentials, options=self._options, interceptors=self._interceptors
                )
                if before is not None:
                    self._close_later(before)
        except OSError as error:
            if self._channel is None:
                raise ReelmillError(
                    Reason.NOT_READY, f"the certificate of this service cannot be read: {error}"
                ) from error
        return self._channel

    def _close_later(self, channel: grpc.aio.Channel) -> None:
        """Calls that run on it come to their end."""
        closing = asyncio.create_task(channel.close(_CLOSING_GRACE))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close(None)
