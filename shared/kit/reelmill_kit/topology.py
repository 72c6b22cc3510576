"""What lies on the bus. Streams carry work and news; KV holds the state of movies and batches.

The front door makes it; whoever works at a stage finds its consumer there, or waits for it.
"""

from collections.abc import Sequence

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    KeyValueConfig,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, BucketNotFoundError

from .names import STAGE_NAMES, Stage

JOBS, WAITING = "JOBS", "WAITING"
EVENTS, REQUESTS, FRAMES, DLQ = "EVENTS", "REQUESTS", "FRAMES", "DLQ"
CALLBACKS = "callbacks"
CALLBACK_ACK_WAIT = 30.0
"""Seconds, more than one try takes."""
MOVIES_BUCKET, BATCHES_BUCKET = "reelmill-movies", "reelmill-batches"
_DAY = 24 * 3600.0
_DEDUPLICATION = 600.0

STREAMS = [
    StreamConfig(
        name=JOBS,
        description="Work: one message a stage or frame, gone when acknowledged",
        subjects=["reelmill.jobs.>"],
        retention=RetentionPolicy.WORK_QUEUE,
        duplicate_window=_DEDUPLICATION,
    ),
    StreamConfig(
        name=WAITING,
        description="What is to do and not in JOBS yet: a message a movie and stage, or 64 of its frames",
        subjects=["reelmill.waiting.>"],
        max_msgs_per_subject=1,
        duplicate_window=_DEDUPLICATION,
    ),
    StreamConfig(
        name=EVENTS,
        description="News for others to follow",
        subjects=["reelmill.events.>"],
        max_age=7 * _DAY,
        duplicate_window=_DEDUPLICATION,
    ),
    StreamConfig(
        name=REQUESTS,
        description="What upstream systems ask for",
        subjects=["reelmill.requests.*"],
        max_age=7 * _DAY,
        duplicate_window=_DEDUPLICATION,
    ),
    StreamConfig(
        name=FRAMES,
        description="One message a frame: how many subjects a movie has is how many frames are done",
        subjects=["reelmill.frames.>"],
        max_msgs_per_subject=1,
        max_age=30 * _DAY,
        duplicate_window=_DEDUPLICATION,
    ),
    StreamConfig(
        name=DLQ,
        description="What could not be done, with what is needed to replay it",
        subjects=["reelmill.dlq.>"],
        max_age=30 * _DAY,
    ),
]


def stage_consumer(stage: Stage) -> str:
    """The durable consumer of a stage; also what an autoscaler watches."""
    return STAGE_NAMES[stage]


def follower_consumer(project: str) -> str:
    """From which a project's follower reads its events; made for it, since whoever makes a consumer says
    where the server sends what is read. An id has no '_': no two projects share one."""
    return f"follower_{project}"


async def ensure_topology(
    jetstream: JetStreamContext, ack_wait: float, followers: Sequence[str] = ()
) -> None:
    """Creates streams, consumers and the KV buckets, or brings them up to date. Safe to run at any time.

    `followers`: projects whose events somebody reads from outside.
    """
    for stream in STREAMS:
        config = stream.evolve(storage=StorageType.FILE)
        try:
            await jetstream.add_stream(config)
        except APIError as error:
            if error.err_code != 10058:  # stream name already in use with a different configuration
                raise
            await jetstream.update_stream(config)
    for number, name in STAGE_NAMES.items():
        await _ensure_consumer(
            jetstream, JOBS, stage_consumer(number), f"reelmill.jobs.{name}.>", ack_wait, max_ack_pending=1000
        )
        # Nobody fetches from it: what it has pending is what an autoscaler reads as work beyond the queue.
        waiting = f"reelmill.waiting.{name}.>"
        await _ensure_consumer(
            jetstream, WAITING, stage_consumer(number), waiting, ack_wait, max_ack_pending=1
        )
    for stream_name, subject in ((REQUESTS, "reelmill.requests.*"), (EVENTS, "reelmill.events.>")):
        await _ensure_consumer(jetstream, stream_name, "movies", subject, ack_wait, max_ack_pending=1000)
    for project in followers:
        subject = f"reelmill.events.{project}.>"
        await _ensure_consumer(
            jetstream, EVENTS, follower_consumer(project), subject, ack_wait, max_ack_pending=1000
        )
    ended = [f"reelmill.events.*.movie.{verb}" for verb in ("succeeded", "failed", "cancelled")]
    # Tries wait here, up to an hour between two: those of one receiver must not hold up the others'.
    await _ensure_consumer(jetstream, EVENTS, CALLBACKS, ended, CALLBACK_ACK_WAIT, max_ack_pending=20_000)
    await _ensure_consumer(jetstream, FRAMES, "movies", "reelmill.frames.>", ack_wait, max_ack_pending=5000)
    for bucket in (MOVIES_BUCKET, BATCHES_BUCKET):
        try:
            await jetstream.key_value(bucket)
        except BucketNotFoundError:
            await jetstream.create_key_value(
                KeyValueConfig(bucket=bucket, history=1, storage=StorageType.FILE)
            )


async def _ensure_consumer(
    jetstream: JetStreamContext,
    stream: str,
    durable: str,
    subject: str | list[str],
    ack_wait: float,
    *,
    max_ack_pending: int,
) -> None:
    await jetstream.add_consumer(
        stream,
        ConsumerConfig(
            durable_name=durable,
            filter_subject=subject if isinstance(subject, str) else None,
            filter_subjects=None if isinstance(subject, str) else subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ack_wait,
            # Workers count deliveries themselves: a message past the server's limit would stay in a
            # work queue for ever without anybody hearing of it.
            max_deliver=-1,
            max_ack_pending=max_ack_pending,
        ),
    )
