"""Who may say and hear what on the bus. The only such place; a test walks all of it.

Services share an account. Everybody else has one of their own, which imports what is listed here and nothing
more. Permissions alone would not hold them: whoever may publish one thing may name any subject for the
answer, and the server writes the answer there, be it a queue or somebody's record.
"""

from dataclasses import dataclass

from ..names import STAGE_NAMES
from ..topology import (
    BATCHES_BUCKET,
    CALLBACKS,
    DLQ,
    EVENTS,
    FRAMES,
    JOBS,
    MOVIES_BUCKET,
    REQUESTS,
    STREAMS,
    WAITING,
    follower_consumer,
)
from .users import AUTOSCALER, FOLLOWER, FRONT_DOOR, GATEWAY, PUBLISHER, BusUser

_API = "$JS.API"


@dataclass(frozen=True, slots=True)
class Rights:
    """Subjects, as NATS writes them; beside `subscribe` a user hears the answers in its own inbox."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...] = ()


def rights(user: BusUser) -> Rights:
    if user.role == FRONT_DOOR:
        return _front_door()
    if user.role == GATEWAY:
        callbacks = _reading(EVENTS, CALLBACKS)
        return Rights(("reelmill.requests.*", *callbacks, f"reelmill.dlq.{EVENTS.lower()}.*.movie.*"))
    if user.role == PUBLISHER:
        return Rights((f"reelmill.requests.{user.project}",))
    if user.role == FOLLOWER:
        consumer = follower_consumer(user.project)
        return Rights(
            (*_reading(EVENTS, consumer), f"{_API}.CONSUMER.RESET.{EVENTS}.{consumer}"),
            (f"reelmill.events.{user.project}.>",),
        )
    if user.role == AUTOSCALER:
        consumers = [(stream, stage) for stream in (JOBS, WAITING) for stage in STAGE_NAMES.values()]
        return Rights(tuple(f"{_API}.CONSUMER.INFO.{stream}.{stage}" for stream, stage in consumers))
    return _worker(user.role)


def inbox(user_name: str) -> str:
    """Where a service hears answers: others of its account may not listen there."""
    return f"_INBOX.{user_name}"


def _reading(stream: str, consumer: str) -> tuple[str, ...]:
    """Fetching from a consumer that is there, and acknowledging."""
    return (
        f"{_API}.CONSUMER.INFO.{stream}.{consumer}",
        f"{_API}.CONSUMER.MSG.NEXT.{stream}.{consumer}",
        f"$JS.ACK.{stream}.{consumer}.>",
    )


def _worker(stage: str) -> Rights:
    told = "reelmill.frames.*.*.*" if stage == "render" else f"reelmill.events.*.{stage}.completed"
    return Rights(
        (
            *_reading(JOBS, stage),
            told,
            f"reelmill.events.*.{stage}.progressed",
            f"reelmill.events.*.{stage}.failed",
            f"reelmill.dlq.jobs.{stage}.>",
        ),
        ("reelmill.events.*.movie.*",),  # a movie that is cancelled stops its jobs
    )


def _front_door() -> Rights:
    """Makes what lies on the bus, and deletes no stream."""
    streams = [stream.name for stream in STREAMS]
    return Rights(
        (
            "reelmill.jobs.>",
            "reelmill.waiting.>",
            "reelmill.events.*.movie.*",
            "reelmill.events.*.batch.*",
            *(f"reelmill.dlq.{stream.lower()}.>" for stream in (REQUESTS, EVENTS, FRAMES)),
            f"{_API}.INFO",
            *(f"{_API}.STREAM.{verb}.{name}" for name in streams for verb in ("CREATE", "UPDATE", "INFO")),
            *(f"{_API}.STREAM.PURGE.{name}" for name in (JOBS, WAITING, FRAMES)),
            *(f"{_API}.STREAM.MSG.GET.{name}" for name in (JOBS, WAITING)),
            f"{_API}.STREAM.MSG.DELETE.{JOBS}",
            *(f"{_API}.CONSUMER.DURABLE.CREATE.{name}.*" for name in streams if name != DLQ),
            f"{_API}.CONSUMER.INFO.{JOBS}.*",
            *(subject for name in (REQUESTS, EVENTS, FRAMES) for subject in _reading(name, FRONT_DOOR)),
            *(subject for bucket in (MOVIES_BUCKET, BATCHES_BUCKET) for subject in _keeping(bucket)),
        )
    )


def _keeping(bucket: str) -> tuple[str, ...]:
    """Reading, writing and listing what a KV bucket holds."""
    stream = f"KV_{bucket}"
    return (
        f"$KV.{bucket}.>",
        f"{_API}.STREAM.CREATE.{stream}",
        f"{_API}.STREAM.INFO.{stream}",
        f"{_API}.STREAM.MSG.GET.{stream}",
        f"{_API}.DIRECT.GET.{stream}.>",
        f"{_API}.CONSUMER.CREATE.{stream}",
        f"{_API}.CONSUMER.INFO.{stream}.*",
        f"{_API}.CONSUMER.DELETE.{stream}.*",
        f"$JS.FC.{stream}.>",
    )
