"""Progress of long work: reported once, heard by a gRPC stream or by the bus."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol, TypeVar

from reelmill.v1 import common_pb2

from . import tasks

R = TypeVar("R")


class Report(Protocol):
    """Called by a stage's core, from the event loop, as often as it likes; never blocks."""

    def __call__(self, message: str, done: int = 0, total: int = 0) -> None: ...


def silent(message: str, done: int = 0, total: int = 0) -> None:
    """A Report that nobody hears."""


async def stream(work: Callable[[Report], Awaitable[R]]) -> AsyncGenerator[common_pb2.Progress | R, None]:
    """Runs the work and yields its progress, then its result. Closing the iterator cancels the work.

    Reports that come faster than they are read are dropped but for the latest.
    """
    latest: common_pb2.Progress | None = None
    news = asyncio.Event()

    def report(message: str, done: int = 0, total: int = 0) -> None:
        nonlocal latest
        latest = common_pb2.Progress(message=message, done=done, total=total)
        news.set()

    async def run() -> R:
        try:
            return await work(report)
        finally:
            news.set()

    task = asyncio.create_task(run())
    try:
        while not task.done() or latest is not None:
            await news.wait()
            news.clear()
            if latest is not None:
                progress, latest = latest, None
                yield progress
        yield await task
    finally:
        await tasks.end([task])
