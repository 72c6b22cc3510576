"""What a batch's record is and how it changes. Pure: no clock, no network."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf import json_format

from reelmill.v1 import common_pb2, movies_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import BatchName, MovieName

from .. import domain as movie_domain

if TYPE_CHECKING:
    State: TypeAlias = movies_pb2.Movie.State.ValueType
    BatchState: TypeAlias = movies_pb2.Batch.State.ValueType

Batch, Movie = movies_pb2.Batch, movies_pb2.Movie

ENDED = (Batch.STATE_SUCCEEDED, Batch.STATE_FAILED, Batch.STATE_CANCELLED)


@dataclass(slots=True)
class Item:
    """One movie of the batch. It is small: a batch's whole record has to fit into one message of the bus."""

    # Movies begun for it; the last one counts.
    begun: int = 0
    state: "State" = Movie.STATE_UNSPECIFIED
    usage: common_pb2.Usage = field(default_factory=common_pb2.Usage)

    @property
    def under_way(self) -> bool:
        return self.state in (Movie.STATE_PENDING, Movie.STATE_RUNNING)

    @property
    def ended(self) -> bool:
        return self.state in movie_domain.ENDED

    def to_dict(self) -> dict[str, Any]:
        """Only what is not as at the beginning."""
        fields = {
            "begun": self.begun,
            "state": Movie.State.Name(self.state) if self.state else "",
            "usage": json_format.MessageToDict(self.usage),
        }
        return {name: value for name, value in fields.items() if value}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Item":
        return cls(
            begun=fields.get("begun", 0),
            state=Movie.State.Value(fields["state"]) if "state" in fields else Movie.STATE_UNSPECIFIED,
            usage=json_format.ParseDict(fields.get("usage", {}), common_pb2.Usage()),
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
    record = BatchRecord(batch, request_digest(asked), [Item() for _ in range(batch.movies)])
    _changed(record, now)
    return record


def item_seed(batch_seed: int, index: int, attempt: int) -> int:
    """Each movie has a seed of its own that follows from the batch's; 0 to 2^53 - 1, exact in any JSON."""
    digest = hashlib.sha256(f"{batch_seed}/{index}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 11


def movie_of(record: BatchRecord, index: int, themes: Sequence[str]) -> movies_pb2.Movie:
    """What is asked for, for an item that has begun."""
    movie = Movie()
    movie.CopyFrom(record.batch.template)
    movie.theme = themes[index % len(themes)]
    movie.seed = item_seed(record.batch.seed, index, record.items[index].begun - 1)
    return movie


def message(record: BatchRecord, themes: Sequence[str]) -> movies_pb2.Batch:
    """The batch as callers see it whole."""
    batch = Batch()
    batch.CopyFrom(record.batch)
    batch.themes.extend(themes)
    for index, item in enumerate(record.items):
        batch.items.add(
            index=index,
            theme=themes[index % len(themes)],
            seed=item_seed(batch.seed, index, max(0, item.begun - 1)),
            movie=str(record.movie(index)) if item.begun else "",
            state=item.state,
        )
    return batch


def begin(record: BatchRecord, now: datetime) -> list[int]:
    """Begins items, in their order, as far as there is room; returns which."""
    if record.ended or record.paused:
        return []
    room = record.batch.parallel - sum(item.under_way for item in record.items)
    waiting = [index for index, item in enumerate(record.items) if not item.state]
    chosen = waiting[: max(0, room)]
    for index in chosen:
        record.items[index].begun += 1
        record.items[index].state = Movie.STATE_PENDING
    if chosen:
        _enter(record, Batch.STATE_RUNNING, now)
    return chosen


def observe(record: BatchRecord, movies: Mapping[int, movies_pb2.Movie], now: datetime) -> bool:
    """Takes in how movies are now, by item; ends the batch when all have ended. False: it was known."""
    changed = False
    for index, movie in movies.items():
        item = record.items[index]
        if not item.begun or movie.name != str(record.movie(index)):
            continue
        if item.state != movie.state or item.usage != movie.usage:
            item.state = movie.state
            item.usage.CopyFrom(movie.usage)
            changed = True
    if not changed:
        return False
    if not record.ended and all(item.ended for item in record.items):
        if any(item.state == Movie.STATE_SUCCEEDED for item in record.items):
            _enter(record, Batch.STATE_SUCCEEDED, now)
        else:
            _fail(record, movies, now)
    _changed(record, now)
    return True


def pause(record: BatchRecord, now: datetime) -> bool:
    """Returns False if it is paused already. Raises WRONG_STATE where it has ended."""
    if record.ended:
        raise _wrong_state(record, "paused")
    return _enter(record, Batch.STATE_PAUSED, now)


def resume(record: BatchRecord, now: datetime) -> bool:
    """Returns False unless it was paused. Raises WRONG_STATE where it has ended."""
    if record.ended:
        raise _wrong_state(record, "resumed")
    return record.paused and _enter(record, Batch.STATE_RUNNING, now)


def cancel(record: BatchRecord, now: datetime) -> bool:
    """Ends the batch as cancelled, its movies are still to be stopped; returns False if it had ended."""
    if record.ended:
        return False
    for item in record.items:
        if not item.ended:
            item.state = Movie.STATE_CANCELLED
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


def _fail(record: BatchRecord, movies: Mapping[int, movies_pb2.Movie], now: datetime) -> None:
    """No movie succeeded: says why one of those did not that ended last."""
    for movie in movies.values():
        record.batch.failure.CopyFrom(movie.failure)
        if movie.HasField("failure"):
            break
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
            waiting=states.count(Movie.STATE_UNSPECIFIED),
            running=sum(item.under_way for item in record.items),
            succeeded=states.count(Movie.STATE_SUCCEEDED),
            failed=states.count(Movie.STATE_FAILED),
            cancelled=states.count(Movie.STATE_CANCELLED),
        )
    )
    record.batch.usage.CopyFrom(movie_domain.total_usage(item.usage for item in record.items))
    record.batch.update_time.FromDatetime(now)


def _wrong_state(record: BatchRecord, verb: str) -> ReelmillError:
    state = Batch.State.Name(record.batch.state).removeprefix("STATE_")
    return ReelmillError(
        Reason.WRONG_STATE, f"{record.batch.name} is {state} and cannot be {verb}", state=state
    )
