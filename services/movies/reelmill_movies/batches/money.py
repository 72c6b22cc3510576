"""How a batch's budget is shared among its movies, so that together they never spend more. Pure.

Every movie under way has a limit of its own; what the limits leave is free for the next. A movie is not begun
with less than the dearest one so far has cost: half a movie is money lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from reelmill.v1 import common_pb2

_MARGIN = 1.5  # how much dearer than any before a movie may become when money is short


@dataclass(frozen=True, slots=True)
class Stake:
    """A movie's part of the budget in one kind, tokens or money."""

    used: int
    # What it may still use; 0 where it has ended.
    reserved: int


def spent(usage: common_pb2.Usage, kind: str) -> int:
    """`kind`: a field of Budget."""
    return usage.input_tokens + usage.output_tokens if kind == "tokens" else usage.cost_micros


def share(budget: int, stakes: Iterable[Stake], needed: int, places: int) -> int:
    """What the next of `places` movies that can begin now may use, or 0 where that would be too little.

    `needed`: what it is known to need at least.
    """
    stakes = list(stakes)
    left = budget - sum(stake.used + stake.reserved for stake in stakes)
    dearest = max((stake.used for stake in stakes if not stake.reserved), default=0)
    needed = max(needed, dearest, 1)
    if left < needed:
        return 0
    return max(left // max(1, places), min(left, round(needed * _MARGIN)))
