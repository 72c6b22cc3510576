"""The connection to Triton, by TLS or not; a new one when this service's certificate was replaced."""

import asyncio

from tritonclient.grpc import KeepAliveOptions
from tritonclient.grpc.aio import InferenceServerClient

from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.tls import Certificates

_BY_TLS = "https://"


class TritonConnection:
    """Must be made inside a running event loop, because its channel belongs to it."""

    def __init__(self, url: str, certificates: Certificates | None = None, grace: float = 60) -> None:
        """`url` is host:port of Triton's gRPC endpoint, or https://host:port for TLS, which needs this
        service's own `certificates`. `grace`: seconds that calls have to end when those were replaced.

        Raises INVALID_FIELD.
        """
        self.url = url
        self._grace = grace
        self._certificates = certificates if url.startswith(_BY_TLS) else None
        if url.startswith(_BY_TLS) and certificates is None:
            raise invalid("REELMILL_TRITON_URL", f"{url} is by TLS, which needs REELMILL_TLS=on")
        self._stamp: object = None
        self._client: InferenceServerClient | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def client(self) -> InferenceServerClient:
        """Raises RENDERER_UNAVAILABLE where the certificate cannot be read."""
        try:
            stamp = self._certificates.stamp() if self._certificates else None
            if self._client is None or stamp != self._stamp:
                before, self._client = self._client, self._connected()
                self._stamp = stamp
                if before is not None:
                    self._close_later(before)
        except OSError as error:
            if self._client is None:
                raise ReelmillError(
                    Reason.RENDERER_UNAVAILABLE,
                    f"Triton at {self.url} cannot be called: the certificate of this service cannot be read "
                    f"({error})",
                ) from error
        return self._client

    async def close(self) -> None:
        for closing in self._closing:
            closing.cancel()
        if self._client is not None:
            await self._client.close()

    def _connected(self) -> InferenceServerClient:
        credentials = self._certificates.for_caller() if self._certificates else None
        return InferenceServerClient(
            self.url.removeprefix(_BY_TLS),
            ssl=credentials is not None,
            creds=credentials,
            keepalive_options=KeepAliveOptions(keepalive_time_ms=60_000, keepalive_timeout_ms=20_000),
        )

    def _close_later(self, client: InferenceServerClient) -> None:
        async def close() -> None:
            try:
                await asyncio.sleep(self._grace)
            finally:
                await client.close()

        closing = asyncio.create_task(close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
