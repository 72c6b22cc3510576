"""What a movie's record is and how it changes. Pure: no clock, no network.

script -> style -> render -> dataset, with qa beside style and render (it needs only the script).
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from google.protobuf import json_format

from reelmill.v1 import common_pb2, events_pb2, movies_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.listing import etag
from reelmill_kit.names import MovieName, Stage

Movie = movies_pb2.Movie
Status = movies_pb2.StageStatus

PIPELINE: dict[Stage, frozenset[Stage]] = {
    common_pb2.STAGE_SCRIPT: frozenset(),
    common_pb2.STAGE_STYLE: frozenset({common_pb2.STAGE_SCRIPT}),
    common_pb2.STAGE_RENDER: frozenset({common_pb2.STAGE_STYLE}),
    common_pb2.STAGE_QA: frozenset({common_pb2.STAGE_SCRIPT}),
    common_pb2.STAGE_DATASET: frozenset({common_pb2.STAGE_RENDER, common_pb2.STAGE_QA}),
}
ENDED = (Movie.STATE_SUCCEEDED, Movie.STATE_FAILED, Movie.STATE_CANCELLED)


@dataclass(slots=True)
class Record:
    """A movie and what only the front door needs to know of it."""

    movie: movies_pb2.Movie
    # sha256 of the request, to tell a repeated request from another one with the same id.
    request_digest: str
    # Grows with every retry; news of an earlier run is old. It begins at the time of creation (milliseconds
    # since 1970), so that a movie that is deleted and asked for again hears nothing of its former life.
    run: int
    # Frames below this index have been given to the renderers.
    released: int = 0
    style_key: str = ""
    style_digest: str = ""
    # Frames in all, where the shape does not say it: of an imported story, whose scenes may differ by one.
    frames: int = 0
    # What the style was learned from: frames are compared with it.
    reference_keys: list[str] = field(default_factory=list)
    # Its batch is paused, or it by itself: no stage begins and no frame is released.
    paused_with_batch: bool = False
    paused_alone: bool = False
    # Jobs that a pause has taken out of the queues: indices of frames, and stages.
    withdrawn_frames: list[int] = field(default_factory=list)
    withdrawn_stages: list[Stage] = field(default_factory=list)
    # Its batch has not said yet whether its plot is unlike the others: nothing but the script is made.
    on_trial: bool = False

    @property
    def name(self) -> MovieName:
        return MovieName.parse(self.movie.name, "movie.name")

    @property
    def revision(self) -> int:
        return self.movie.revision

    @revision.setter
    def revision(self, revision: int) -> None:
        self.movie.revision = revision
        budget = self.movie.budget
        self.movie.etag = etag(self.run, self.movie.state, self.paused, budget.tokens, budget.cost_micros)

    @property
    def ended(self) -> bool:
        return self.movie.state in ENDED

    @property
    def paused(self) -> bool:
        return self.paused_with_batch or self.paused_alone

    def to_json(self) -> bytes:
        return json.dumps(
            {
                "movie": json_format.MessageToDict(self.movie),
                "requestDigest": self.request_digest,
                "run": self.run,
                "released": self.released,
                "styleKey": self.style_key,
                "styleDigest": self.style_digest,
                "referenceKeys": self.reference_keys,
                "frames": self.frames,
                "paused": self.paused_with_batch,
                "pausedAlone": self.paused_alone,
                "withdrawnFrames": self.withdrawn_frames,
                "withdrawnStages": self.withdrawn_stages,
                "onTrial": self.on_trial,
            }
        ).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Record":
        fields = json.loads(data)
        return cls(
            movie=json_format.ParseDict(fields["movie"], Movie(), ignore_unknown_fields=True),
            request_digest=fields["requestDigest"],
            run=fields["run"],
            released=fields["released"],
            style_key=fields["styleKey"],
            style_digest=fields["styleDigest"],
            # Not in records of before the gate and before batches.
            frames=fields.get("frames", 0),
            reference_keys=fields.get("referenceKeys", []),
            paused_with_batch=fields.get("paused", False),
            paused_alone=fields.get("pausedAlone", False),
            withdrawn_frames=fields.get("withdrawnFrames", []),
            withdrawn_stages=fields.get("withdrawnStages", []),
            on_trial=fields.get("onTrial", False),
        )


def request_digest(movie: movies_pb2.Movie) -> str:
    """Two requests are the same if they ask for the same movie."""
    asked = json_format.MessageToDict(movie)
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def new_record(
    name: MovieName,
    request_id: str,
    asked: movies_pb2.Movie,
    artefacts_uri: str,
    now: datetime,
    batch: str = "",
) -> Record:
    """The record of a movie that was just asked for; `asked` has only checked input fields."""
    movie = Movie()
    movie.CopyFrom(asked)
    movie.name, movie.batch = str(name), batch
    movie.request_id = request_id
    movie.state = Movie.STATE_PENDING
    movie.artefacts_uri = artefacts_uri
    movie.create_time.FromDatetime(now)
    movie.update_time.FromDatetime(now)
    for stage in PIPELINE:
        movie.stages.add(stage=stage, state=Status.STATE_WAITING)
    return Record(
        movie=movie,
        request_digest=request_digest(asked),
        run=int(now.timestamp() * 1000),
        on_trial=bool(batch),
    )


def status(record: Record, stage: Stage) -> movies_pb2.StageStatus:
    return next(s for s in record.movie.stages if s.stage == stage)


def ready_stages(record: Record) -> list[Stage]:
    """Stages that wait although everything they need is done."""
    if record.ended or record.paused:
        return []
    done = {s.stage for s in record.movie.stages if s.state == Status.STATE_DONE}
    return [
        s.stage
        for s in record.movie.stages
        if s.state == Status.STATE_WAITING
        and PIPELINE[s.stage] <= done
        and not (record.on_trial and PIPELINE[s.stage])
    ]


def total_frames(record: Record) -> int:
    shape = record.movie.shape
    return record.frames or shape.chapters * shape.scenes * shape.frames


def frames_used(record: Record) -> int:
    """Those that were drawn where it has ended; else all of them, for they will be."""
    return status(record, common_pb2.STAGE_RENDER).progress.done if record.ended else total_frames(record)


def begin_stage(record: Record, stage: Stage, now: datetime) -> None:
    entry = status(record, stage)
    entry.state = Status.STATE_RUNNING
    entry.start_time.FromDatetime(now)
    entry.ClearField("end_time")
    if stage == common_pb2.STAGE_RENDER:
        entry.progress.CopyFrom(common_pb2.Progress(message="drawing frames", total=total_frames(record)))
    record.movie.state = Movie.STATE_RUNNING
    record.movie.update_time.FromDatetime(now)


def end_stage(record: Record, stage: Stage, now: datetime) -> None:
    """Marks a stage done, and the movie succeeded when it was the last."""
    entry = status(record, stage)
    entry.state = Status.STATE_DONE
    entry.progress.done = entry.progress.total
    entry.end_time.FromDatetime(now)
    record.movie.update_time.FromDatetime(now)
    if all(s.state == Status.STATE_DONE for s in record.movie.stages):
        record.movie.state = Movie.STATE_SUCCEEDED
        record.movie.end_time.FromDatetime(now)


def apply_stage_event(record: Record, event: events_pb2.StageEvent, now: datetime) -> bool:
    """Takes a stage's news into the record; returns False if it changes nothing (old, or heard before)."""
    if record.ended or event.run != record.run or event.stage not in PIPELINE:
        return False
    entry = status(record, event.stage)
    if entry.state == Status.STATE_WAITING and not event.HasField("progress"):
        # A job is queued before the record says so: a fast worker ends it in between.
        begin_stage(record, event.stage, now)
    if entry.state != Status.STATE_RUNNING:
        return False
    if event.HasField("usage"):
        book(record, entry, event.usage)
    if event.HasField("failure"):
        fail(record, event.failure, now)
        return True
    if event.HasField("progress"):
        if entry.progress == event.progress:
            return False
        entry.progress.CopyFrom(event.progress)
        record.movie.update_time.FromDatetime(now)
        return True
    if event.stage == common_pb2.STAGE_SCRIPT:
        record.movie.title = event.title
    if event.HasField("style"):
        record.movie.style_name = event.style.name
        record.style_key = event.style.embedding_key
        record.style_digest = event.style.embedding_digest
        record.reference_keys = list(event.style.reference_keys)
    end_stage(record, event.stage, now)
    return True


def book(record: Record, entry: movies_pb2.StageStatus, usage: common_pb2.Usage) -> None:
    """Stages tell what they have cost over all runs, so this is set, and the movie's own is their sum."""
    entry.usage.CopyFrom(usage)
    record.movie.usage.CopyFrom(total_usage(one.usage for one in record.movie.stages))


def total_usage(parts: Iterable[common_pb2.Usage]) -> common_pb2.Usage:
    total = common_pb2.Usage()
    for one in parts:
        total.calls += one.calls
        total.input_tokens += one.input_tokens
        total.output_tokens += one.output_tokens
        total.cost_micros += one.cost_micros
    return total


def budget_left(record: Record, stage: Stage, cost_left: int | None = None) -> common_pb2.Budget:
    """What the other stages have left of the movie's budget; at least 1 where it has a limit.

    `cost_left`: millionths of the currency that the project may still spend; None: as much as it likes.
    """
    budget, left = record.movie.budget, common_pb2.Budget()
    others = [one.usage for one in record.movie.stages if one.stage != stage]
    if budget.tokens:
        left.tokens = max(1, budget.tokens - sum(one.input_tokens + one.output_tokens for one in others))
    if budget.cost_micros:
        left.cost_micros = max(1, budget.cost_micros - sum(one.cost_micros for one in others))
    if cost_left is not None:
        # A stage tells what it has cost over all runs, and compares that with its budget.
        may_cost = max(1, cost_left + status(record, stage).usage.cost_micros)
        left.cost_micros = min(left.cost_micros or may_cost, may_cost)
    return left


def count_frames(record: Record, done: int, now: datetime) -> bool:
    """Takes the number of finished frames into the record; returns False if it is known already."""
    entry = status(record, common_pb2.STAGE_RENDER)
    if record.ended or entry.state != Status.STATE_RUNNING or done <= entry.progress.done:
        return False
    entry.progress.done = min(done, total_frames(record))
    record.movie.update_time.FromDatetime(now)
    if done >= total_frames(record):
        end_stage(record, common_pb2.STAGE_RENDER, now)
    return True


def frames_to_release(record: Record, count: int) -> range:
    """The next frames to give to the renderers, `count` at most; none while the movie is held."""
    entry = status(record, common_pb2.STAGE_RENDER)
    if record.ended or record.paused or entry.state != Status.STATE_RUNNING:
        return range(0)
    return range(record.released, max(record.released, min(record.released + count, total_frames(record))))


def fail(record: Record, failure: common_pb2.Failure, now: datetime) -> None:
    """Ends the movie as failed."""
    if failure.stage in PIPELINE:
        entry = status(record, failure.stage)
        entry.state = Status.STATE_FAILED
        entry.end_time.FromDatetime(now)
    record.movie.failure.CopyFrom(failure)
    _end(record, Movie.STATE_FAILED, now)


def cancel(record: Record, now: datetime, failure: common_pb2.Failure | None = None) -> bool:
    """Ends the movie as cancelled, for a reason where there is one; returns False if it had ended already."""
    if record.ended:
        return False
    if failure is not None:
        record.movie.failure.CopyFrom(failure)
    _end(record, Movie.STATE_CANCELLED, now)
    return True


def wrong_state(record: Record, why: str) -> ReelmillError:
    state = Movie.State.Name(record.movie.state).removeprefix("STATE_")
    return ReelmillError(Reason.WRONG_STATE, f"{record.movie.name} is {state}; {why}", state=state)


def acquit(record: Record) -> bool:
    """Its plot is taken; returns False if that is known."""
    known = not record.on_trial
    record.on_trial = False
    return not known


def retry(record: Record, now: datetime, budget: common_pb2.Budget | None = None) -> None:
    """Begins a new run of what is not done, with another budget where one is given.

    Raises WRONG_STATE unless the movie failed or was cancelled.
    """
    if record.movie.state not in (Movie.STATE_FAILED, Movie.STATE_CANCELLED):
        raise wrong_state(record, "only a failed or cancelled movie can be retried")
    if budget is not None:
        record.movie.budget.CopyFrom(budget)
    if record.movie.failure.reason == Reason.DUPLICATE_PLOT:
        record.on_trial = False  # it is not its batch's any more, and its owner wants it all the same
    record.run += 1
    record.released = 0
    record.withdrawn_frames, record.withdrawn_stages = [], []
    record.paused_with_batch = record.paused_alone = record.movie.paused = False
    record.movie.state = Movie.STATE_PENDING
    record.movie.ClearField("failure")
    record.movie.ClearField("end_time")
    record.movie.update_time.FromDatetime(now)
    for entry in record.movie.stages:
        if entry.state != Status.STATE_DONE:
            entry.state = Status.STATE_WAITING
            entry.ClearField("progress")
            entry.ClearField("end_time")


def _end(record: Record, state: "movies_pb2.Movie.State.ValueType", now: datetime) -> None:
    record.movie.paused = False
    record.movie.state = state
    record.movie.update_time.FromDatetime(now)
    record.movie.end_time.FromDatetime(now)
    for entry in record.movie.stages:
        if entry.state == Status.STATE_RUNNING:
            entry.state = Status.STATE_WAITING
