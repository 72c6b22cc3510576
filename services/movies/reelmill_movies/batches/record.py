"""What a batch's record is. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf import json_format

from reelmill.v1 import common_pb2, movies_pb2
from reelmill_kit.listing import etag
from reelmill_kit.names import BatchName, MovieName

from .. import domain as movie_domain

if TYPE_CHECKING:
    State: TypeAlias = movies_pb2.Movie.State.ValueType

Batch, Movie = movies_pb2.Batch, movies_pb2.Movie

MOVIES_LIMIT = 1000
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
        budget = self.batch.budget
        self.batch.etag = etag(
            self.batch.create_time.ToNanoseconds(), self.turn, budget.tokens, budget.cost_micros
        )

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
