"""A movie is held and goes on, by itself or with its batch. Pure.

What a pause takes out of the queues is kept in the record, so that the same jobs come back.
"""

from collections.abc import Iterable
from datetime import datetime

from reelmill.v1 import events_pb2
from reelmill_kit.names import STAGE_NAMES, Stage

from .domain import Record, wrong_state


def set_paused_with_batch(record: Record, paused: bool, now: datetime) -> bool:
    """Its batch holds the movie, or lets it go on; returns False if it is so already or has ended."""
    if record.ended or record.paused_with_batch == paused:
        return False
    record.paused_with_batch = paused
    return _pause_changed(record, now)


def set_paused_alone(record: Record, paused: bool, now: datetime) -> bool:
    """Its owner holds the movie, or lets it go on; returns False if it is so already.

    Raises WRONG_STATE where it has ended, or where its batch is paused and it is to go on.
    """
    verb = "paused" if paused else "resumed"
    if record.ended:
        raise wrong_state(record, f"it cannot be {verb}")
    if record.paused_with_batch and not paused:
        raise wrong_state(record, f"its batch {record.movie.batch} is paused; resume that")
    if record.paused_alone == paused:
        return False
    record.paused_alone = paused
    return _pause_changed(record, now)


def withdraw(record: Record, jobs: Iterable[events_pb2.StageJob]) -> bool:
    """Keeps in mind which jobs the pause has taken out of the queues; returns False where there are none."""
    before = len(record.withdrawn_frames) + len(record.withdrawn_stages)
    frames, stages = set(record.withdrawn_frames), set(record.withdrawn_stages)
    for job in jobs:
        if job.run != record.run:
            continue
        if job.WhichOneof("request") == "render":
            frames.update(frame.index for frame in job.render.frames)
        else:
            stages.update(stage for stage, name in STAGE_NAMES.items() if job.HasField(name))  # type: ignore[arg-type]
    record.withdrawn_frames, record.withdrawn_stages = sorted(frames), sorted(stages)
    return len(frames) + len(stages) > before


def queued_again(record: Record, frames: Iterable[int], stages: Iterable[Stage]) -> bool:
    """What was withdrawn is in the queues again."""
    record.withdrawn_frames = sorted(set(record.withdrawn_frames) - set(frames))
    record.withdrawn_stages = sorted(set(record.withdrawn_stages) - set(stages))
    return True


def _pause_changed(record: Record, now: datetime) -> bool:
    record.movie.paused = record.paused
    record.movie.update_time.FromDatetime(now)
    return True
