"""The HTTP server, by TLS where the services speak TLS."""

import asyncio
import contextlib
import ssl
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp

from reelmill_kit.telemetry import logger
from reelmill_kit.tls import Certificates


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield  # the Runtime hears them


class WebServer:
    def __init__(
        self,
        app: ASGIApp,
        address: str,
        certificates: Certificates | None = None,
        *,
        grace: float = 10.0,
        connections: int = 256,
        look_every: float = 10.0,
    ) -> None:
        """`address`: host:port. `certificates`: for TLS, looked at every `look_every` seconds; without, plain
        text. `grace`: seconds that requests get at the end. `connections`: more are answered with 503."""
        self._app = app
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._certificates = certificates
        self._grace = grace
        self._connections = connections
        self._look_every = look_every

    async def run(self) -> None:
        """Serves until it is cancelled."""
        tls: dict[str, object] = {}
        if self._certificates:
            self._certificates.check()
            tls = {"ssl_certfile": self._certificates.cert, "ssl_keyfile": self._certificates.key}
            if self._certificates.certified:
                tls |= {"ssl_ca_certs": str(self._certificates.ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
        config = uvicorn.Config(
            self._app,
            host=self._host,
            port=self._port,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            limit_concurrency=self._connections,
            proxy_headers=False,
            timeout_graceful_shutdown=round(self._grace),
            **tls,  # type: ignore[arg-type]
        )
        config.load()
        server = _Server(config)
        serving = asyncio.create_task(server.serve())
        renewing = asyncio.create_task(self._renew(config.ssl))
        logger().info("serving HTTP", address=f"{self._host}:{self._port}", tls=bool(tls))
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            renewing.cancel()
            await asyncio.wait([serving], timeout=self._grace + 1)

    async def _renew(self, context: ssl.SSLContext | None) -> None:
        """Replaced files count from the next connection on; such as do not fit each other are not taken."""
        if self._certificates is None or context is None:
            return
        known = self._certificates.stamp()
        while True:
            await asyncio.sleep(self._look_every)
            try:
                if (now := self._certificates.stamp()) == known:
                    continue
                self._certificates.check()
                context.load_cert_chain(self._certificates.cert, self._certificates.key)
            except Exception as error:
                logger().error("the new certificate is not taken, the one before stays", error=str(error))
            else:
                known = now
                logger().info("a new certificate is used", file=str(self._certificates.cert))
