"""Asking until all are there, and for many things at once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from reelmill_kit.errors import Reason, ReelmillError

I = TypeVar("I")  # noqa: E741 - an item of a list that is asked for
R = TypeVar("R")
_ROUNDS = 4  # times that missing items are asked for


async def collect(
    what: str,
    count: int,
    more: Callable[[int, Sequence[I]], Awaitable[Sequence[I]]],
    first: Sequence[I] = (),
) -> list[I]:
    """`count` items: asks for the missing ones until all are there, up to a limit; the excess is left out.

    Raises LLM_BAD_ANSWER when they do not come together.
    """
    items = list(first)
    for _ in range(_ROUNDS):
        if len(items) >= count:
            break
        items += await more(count - len(items), items)
    if len(items) < count:
        raise ReelmillError(
            Reason.LLM_BAD_ANSWER,
            f"the language model gave only {len(items)} of {count} {what} although asked {_ROUNDS} times; "
            f"ask for fewer {what}, or use a model that follows instructions better",
        )
    return items[:count]


async def together(work: Sequence[Coroutine[Any, Any, R]]) -> list[R]:
    """All results in order. The first failure ends the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
