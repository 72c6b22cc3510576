"""How a batch's record changes. Pure: no clock, no network."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from reelmill.v1 import common_pb2, movies_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import BatchName, MovieName

from .. import domain as movie_domain
from .items import REPLACEMENTS
from .record import MOVIES_LIMIT, Batch, BatchRecord, Item, Movie, request_digest
from .shares import movie_budget, next_limit, starved_of, used_up

if TYPE_CHECKING:
    BatchState: TypeAlias = movies_pb2.Batch.State.ValueType


def new_record(name: BatchName, request_id: str, asked: movies_pb2.Batch, now: datetime) -> BatchRecord:
    """The record of a batch that was just asked for; `asked` has only checked input fields."""
    batch = Batch()
    batch.CopyFrom(asked)
    batch.ClearField("themes")
    batch.name, batch.request_id, batch.state = str(name), request_id, Batch.STATE_PENDING
    batch.create_time.FromDatetime(now)
    invented = not asked.themes
    record = BatchRecord(
        batch,
        request_digest(asked),
        [Item() for _ in range(batch.movies)],
        invented=invented,
        themed=not invented,
    )
    _changed(record, now)
    return record


def themes_come(record: BatchRecord, usage: common_pb2.Usage, now: datetime) -> bool:
    """The themes are stored; returns False if that is known."""
    if record.themed:
        return False
    record.themed = True
    record.inventing.CopyFrom(usage)
    _changed(record, now)
    return True


def themes_fail(record: BatchRecord, failure: common_pb2.Failure, now: datetime) -> bool:
    """No themes can be had: the batch fails, or pauses where they would cost too much."""
    if record.ended or record.themed:
        return False
    record.batch.failure.CopyFrom(failure)
    spent = failure.reason == Reason.BUDGET_EXCEEDED
    return _enter(record, Batch.STATE_PAUSED if spent else Batch.STATE_FAILED, now)


def replace_theme(record: BatchRecord, index: int, begun: int, theme: str, usage: common_pb2.Usage) -> bool:
    """Another theme for the `begun`th movie of an item; returns False where it is not about to be made."""
    item = record.items[index]
    if item.begun != begun or item.state != Movie.STATE_PENDING or item.theme == theme:
        return False
    item.theme = theme
    record.inventing.CopyFrom(movie_domain.total_usage([record.inventing, usage]))
    return True


def begin(
    record: BatchRecord, now: datetime, room: int = MOVIES_LIMIT, why: common_pb2.Failure | None = None
) -> list[int]:
    """Begins items, in their order, as far as there is room and money; returns which.

    Pauses the batch where there is too little money for any more and nothing is under way.

    Args:
        room: How many movies the project's limits let begin now; `why` says where that is none.
    """
    if record.ended or record.paused or not record.themed:
        return []
    running = sum(item.under_way for item in record.items)
    waiting = [index for index, item in enumerate(record.items) if not item.state or item.starved]
    places = min(record.batch.parallel - running, len(waiting))
    if places > 0 and room <= 0:
        # It goes on by itself when there is room again.
        if why is not None:
            record.batch.failure.CopyFrom(why)
        return []
    places = min(places, room)
    chosen: list[int] = []
    for index in waiting[: max(0, places)]:
        item = record.items[index]
        if (limit := next_limit(record, item, places - len(chosen))) is None:
            break
        item.limit.CopyFrom(limit)
        item.begun += not item.starved
        item.state, item.starved = Movie.STATE_PENDING, ""
        chosen.append(index)
    if chosen:
        record.batch.ClearField("failure")
        _enter(record, Batch.STATE_RUNNING, now)
    elif places > 0 and not running:
        record.batch.failure.CopyFrom(used_up(record))
        _enter(record, Batch.STATE_PAUSED, now)
    return chosen


def observe(record: BatchRecord, movies: Mapping[int, movies_pb2.Movie], now: datetime) -> bool:
    """Takes in how movies are now, by item; ends the batch when all have ended. False: it was known."""
    changed = [index for index, movie in movies.items() if _observe_one(record, index, movie)]
    if not changed:
        return False
    if not record.ended and all(item.ended for item in record.items):
        if any(item.state == Movie.STATE_SUCCEEDED for item in record.items):
            _enter(record, Batch.STATE_SUCCEEDED, now)
        else:
            _fail(record, movies[changed[-1]].failure, now)
    _changed(record, now)
    return True


def to_compare(record: BatchRecord, written: Collection[int]) -> int | None:
    """The item whose plot is compared next, of those whose script is `written`.

    Plots are compared in the order of items, so that which of two is dropped does not depend on which was
    written first: the same batch gives the same movies.
    """
    for index, item in enumerate(record.items):
        if not item.taken and not item.ended:
            return index if index in written else None
    return None


def take(record: BatchRecord, index: int, movie: MovieName) -> bool:
    """The plot of an item's movie is taken; returns False where that is known or another movie counts."""
    if record.movie(index) != movie or record.items[index].taken:
        return False
    record.items[index].taken = True
    return True


def duplicate(like: MovieName, percent: int) -> common_pb2.Failure:
    """Why a movie is dropped; its own record says so first, and the batch reads it there."""
    error = ReelmillError(
        Reason.DUPLICATE_PLOT,
        f"its plot is {percent} % like that of {like}; it was dropped before anything was drawn",
        like=str(like),
        percent=str(percent),
    )
    return error.to_failure(common_pb2.STAGE_SCRIPT)


def pause(record: BatchRecord, now: datetime) -> bool:
    """Returns False if it is paused already. Raises WRONG_STATE where it has ended."""
    if record.ended:
        raise _wrong_state(record, "paused")
    return _enter(record, Batch.STATE_PAUSED, now)


def resume(record: BatchRecord, now: datetime, budget: common_pb2.Budget | None = None) -> bool:
    """Goes on, with another budget where one is given; returns False if nothing changes.

    Raises WRONG_STATE where it has ended.
    """
    if record.ended:
        raise _wrong_state(record, "resumed")
    raised = budget is not None and record.batch.budget != budget
    if budget is not None:
        record.batch.budget.CopyFrom(budget)
    if not record.paused:
        return raised
    record.batch.ClearField("failure")
    return _enter(record, Batch.STATE_RUNNING if record.themed else Batch.STATE_PENDING, now)


def cancel(record: BatchRecord, now: datetime) -> bool:
    """Ends the batch as cancelled, its movies are still to be stopped; returns False if it had ended."""
    if record.ended:
        return False
    for item in record.items:
        if not item.ended:
            item.state, item.starved = Movie.STATE_CANCELLED, ""
    record.stopping = True
    return _enter(record, Batch.STATE_CANCELLED, now)


def _enter(record: BatchRecord, state: "BatchState", now: datetime) -> bool:
    moved = record.batch.state != state
    if moved:
        record.batch.state = state
        record.turn += 1
        if record.ended:
            record.batch.end_time.FromDatetime(now)
    _changed(record, now)
    return moved


def _observe_one(record: BatchRecord, index: int, movie: movies_pb2.Movie) -> bool:
    item = record.items[index]
    if not item.begun or movie.name != str(record.movie(index)) or item.begun == len(item.dropped):
        return False
    if record.batch.state == Batch.STATE_CANCELLED and movie.state not in movie_domain.ENDED:
        return False  # it has not heard yet that it is to stop, or its owner has it go on alone
    if movie.state == Movie.STATE_CANCELLED and movie.failure.reason == Reason.DUPLICATE_PLOT:
        item.dropped.append((movie.failure.metadata["like"], int(movie.failure.metadata["percent"])))
        item.lost.CopyFrom(movie_domain.total_usage([item.lost, movie.usage]))
        item.usage.Clear()
        if not record.ended:
            item.state = Movie.STATE_FAILED if len(item.dropped) > REPLACEMENTS else Movie.STATE_UNSPECIFIED
        return True
    starved = "" if record.ended else starved_of(record, movie)
    if starved and item.under_way and movie.budget != movie_budget(record, index):
        return False  # it is about to go on with more
    if (item.state, item.usage, item.starved) == (movie.state, movie.usage, starved):
        return False
    item.state, item.starved = movie.state, starved
    item.usage.CopyFrom(movie.usage)
    return True


def _fail(record: BatchRecord, why: common_pb2.Failure, now: datetime) -> None:
    """No movie succeeded. `why`: of the one that ended last."""
    record.batch.failure.CopyFrom(why)
    last = record.batch.failure
    last.reason = last.reason or Reason.CANCELLED.value
    last.message = (
        f"none of the {len(record.items)} movies succeeded; "
        f"the last one: {last.message or 'it was cancelled'}"
    )
    _enter(record, Batch.STATE_FAILED, now)


def _changed(record: BatchRecord, now: datetime) -> None:
    """Counts anew."""
    states = [item.state for item in record.items]
    record.batch.counts.CopyFrom(
        movies_pb2.BatchCounts(
            waiting=sum(not item.state or bool(item.starved) for item in record.items),
            running=sum(item.under_way for item in record.items),
            succeeded=states.count(Movie.STATE_SUCCEEDED),
            failed=sum(item.state == Movie.STATE_FAILED and not item.starved for item in record.items),
            cancelled=states.count(Movie.STATE_CANCELLED),
            dropped=sum(len(item.dropped) for item in record.items),
        )
    )
    parts = (part for item in record.items for part in (item.usage, item.lost))
    record.batch.usage.CopyFrom(movie_domain.total_usage([*parts, record.inventing]))
    record.batch.update_time.FromDatetime(now)


def _wrong_state(record: BatchRecord, verb: str) -> ReelmillError:
    state = Batch.State.Name(record.batch.state).removeprefix("STATE_")
    return ReelmillError(
        Reason.WRONG_STATE, f"{record.batch.name} is {state} and cannot be {verb}", state=state
    )
