"""Workers and NATS servers that end in the middle of jobs: the jobs are done nevertheless."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from reelmill.v1 import common_pb2, events_pb2
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.jobs import JobWorker
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_kit.topology import EVENTS, JOBS
from tests.support.jobs import (
    ACK_WAIT,
    MOVIE,
    ask,
    done,
    no_jobs_left,
    qa_job,
    stage_event,
    wait_for,
    working,
)
from tests.support.nats import NatsServer
from tests.support.servers import wait_until

pytestmark = pytest.mark.stack


async def test_a_worker_that_ends_gives_its_jobs_to_another_at_once(bus: Bus) -> None:
    begun = asyncio.Event()

    async def slow(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        begun.set()
        await asyncio.sleep(60)
        return done(job)

    async def quick(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        return done(job)

    async with working(bus, slow, concurrency=2):
        for run in range(1, 4):
            await ask(bus, qa_job(run))
        await asyncio.wait_for(begun.wait(), 10)
    loop = asyncio.get_running_loop()
    ended = loop.time()
    async with working(bus, quick):
        await no_jobs_left(bus)
    assert loop.time() - ended < ACK_WAIT * 0.8, "it was given back, not waited for"


async def test_a_long_job_is_not_given_to_another_while_its_worker_lives(bus: Bus) -> None:
    attempts = 0

    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(ACK_WAIT * 2.5)
        return done(job)

    async with working(bus, handler):
        await ask(bus, qa_job())
        await wait_for(bus, EVENTS, MOVIE.event_subject("qa", "completed"))
    assert attempts == 1


async def _work_until_killed(url: str, seed: str, begun: str) -> None:
    settings = NatsServer.settings_for(url, Path(seed))
    bus = Bus(settings, "victim")
    await bus.connect()

    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        os.close(os.open(begun, os.O_CREAT))
        await asyncio.sleep(600)
        return done(job)

    await JobWorker(bus, common_pb2.STAGE_QA, handler, concurrency=1, ack_wait=ACK_WAIT).run()


def _victim(url: str, seed: str, begun: str) -> None:
    asyncio.run(_work_until_killed(url, seed, begun))


async def test_the_job_of_a_killed_worker_goes_to_another_after_the_ack_wait(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    sign = tmp_path / "begun"
    whose = (nats_server.url, str(nats_server.users.owner), str(sign))
    victim = multiprocessing.get_context("spawn").Process(target=_victim, args=whose)
    victim.start()
    try:
        await ask(bus, qa_job())
        await wait_until(sign.exists, what="the victim's work")
    finally:
        os.kill(victim.pid or 0, signal.SIGKILL)
        victim.join()

    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        return done(job)

    async with working(bus, handler):
        await wait_for(bus, EVENTS, MOVIE.event_subject("qa", "completed"))


async def test_a_job_that_kills_every_worker_is_abandoned_with_a_reason(bus: Bus) -> None:
    """Deliveries that nobody answers for stand for workers that die."""
    await ask(bus, qa_job())
    for _ in range(6):
        [message] = await bus.consumer(JOBS, "qa").fetch(1)
        await message.nak()

    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        raise AssertionError("it is not begun a seventh time")

    async with working(bus, handler):
        event = stage_event(await wait_for(bus, EVENTS, MOVIE.event_subject("qa", "failed")))
    assert event.failure.reason == "JOB_ABANDONED"


@pytest.mark.parametrize("forget", [False, True], ids=["with its storage", "with empty storage"])
async def test_work_goes_on_after_nats_restarts(bus: Bus, nats_server: NatsServer, forget: bool) -> None:
    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        await asyncio.sleep(0.05)
        return done(job)

    async with working(bus, handler):
        await ask(bus, qa_job(1))
        await wait_for(bus, EVENTS, MOVIE.event_subject("qa", "completed"))
        await nats_server.restart(forget=forget)
        other = MovieName("acme", "m-after")

        async def asked() -> bool:
            with contextlib.suppress(ReelmillError):
                await ask(bus, qa_job(movie=other))
                return True
            return False

        async with asyncio.timeout(20):
            while not await asked():
                await asyncio.sleep(0.2)
        await wait_for(bus, EVENTS, other.event_subject("qa", "completed"))


async def test_a_job_that_nats_restarted_under_is_done(bus: Bus, nats_server: NatsServer) -> None:
    begun = asyncio.Event()
    go_on = asyncio.Event()

    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        begun.set()
        await go_on.wait()
        return done(job)

    async with working(bus, handler):
        await ask(bus, qa_job())
        await asyncio.wait_for(begun.wait(), 10)
        await nats_server.restart()
        go_on.set()
        await wait_for(bus, EVENTS, MOVIE.event_subject("qa", "completed"))
        await no_jobs_left(bus)


async def test_a_worker_that_is_not_ready_leaves_jobs_where_they_are(bus: Bus) -> None:
    ready = asyncio.Event()
    attempts = 0

    async def handler(job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise ReelmillError(Reason.RENDERER_UNAVAILABLE, "Triton has just gone")
        return done(job)

    async with working(bus, handler, ready=ready):
        await ask(bus, qa_job())
        await asyncio.sleep(1)
        assert attempts == 0
        ready.set()
        await wait_until(lambda: attempts == 1)
        await asyncio.sleep(3)
        assert attempts == 1, "what it needs is gone: it takes nothing until a check has found it again"
        assert not ready.is_set()
        ready.set()
        await wait_for(bus, EVENTS, MOVIE.event_subject("qa", "completed"))
