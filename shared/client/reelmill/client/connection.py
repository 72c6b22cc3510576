"""A connection to MovieService: retries, typed errors, and a watch that outlives the server."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Protocol, Self, TypeVar

import grpc

from reelmill.v1 import movies_pb2_grpc

from .channel import Credentials, open_channel
from .errors import CallError
from .failures import call_error

T = TypeVar("T")


class Changing(Protocol):
    @property
    def revision(self) -> int: ...


A = TypeVar("A", covariant=True)
C = TypeVar("C", bound=Changing)


class Watching(Protocol[A]):
    """A call of a server that streams."""

    def __aiter__(self) -> AsyncIterator[A]: ...

    def cancel(self) -> bool: ...


# Every call may be made twice: creating carries a request id.
_RETRY = {
    "methodConfig": [
        {
            "name": [{"service": "reelmill.v1.MovieService"}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
_OPTIONS = [
    ("grpc.service_config", json.dumps(_RETRY)),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_reconnect_backoff_ms", 3_000),
]


class Connection:
    """A connection to one movie service. Methods raise CallError."""

    def __init__(
        self,
        address: str,
        *,
        credentials: Credentials | None = None,
        timeout: float = 30.0,
        patience: float = 120.0,
    ) -> None:
        """`address`: host:port, or https://host:port. `credentials`: those of the environment where None.
        `timeout`: seconds a call may take. `patience`: seconds that `watch` goes on while the server is away.
        """
        self.address = address
        self._timeout = timeout
        self._patience = patience
        self._channel = open_channel(address, credentials, _OPTIONS)
        self._stub = movies_pb2_grpc.MovieServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close(None)

    async def _follow(
        self,
        watch: Callable[[int], "Watching[A]"],
        found_in: Callable[[A], C],
        get: Callable[[], Awaitable[C]],
        ended: Callable[[C], bool],
        from_revision: int,
    ) -> AsyncIterator[C]:
        """Every change until the end. Where the connection breaks it goes on from the last revision that was
        seen; nothing comes twice. Left early, it ends the call."""
        loop = asyncio.get_running_loop()
        revision, pause, heard = from_revision, 0.2, loop.time()
        while True:
            call = watch(revision)
            try:
                async for answer in call:
                    found = found_in(answer)
                    pause, heard = 0.2, loop.time()
                    if found.revision > revision:
                        revision = found.revision
                        yield found
                    if ended(found):
                        return
                failure: CallError | None = None
            except grpc.aio.AioRpcError as error:
                failure = call_error(error, self.address)
                broken = failure.code is grpc.StatusCode.UNAVAILABLE or (
                    not failure.from_server
                    and failure.code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
                )
                if not broken or loop.time() - heard > self._patience:
                    raise failure from error
            finally:
                call.cancel()
            if failure is None and ended(await get()):
                return  # it had ended before the revision that was seen
            await asyncio.sleep(pause)
            pause = min(2 * pause, 3.0)

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise call_error(error, self.address) from error
