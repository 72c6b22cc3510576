"""The deadline of the call that is being served: what it asks of others ends with it."""

from __future__ import annotations  # grpc's classes are generic for type checkers only

import time
from contextvars import ContextVar
from typing import Any

import grpc

_ends: ContextVar[float | None] = ContextVar("reelmill_deadline", default=None)


def take_over(context: grpc.aio.ServicerContext[Any, Any]) -> None:
    """From now on, in this task and those that it begins, the call's deadline counts."""
    remaining = context.time_remaining()
    _ends.set(None if remaining is None else time.monotonic() + remaining)


def left(most: float) -> float:
    """Seconds that a call of another service may take: `most`, or less where the caller waits no longer."""
    ends = _ends.get()
    return most if ends is None else max(0.0, min(most, ends - time.monotonic()))
