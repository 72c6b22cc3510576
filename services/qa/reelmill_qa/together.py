"""Questions to a language model that are asked beside each other."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from reelmill_kit import tasks
from reelmill_kit.errors import Reason, ReelmillError


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """The first failure ends the rest, and is raised.

    Where it is the budget's, what is under way comes to its end first: it is paid for, and kept for whoever
    goes on.
    """
    asked = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*asked)
    except ReelmillError as error:
        if error.reason is Reason.BUDGET_EXCEEDED:
            await asyncio.wait(asked)
        raise
    finally:
        await tasks.end(asked)
