"""Jobs for a JobWorker, and what becomes of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from google.protobuf import json_format
from nats.aio.msg import Msg

from reelmill.v1 import common_pb2, events_pb2, render_pb2
from reelmill_kit import cloudevents
from reelmill_kit.bus import Bus
from reelmill_kit.jobs import Handler, JobWorker
from reelmill_kit.names import MovieName, Stage
from reelmill_kit.progress import Report
from reelmill_kit.topology import JOBS

AnyHandler = (
    Handler
    | Callable[[events_pb2.StageJob, Report], Awaitable[events_pb2.StageEvent]]
    | Callable[[events_pb2.StageJob, Report], Awaitable[events_pb2.FrameEvent]]
)
MOVIE = MovieName("acme", "m-1")
ACK_WAIT = 2.0


def qa_job(run: int = 1, movie: MovieName = MOVIE) -> events_pb2.StageJob:
    return events_pb2.StageJob(movie=str(movie), run=run)


def frame_job(index: int) -> events_pb2.StageJob:
    request = render_pb2.RenderFramesRequest(
        movie=str(MOVIE), frames=[render_pb2.FrameRequest(index=index, prompt="a cat")]
    )
    return events_pb2.StageJob(movie=str(MOVIE), run=1, render=request)


async def ask(bus: Bus, job: events_pb2.StageJob, stage: Stage = common_pb2.STAGE_QA) -> None:
    event = cloudevents.event_of(job, type="reelmill.qa.requested", source="test", subject=job.movie)
    name = MovieName.parse(job.movie, "movie")
    await bus.publish(name.job_subject(stage), event)


def done(job: events_pb2.StageJob) -> events_pb2.StageEvent:
    return events_pb2.StageEvent(stage=common_pb2.STAGE_QA, usage=common_pb2.Usage(calls=job.run))


@contextlib.asynccontextmanager
async def working(
    bus: Bus,
    handler: AnyHandler,
    stage: Stage = common_pb2.STAGE_QA,
    concurrency: int = 4,
    ready: asyncio.Event | None = None,
) -> AsyncIterator[None]:
    worker = JobWorker(
        bus,
        stage,
        handler,
        concurrency=concurrency,
        ack_wait=ACK_WAIT,
        ready=ready,
    )
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def last_message(bus: Bus, stream: str, subject: str) -> Msg | None:
    """The last message of a subject, if there is any."""
    with contextlib.suppress(Exception):
        raw = await bus.jetstream.get_last_msg(stream, subject)
        return Msg(_client=bus.client, subject=raw.subject or "", data=raw.data or b"", headers=raw.headers)
    return None


async def wait_for(bus: Bus, stream: str, subject: str, timeout: float = 20.0) -> Msg:
    async with asyncio.timeout(timeout):
        while (message := await last_message(bus, stream, subject)) is None:
            await asyncio.sleep(0.05)
        return message


def stage_event(message: Msg) -> events_pb2.StageEvent:
    return json_format.Parse(message.data, events_pb2.StageEvent())


async def no_jobs_left(bus: Bus, timeout: float = 10.0) -> None:
    """Waits until every job is acknowledged."""
    async with asyncio.timeout(timeout):
        while (await bus.jetstream.stream_info(JOBS)).state.messages:
            await asyncio.sleep(0.05)
