"""Jobs against a real NATS server: each ends done, or failed with its reason."""

import asyncio

import pytest
from google.protobuf import json_format

from reelmill.v1 import common_pb2, events_pb2
from reelmill_kit import cloudevents
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_kit.topology import DLQ, EVENTS, FRAMES
from tests.support.jobs import (
    MOVIE,
    ask,
    done,
    frame_job,
    last_message,
    no_jobs_left,
    qa_job,
    stage_event,
    wait_for,
    working,
)
from tests.support.servers import wait_until

pytestmark = pytest.mark.stack


async def test_a_job_is_done_announced_once_and_gone(bus: Bus) -> None:
    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        return done(job)

    async with working(bus, handler):
        await ask(bus, qa_job(run=3))
        await ask(bus, qa_job(run=3))
        message = await wait_for(bus, EVENTS, MOVIE.event_subject("qa", "completed"))
        await no_jobs_left(bus)
    event = stage_event(message)
    assert (event.movie, event.run, event.usage.calls) == (str(MOVIE), 3, 3)
    assert (message.headers or {})["ce-type"] == "reelmill.qa.completed"
    counts = await bus.subjects(EVENTS, MOVIE.event_subject("qa", "completed"))
    assert list(counts.values()) == [1], "both jobs said the same, so it is kept once"


async def test_a_finished_frame_has_a_subject_of_its_own(bus: Bus) -> None:
    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.FrameEvent:
        index = job.render.frames[0].index
        return events_pb2.FrameEvent(index=index, image_key=MOVIE.frame_key(index))

    async with working(bus, handler, common_pb2.STAGE_RENDER):
        await asyncio.gather(*(ask(bus, frame_job(i), common_pb2.STAGE_RENDER) for i in range(20)))
        async with asyncio.timeout(20):
            while len(await bus.subjects(FRAMES, MOVIE.any_frame_subject)) < 20:
                await asyncio.sleep(0.05)


async def test_what_may_heal_is_tried_again(bus: Bus) -> None:
    attempts = 0

    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ReelmillError(Reason.STORE_UNAVAILABLE, "not yet")
        return done(job)

    async with working(bus, handler):
        await ask(bus, qa_job())
        await wait_for(bus, EVENTS, MOVIE.event_subject("qa", "completed"))
    assert attempts == 3
    assert await last_message(bus, DLQ, "reelmill.dlq.>") is None


async def test_what_will_not_heal_fails_at_once_with_its_reason(bus: Bus) -> None:
    attempts = 0

    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        nonlocal attempts
        attempts += 1
        raise ReelmillError(Reason.LLM_REFUSED, "the model\nrefused", field="theme")

    async with working(bus, handler):
        await ask(bus, qa_job())
        letter = await wait_for(bus, DLQ, "reelmill.dlq.jobs.qa.acme.m-1")
        event = stage_event(await wait_for(bus, EVENTS, MOVIE.event_subject("qa", "failed")))
        await no_jobs_left(bus)
    assert attempts == 1
    assert event.failure.reason == "LLM_REFUSED"
    assert event.failure.stage == common_pb2.STAGE_QA
    headers = letter.headers or {}
    assert headers["reelmill-reason"] == "LLM_REFUSED"
    assert headers["reelmill-message"] == "the model refused"
    assert headers["reelmill-field"] == "theme"
    replayed = events_pb2.StageJob()
    json_format.Parse(letter.data, replayed)
    assert replayed == qa_job(), "the letter holds what is needed to ask again"


async def test_an_error_nobody_foresaw_fails_the_job_without_its_secrets(bus: Bus) -> None:
    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        raise KeyError("api key sk-123")

    async with working(bus, handler):
        await ask(bus, qa_job())
        event = stage_event(await wait_for(bus, EVENTS, MOVIE.event_subject("qa", "failed")))
    assert event.failure.reason == "INTERNAL"
    assert "sk-123" not in event.failure.message


async def test_a_failed_frame_says_which_frame_it_was(bus: Bus) -> None:
    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.FrameEvent:
        raise ReelmillError(Reason.MODEL_REJECTED, "no such scheduler")

    async with working(bus, handler, common_pb2.STAGE_RENDER):
        await ask(bus, frame_job(7), common_pb2.STAGE_RENDER)
        message = await wait_for(bus, FRAMES, MOVIE.frame_subject(7))
    event = json_format.Parse(message.data, events_pb2.FrameEvent())
    assert (event.index, event.failure.reason) == (7, "MODEL_REJECTED")


@pytest.mark.parametrize(
    ("headers", "data"),
    [
        ({}, b"\x00\xff"),
        ({"ce-id": "1", "ce-source": "s", "ce-specversion": "1.0", "ce-type": "t"}, b'{"movie": 7}'),
        ({"ce-id": "1", "ce-source": "s", "ce-specversion": "1.0", "ce-type": "t"}, b'{"movie": "m-1"}'),
        ({"ce-id": "1"}, b"{}"),
    ],
    ids=["no event", "no job", "no movie name", "half an event"],
)
async def test_poison_goes_to_the_dead_letters_and_the_next_job_is_done(
    bus: Bus, headers: dict[str, str], data: bytes
) -> None:
    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        return done(job)

    async with working(bus, handler):
        await bus.jetstream.publish("reelmill.jobs.qa.acme.m-1", data, headers=headers or None)
        await ask(bus, qa_job())
        letter = await wait_for(bus, DLQ, "reelmill.dlq.jobs.qa.acme.m-1")
        await wait_for(bus, EVENTS, MOVIE.event_subject("qa", "completed"))
    assert letter.data == data
    assert (letter.headers or {})["reelmill-field"]


async def test_cancelling_a_movie_ends_its_jobs_and_no_others(bus: Bus) -> None:
    other = MovieName("acme", "m-2")
    begun: list[str] = []
    ended: list[str] = []

    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        begun.append(job.movie)
        try:
            await asyncio.sleep(3 if job.movie == str(other) else 60)
        except asyncio.CancelledError:
            ended.append(job.movie)
            raise
        return done(job)

    async with working(bus, handler):
        await ask(bus, qa_job())
        await ask(bus, qa_job(movie=other))
        await wait_until(lambda: len(begun) == 2, what="two jobs at work")
        event = cloudevents.Event("reelmill.movie.cancelled", "test", b"{}", subject=str(MOVIE))
        await bus.publish(MOVIE.event_subject("movie", "cancelled"), event)
        await wait_for(bus, EVENTS, other.event_subject("qa", "completed"))
        await no_jobs_left(bus)
    assert ended == [str(MOVIE)]
    assert len(begun) == 2, "a cancelled job does not come back"


async def test_progress_is_told_but_not_too_often(bus: Bus) -> None:
    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        for step in range(200):
            report("reading", step, 200)
            await asyncio.sleep(0.005)
        return done(job)

    async with working(bus, handler):
        await ask(bus, qa_job())
        await wait_for(bus, EVENTS, MOVIE.event_subject("qa", "completed"))
        counts = await bus.subjects(EVENTS, MOVIE.event_subject("qa", "progressed"))
    assert 1 <= sum(counts.values()) <= 5
