"""Async clients for callers that are not: they run on one event loop, in a thread of its own."""

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar

A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")
_END: Any = object()


class _Background:
    """An event loop that runs until the process ends."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="reelmill", daemon=True)
        self._thread.start()

    def run(self, make: Callable[[], Awaitable[R]]) -> R:
        """What this gives when it is awaited there. Where the caller is interrupted, so is the call."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("a callback of a call cannot make another one; use the async client there")
        if not self._thread.is_alive():
            raise RuntimeError("this process was forked after its first call; fork first, or spawn it")

        async def wait() -> R:
            return await make()

        future = asyncio.run_coroutine_threadsafe(wait(), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def leave(self, found: Any) -> None:
        """Ends an async generator there; nobody waits, as the collector of garbage may be who calls."""
        asyncio.run_coroutine_threadsafe(found.aclose(), self._loop)


@functools.cache
def _background() -> _Background:
    return _Background()


class Closable(Protocol):
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


C = TypeVar("C", bound=Closable)


class Blocking(Generic[A]):
    """Holds an async object whose methods `blocking` and `iterating` make plain ones."""

    def __init__(self, make: Callable[[], A]) -> None:
        async def made() -> A:
            return make()  # gRPC's channels belong to the loop that they are made on

        self._background = _background()
        self._inner = self._background.run(made)


class BlockingClient(Blocking[C]):
    """A connection; close it, or use it in a `with`. Threads may share it."""

    def close(self) -> None:
        self._background.run(lambda: self._inner.__aexit__(None, None, None))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def blocking(
    method: Callable[Concatenate[A, P], Awaitable[R]],
) -> Callable[Concatenate[Blocking[A], P], R]:
    """The same method for callers that wait."""

    @functools.wraps(method)
    def call(self: Blocking[A], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._background.run(lambda: method(self._inner, *args, **kwargs))

    return call


def iterating(
    method: Callable[Concatenate[A, P], AsyncIterator[R]],
) -> Callable[Concatenate[Blocking[A], P], Iterator[R]]:
    """The same method as a plain iterator; left early, it ends the call."""

    @functools.wraps(method)
    def iterate(self: Blocking[A], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        found: Any = method(self._inner, *args, **kwargs)
        try:
            while (item := self._background.run(lambda: anext(found, _END))) is not _END:
                yield item
        finally:
            self._background.leave(found)

    return iterate
