"""Ending asyncio tasks for certain."""

import asyncio
from collections.abc import Iterable
from typing import Any


async def end(tasks: Iterable["asyncio.Task[Any]"], patience: float = 1.0) -> None:
    """Cancels the tasks and waits until they have ended, whatever they end with.

    A cancellation can be lost: before Python 3.12 `asyncio.wait_for`, which NATS's client is built on,
    drops it when its result arrives at the same moment. So a task that goes on is cancelled again.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=patience)


async def finish(tasks: Iterable["asyncio.Task[Any]"], patience: float) -> None:
    """Gives the tasks `patience` seconds to come to their own end, and then ends them."""
    left = [task for task in tasks if not task.done()]
    try:
        if left:
            await asyncio.wait(left, timeout=patience)
    finally:
        await end(left)
