"""What a batch's record is and how it changes. Pure: no clock, no network."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf import json_format

from reelmill.v1 import common_pb2, movies_pb2
from reelmill_kit import genres
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import BatchName, MovieName

from .. import domain as movie_domain
from . import money

if TYPE_CHECKING:
    State: TypeAlias = movies_pb2.Movie.State.ValueType
    BatchState: TypeAlias = movies_pb2.Batch.State.ValueType

Batch, Movie = movies_pb2.Batch, movies_pb2.Movie

MOVIES_LIMIT = 1000
REPLACEMENTS = 3
"""Plots that are written for an item after its first one was dropped."""
_KINDS = ("tokens", "cost_micros")
ENDED = (Batch.STATE_SUCCEEDED, Batch.STATE_FAILED, Batch.STATE_CANCELLED)


@dataclass(slots=True)
class Item:
    """One movie of the batch. It is small: a batch's whole record has to fit into one message of the bus."""

    # Movies begun for it; the last one counts.
    begun: int = 0
    state: "State" = Movie.STATE_UNSPECIFIED
    usage: common_pb2.Usage = field(default_factory=common_pb2.Usage)
    # Its plot has been compared with the others and taken.
    taken: bool = False
    # Plots that were not: what they were like, and how much in percent.
    dropped: list[tuple[str, int]] = field(default_factory=list)
    # What the dropped ones have cost.
    lost: common_pb2.Usage = field(default_factory=common_pb2.Usage)
    # Its movie's part of the batch's budget.
    limit: common_pb2.Budget = field(default_factory=common_pb2.Budget)
    # What that part was too small in, tokens or cost_micros, where its movie failed for that; it goes on when
    # there is more.
    starved: str = ""
    # Invented for a movie that takes a dropped one's place; "" where it has the theme it began with.
    theme: str = ""

    @property
    def under_way(self) -> bool:
        return self.state in (Movie.STATE_PENDING, Movie.STATE_RUNNING)

    @property
    def ended(self) -> bool:
        return self.state in movie_domain.ENDED and not self.starved

    def to_dict(self) -> dict[str, Any]:
        """Only what is not as at the beginning."""
        fields = {
            "begun": self.begun,
            "state": Movie.State.Name(self.state) if self.state else "",
            "usage": json_format.MessageToDict(self.usage),
            "taken": self.taken,
            "dropped": self.dropped,
            "lost": json_format.MessageToDict(self.lost),
            "limit": json_format.MessageToDict(self.limit),
            "starved": self.starved,
            "theme": self.theme,
        }
        return {name: value for name, value in fields.items() if value}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Item":
        return cls(
            begun=fields.get("begun", 0),
            state=Movie.State.Value(fields["state"]) if "state" in fields else Movie.STATE_UNSPECIFIED,
            usage=json_format.ParseDict(fields.get("usage", {}), common_pb2.Usage()),
            taken=fields.get("taken", False),
            dropped=[(like, percent) for like, percent in fields.get("dropped", [])],
            lost=json_format.ParseDict(fields.get("lost", {}), common_pb2.Usage()),
            limit=json_format.ParseDict(fields.get("limit", {}), common_pb2.Budget()),
            starved=fields.get("starved", ""),
            theme=fields.get("theme", ""),
        )


@dataclass(slots=True)
class BatchRecord:
    """A batch and what only the front door needs to know of it."""

    # Without themes and items: those are too long to be written with every change.
    batch: movies_pb2.Batch
    # sha256 of the request, to tell a repeated request from another one with the same id.
    request_digest: str
    items: list[Item]
    # Grows whenever the batch takes another state; `told` is the last one that an event told of.
    turn: int = 0
    told: int = -1
    # Themes are invented, not given; and whether they are there already.
    invented: bool = False
    themed: bool = True
    inventing: common_pb2.Usage = field(default_factory=common_pb2.Usage)
    # Cancelled, but not known yet of every movie that it has stopped.
    stopping: bool = False

    @property
    def name(self) -> BatchName:
        return BatchName.parse(self.batch.name, "batch.name")

    @property
    def themes_key(self) -> str:
        return self.name.themes_key(self.request_digest)

    @property
    def revision(self) -> int:
        return self.batch.revision

    @revision.setter
    def revision(self, revision: int) -> None:
        self.batch.revision = revision

    @property
    def ended(self) -> bool:
        return self.batch.state in ENDED

    @property
    def paused(self) -> bool:
        return self.batch.state == Batch.STATE_PAUSED

    def movie(self, index: int) -> MovieName:
        """The movie that counts for an item; the one to begin where none has begun."""
        return self.name.movie(index, max(0, self.items[index].begun - 1))

    def to_json(self) -> bytes:
        return json.dumps(
            {
                "batch": json_format.MessageToDict(self.batch),
                "requestDigest": self.request_digest,
                "items": [item.to_dict() for item in self.items],
                "turn": self.turn,
                "told": self.told,
                "stopping": self.stopping,
                "invented": self.invented,
                "themed": self.themed,
                "inventing": json_format.MessageToDict(self.inventing),
            },
            separators=(",", ":"),
        ).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "BatchRecord":
        fields = json.loads(data)
        return cls(
            batch=json_format.ParseDict(fields["batch"], Batch(), ignore_unknown_fields=True),
            request_digest=fields["requestDigest"],
            items=[Item.from_dict(item) for item in fields["items"]],
            turn=fields["turn"],
            told=fields["told"],
            stopping=fields["stopping"],
            invented=fields.get("invented", False),
            themed=fields.get("themed", True),
            inventing=json_format.ParseDict(fields.get("inventing", {}), common_pb2.Usage()),
        )


def request_digest(asked: movies_pb2.Batch) -> str:
    """Two requests are the same if they ask for the same batch."""
    request = json_format.MessageToDict(asked)
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


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


def item_seed(batch_seed: int, index: int, attempt: int) -> int:
    """Each movie has a seed of its own that follows from the batch's; 0 to 2^53 - 1, exact in any JSON."""
    digest = hashlib.sha256(f"{batch_seed}/{index}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 11


def item_genres(record: BatchRecord) -> list[str]:
    """The genre of each item: the one asked for, or the paper's shares where themes are invented."""
    if record.batch.genre or not record.invented:
        return [record.batch.genre] * len(record.items)
    return genres.genres(len(record.items), record.batch.seed)


def item_theme(record: BatchRecord, index: int, themes: Sequence[str]) -> str:
    return record.items[index].theme or (themes[index % len(themes)] if themes else "")


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


def movie_of(record: BatchRecord, index: int, themes: Sequence[str]) -> movies_pb2.Movie:
    """What is asked for, for an item that has begun."""
    movie = Movie()
    movie.CopyFrom(record.batch.template)
    movie.theme, movie.genre = item_theme(record, index, themes), item_genres(record)[index]
    movie.seed = item_seed(record.batch.seed, index, record.items[index].begun - 1)
    if (limit := movie_budget(record, index)) is not None:
        movie.budget.CopyFrom(limit)
    return movie


def message(record: BatchRecord, themes: Sequence[str]) -> movies_pb2.Batch:
    """The batch as callers see it whole."""
    batch = Batch()
    batch.CopyFrom(record.batch)
    batch.themes.extend(themes)
    chosen = item_genres(record)
    for index, item in enumerate(record.items):
        begun = item.begun > len(item.dropped)
        batch.items.add(
            index=index,
            theme=item_theme(record, index, themes),
            genre=chosen[index],
            seed=item_seed(batch.seed, index, item.begun - 1 if begun else min(item.begun, REPLACEMENTS)),
            movie=str(record.movie(index)) if begun else "",
            state=item.state,
            dropped=[
                movies_pb2.DroppedPlot(
                    movie=str(record.name.movie(index, attempt)), like=like, likeness_percent=percent
                )
                for attempt, (like, percent) in enumerate(item.dropped)
            ],
        )
    return batch


def frames_of_one(record: BatchRecord) -> int:
    """Of each of its movies."""
    shape = record.batch.template.shape
    return shape.chapters * shape.scenes * shape.frames


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
        if (limit := _next_limit(record, item, places - len(chosen))) is None:
            break
        item.limit.CopyFrom(limit)
        item.begun += not item.starved
        item.state, item.starved = Movie.STATE_PENDING, ""
        chosen.append(index)
    if chosen:
        record.batch.ClearField("failure")
        _enter(record, Batch.STATE_RUNNING, now)
    elif places > 0 and not running:
        record.batch.failure.CopyFrom(_spent(record))
        _enter(record, Batch.STATE_PAUSED, now)
    return chosen


def movie_budget(record: BatchRecord, index: int) -> common_pb2.Budget | None:
    """The budget of an item's movie: its part of the batch's, within the template's."""
    budget, limit = record.batch.template.budget, record.items[index].limit
    found = common_pb2.Budget(
        tokens=_smaller(budget.tokens, limit.tokens),
        cost_micros=_smaller(budget.cost_micros, limit.cost_micros),
    )
    return found if found.tokens or found.cost_micros else None


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


def starved_of(record: BatchRecord, movie: movies_pb2.Movie) -> str:
    """The kind of budget that a movie failed for because the batch gave it too little; "" where not."""
    kind = movie.failure.metadata.get("unit", "tokens")
    failed = movie.state == Movie.STATE_FAILED and movie.failure.reason == Reason.BUDGET_EXCEEDED
    if not failed or kind not in _KINDS or not getattr(record.batch.budget, kind):
        return ""
    return kind if getattr(movie.budget, kind) != getattr(record.batch.template.budget, kind) else ""


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


def budget_left(record: BatchRecord) -> common_pb2.Budget:
    """What is left of the batch's budget and set aside for no movie; at least 1 where it has a limit."""
    left = common_pb2.Budget()
    for kind in _KINDS:
        if whole := getattr(record.batch.budget, kind):
            stakes = [_stake(item, kind) for item in record.items]
            used = sum(stake.used + stake.reserved for stake in stakes) + money.spent(record.inventing, kind)
            setattr(left, kind, max(1, whole - used))
    return left


def _next_limit(record: BatchRecord, item: Item, places: int) -> common_pb2.Budget | None:
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


def _spent(record: BatchRecord) -> common_pb2.Failure:
    made, usage = record.batch.counts.succeeded, record.batch.usage
    return common_pb2.Failure(
        reason=Reason.BUDGET_EXCEEDED.value,
        message=f"too little of the budget is left for a movie: {made} of {len(record.items)} are made, "
        f"{usage.input_tokens + usage.output_tokens} tokens and {usage.cost_micros / 1e6:g} are spent; "
        "resume the batch with a higher budget",
    )


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
