"""Each movie's part of a batch's budget. Pure."""

from reelmill.v1 import common_pb2, movies_pb2
from reelmill_kit.errors import Reason

from . import money
from .record import BatchRecord, Item, Movie

_KINDS = ("tokens", "cost_micros")


def movie_budget(record: BatchRecord, index: int) -> common_pb2.Budget | None:
    """The budget of an item's movie: its part of the batch's, within the template's."""
    budget, limit = record.batch.template.budget, record.items[index].limit
    found = common_pb2.Budget(
        tokens=_smaller(budget.tokens, limit.tokens),
        cost_micros=_smaller(budget.cost_micros, limit.cost_micros),
    )
    return found if found.tokens or found.cost_micros else None


def starved_of(record: BatchRecord, movie: movies_pb2.Movie) -> str:
    """The kind of budget that a movie failed for because the batch gave it too little; "" where not."""
    kind = movie.failure.metadata.get("unit", "tokens")
    failed = movie.state == Movie.STATE_FAILED and movie.failure.reason == Reason.BUDGET_EXCEEDED
    if not failed or kind not in _KINDS or not getattr(record.batch.budget, kind):
        return ""
    return kind if getattr(movie.budget, kind) != getattr(record.batch.template.budget, kind) else ""


def budget_left(record: BatchRecord) -> common_pb2.Budget:
    """What is left of the batch's budget and set aside for no movie; at least 1 where it has a limit."""
    left = common_pb2.Budget()
    for kind in _KINDS:
        if whole := getattr(record.batch.budget, kind):
            stakes = [_stake(item, kind) for item in record.items]
            used = sum(stake.used + stake.reserved for stake in stakes) + money.spent(record.inventing, kind)
            setattr(left, kind, max(1, whole - used))
    return left


def next_limit(record: BatchRecord, item: Item, places: int) -> common_pb2.Budget | None:
    """The budget of the item's next movie, or None where too little is left. No limit is 0."""
    budget, found = record.batch.budget, common_pb2.Budget()
    for kind in _KINDS:
        if not (whole := getattr(budget, kind)):
            continue
        whole -= money.spent(record.inventing, kind)
        stakes = [_stake(one, kind) for one in record.items]
        used = money.spent(item.usage, kind)
        needed = round(1.5 * getattr(item.limit, kind)) - used if item.starved == kind else 0
        if not (part := money.share(whole, stakes, needed, places)):
            return None
        setattr(found, kind, used + part)
    return found


def _stake(item: Item, kind: str) -> money.Stake:
    used = money.spent(item.usage, kind)
    reserved = max(1, getattr(item.limit, kind) - used) if item.under_way else 0
    return money.Stake(used + money.spent(item.lost, kind), reserved)


def _smaller(one: int, other: int) -> int:
    """Of two limits, where 0 is none."""
    return min(one, other) if one and other else one or other


def used_up(record: BatchRecord) -> common_pb2.Failure:
    made, usage = record.batch.counts.succeeded, record.batch.usage
    return common_pb2.Failure(
        reason=Reason.BUDGET_EXCEEDED.value,
        message=f"too little of the budget is left for a movie: {made} of {len(record.items)} are made, "
        f"{usage.input_tokens + usage.output_tokens} tokens and {usage.cost_micros / 1e6:g} are spent; "
        "resume the batch with a higher budget",
    )
