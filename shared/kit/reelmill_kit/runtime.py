"""Runs a service: gRPC and jobs side by side, ready when what it needs is there, ended in good order."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from . import tasks, telemetry
from .auth import AuthSettings, Guard, TokenVerifier
from .bus import Bus
from .errors import ReelmillError
from .grpc_server import GrpcServer, Servicer
from .settings import ServiceSettings
from .tls import Certificates, TlsSettings

Check = Callable[[], Awaitable[None]]
_TELL_INTERVAL = 30.0
_CHECK_INTERVAL = 5.0
_CHECK_TIMEOUT = 10.0


class Runtime:
    """What a service's main puts together and then runs.

    The process lives on while something it needs is missing: it says what, tries again, and is
    unready by gRPC health until all is there.
    """

    def __init__(self, service: str, settings: ServiceSettings, bus: Bus) -> None:
        """How callers are known, too, it reads from the environment. Raises ValidationError."""
        verifier = TokenVerifier.configured(AuthSettings())
        self._certificates = Certificates.configured(TlsSettings())
        telemetry.set_up(service, settings.log_level)
        self._settings = settings
        self._bus = bus
        self._checks: dict[str, Check] = {"NATS": bus.check}
        self._guard = Guard(verifier) if verifier else None
        if verifier:
            self.needs("keys for tokens", verifier.keys.check)
        else:
            telemetry.logger().warning("REELMILL_AUTH is off: everybody who reaches this may do everything")
        if self._certificates is None:
            telemetry.logger().warning("REELMILL_TLS is off: calls and their tokens are in plain text")
        self.ready = asyncio.Event()
        """Set while everything needed is there; for a JobWorker to wait for."""

    def needs(self, name: str, check: Check) -> None:
        """The service is ready only while `check` returns; it raises ReelmillError otherwise."""
        self._checks[name] = check

    async def run(
        self, servicers: Sequence[Servicer], loops: Sequence[Callable[[], Awaitable[None]]]
    ) -> None:
        """Serves until SIGTERM or SIGINT. `loops` start once the bus is connected and run until the end."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        server = GrpcServer(servicers, self._guard, self._certificates, self._settings.help_url)
        host = self._settings.grpc_address.rsplit(":", 1)[0]
        try:
            port = await server.start(self._settings.grpc_address)
        except ReelmillError as refused:
            raise SystemExit(f"settings: {refused.message}") from None
        telemetry.logger().info("serving gRPC", address=f"{host}:{port}", pid=os.getpid())
        running = [
            asyncio.create_task(self._live(server, loops)),
            asyncio.create_task(self._bus.closed.wait()),
        ]
        stopping = asyncio.create_task(stop.wait())
        try:
            ended, _ = await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                if task is not stopping and (error := task.exception()):
                    raise error
            if stopping not in ended:
                raise SystemExit("the bus connection was closed for good; a new process has to connect")
        finally:
            telemetry.logger().info("stopping", grace_s=self._settings.shutdown_grace)
            await tasks.end([*running, stopping], patience=5)
            await server.stop(self._settings.shutdown_grace)
            await self._bus.close()
            await asyncio.to_thread(telemetry.shut_down)

    async def _live(self, server: GrpcServer, loops: Sequence[Callable[[], Awaitable[None]]]) -> None:
        await self._bus.connect()
        running = [asyncio.create_task(_forever(run)) for run in loops]
        running.append(asyncio.create_task(self._watch_needs(server)))
        try:
            await asyncio.gather(*running)
        finally:
            await tasks.end(running)

    async def _watch_needs(self, server: GrpcServer) -> None:
        ready: bool | None = None
        told: dict[str, str] = {}
        told_at = 0.0
        while True:
            missing = await self._missing()
            if missing:
                self.ready.clear()
            else:
                self.ready.set()
            if bool(missing) is ready or ready is None:
                await server.set_ready(not missing)
                telemetry.logger().info("not ready" if missing else "ready", missing=missing)
                told, told_at = missing, time.monotonic()
            elif missing and (missing != told or time.monotonic() - told_at > _TELL_INTERVAL):
                telemetry.logger().warning("still not ready", missing=missing)
                told, told_at = missing, time.monotonic()
            ready = not missing
            await asyncio.sleep(_CHECK_INTERVAL if ready else 1.0)

    async def _missing(self) -> dict[str, str]:
        async def why(name: str, check: Check) -> tuple[str, str]:
            try:
                await asyncio.wait_for(check(), _CHECK_TIMEOUT)
            except ReelmillError as error:
                return name, error.message
            except TimeoutError:
                return name, f"no answer within {_CHECK_TIMEOUT:.0f} s"
            return name, ""

        found = await asyncio.gather(*(why(name, check) for name, check in self._checks.items()))
        return {name: reason for name, reason in found if reason}


async def _forever(run: Callable[[], Awaitable[None]]) -> None:
    """A loop that must not end: an error nobody foresaw is logged and the loop begins anew."""
    while True:
        try:
            await run()
        except ReelmillError as error:
            # What the process needs is away, and whoever looks after that has said so.
            level = "debug" if error.transient else "error"
            getattr(telemetry.logger(), level)("loop begins anew", reason=error.reason, error=error.message)
        except Exception as error:
            telemetry.logger().exception("loop failed, beginning anew", exc_info=error)
        with suppress(TimeoutError):
            await asyncio.sleep(1)
