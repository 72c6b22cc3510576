"""Jobs from the bus: each ends done, or failed with a reason; killed workers' jobs go to others.

What a job makes is stored under a key computed from what it is before it is announced, and the
message is acknowledged after that: doing a job twice changes nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import nats.errors
from nats.aio.msg import Msg
from nats.js.errors import Error as JetStreamError
from opentelemetry.trace import SpanKind, Status, StatusCode

from reelmill.v1 import common_pb2, events_pb2

from . import cloudevents, tasks
from .bus import Bus
from .errors import Reason, ReelmillError, internal
from .names import STAGE_NAMES, MovieName, Stage
from .progress import Report
from .telemetry import instruments, logger, trace_context, tracer
from .topology import JOBS, stage_consumer

Outcome = events_pb2.StageEvent | events_pb2.FrameEvent
Handler = Callable[[events_pb2.StageJob, Report], Awaitable[Outcome]]

_ATTEMPTS = 6
_PROGRESS_INTERVAL = 0.5
# A finished job waits so long, in seconds, for a bus that went away before it is left to be done again.
_ANNOUNCE_DELAYS = (0.5, 1.0, 2.0, 4.0)
# Not the job's fault but that of a server which all jobs of this worker need.
_OUTAGE_DELAY = 5.0  # longer than a fetch that is under way waits, so that it does not get the job again
_OUTAGES = frozenset({Reason.RENDERER_UNAVAILABLE, Reason.STORE_UNAVAILABLE, Reason.BUS_UNAVAILABLE})


async def announce(bus: Bus, job: events_pb2.StageJob, outcome: Outcome) -> None:
    """Tells what became of a job; saying it twice is stored once."""
    name = MovieName.parse(job.movie, "movie")
    if isinstance(outcome, events_pb2.FrameEvent):
        outcome.movie, outcome.run = job.movie, job.run
        failed = outcome.HasField("failure")
        subject = name.frame_subject(outcome.index)
        message_id = f"{name.kv_key}.frame.{outcome.index}.{job.run}.{'failed' if failed else 'done'}"
        kind = "frame"
    else:
        outcome.movie, outcome.run = job.movie, job.run
        failed = outcome.HasField("failure")
        kind = STAGE_NAMES[outcome.stage]
        subject = name.event_subject(kind, "failed" if failed else "completed")
        message_id = f"{name.kv_key}.{kind}.{job.run}.{'failed' if failed else 'done'}"
    event = cloudevents.event_of(
        outcome,
        type=f"reelmill.{kind}.{'failed' if failed else 'completed'}",
        source="reelmill",
        subject=job.movie,
        id=message_id,
    )
    await bus.publish(subject, event, message_id)


class JobWorker:
    """Takes a stage's jobs from the bus, up to `concurrency` at a time."""

    def __init__(
        self,
        bus: Bus,
        stage: Stage,
        handler: Handler,
        *,
        concurrency: int,
        ack_wait: float,
        ready: asyncio.Event | None = None,
    ) -> None:
        """`ready`: no job is taken while it is not set, so that an outage of what the stage needs does not
        use up the attempts of every job; the worker clears it when it meets an outage, and whoever checks
        (`Runtime.ready`) sets it again.
        """
        self._bus = bus
        self._stage = stage
        self._handler = handler
        self._concurrency = concurrency
        self._ack_wait = ack_wait
        self._ready = ready
        self._running: dict[asyncio.Task[None], str] = {}
        self._cancelled_movies: set[str] = set()

    async def run(self) -> None:
        """Works until cancelled; then waits for running jobs to be cancelled and given back."""
        consumer = self._bus.consumer(JOBS, stage_consumer(self._stage))
        listener = asyncio.create_task(self._listen_for_cancels())
        try:
            while True:
                free = self._concurrency - len(self._running)
                if free <= 0:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                    continue
                if self._ready is not None:
                    await self._ready.wait()
                for message in await consumer.fetch(free):
                    self._start(message)
        finally:
            await tasks.end([listener, *self._running])

    def _start(self, message: Msg) -> None:
        movie = ".".join(message.subject.split(".")[3:5])
        task = asyncio.create_task(self._work(message))
        self._running[task] = movie
        task.add_done_callback(lambda t: self._running.pop(t, None))

    async def _work(self, message: Msg) -> None:
        beat = asyncio.create_task(self._keep_alive(message))
        started = time.monotonic()
        stage = STAGE_NAMES[self._stage]
        with tracer().start_as_current_span(
            f"process reelmill.jobs.{stage}",
            context=trace_context(message.headers or {}),
            kind=SpanKind.CONSUMER,
            attributes={"messaging.system": "nats", "messaging.destination.name": message.subject},
        ) as span:
            try:
                outcome = await self._attempt(message)
            except asyncio.CancelledError:
                outcome = await self._give_up(message)
            except (ReelmillError, nats.errors.Error, JetStreamError, OSError) as error:
                # The acknowledgement did not get through; the message comes again and finds its work done.
                outcome = "unacknowledged"
                logger().warning("job not acknowledged", subject=message.subject, error=str(error))
            except Exception:
                outcome = "unacknowledged"
                logger().exception("job ended in a way nobody foresaw", subject=message.subject)
            finally:
                beat.cancel()
            span.set_attribute("reelmill.job.outcome", outcome)
            if outcome in ("failed", "dead"):
                span.set_status(Status(StatusCode.ERROR))
        instruments().jobs.add(1, {"stage": stage, "outcome": outcome})
        instruments().job_duration.record(time.monotonic() - started, {"stage": stage})

    async def _attempt(self, message: Msg) -> str:
        """Returns done, failed, dead or retried."""
        try:
            event = cloudevents.decode(message.headers, message.data)
            job = cloudevents.decode_message(event, events_pb2.StageJob)
            MovieName.parse(job.movie, "movie")
        except ReelmillError as error:
            logger().error("job is no job", subject=message.subject, reason=error.reason, error=error.message)
            await self._bus.dead_letter(message, error)
            await message.ack()
            return "dead"
        attempt = message.metadata.num_delivered
        try:
            if attempt > _ATTEMPTS:
                raise ReelmillError(
                    Reason.JOB_ABANDONED,
                    f"the {STAGE_NAMES[self._stage]} job of {job.movie} was begun {attempt - 1} times and "
                    "never ended; the worker's log says why it died; retry the movie once that is mended",
                )
            try:
                outcome = await self._handler(job, self._reporter(job))
            except ReelmillError:
                raise
            except Exception as error:
                logger().exception("job failed unexpectedly", movie=job.movie, stage=STAGE_NAMES[self._stage])
                raise internal(error) from error
            await self._announce(job, outcome)
        except ReelmillError as error:
            return await self._failed(message, job, attempt, error)
        await message.ack_sync(timeout=5)
        return "done"

    async def _announce(self, job: events_pb2.StageJob, outcome: Outcome) -> None:
        """Announces what was made; a bus that is restarting is waited for."""
        for delay in _ANNOUNCE_DELAYS:
            try:
                return await announce(self._bus, job, outcome)
            except ReelmillError as error:
                if error.reason is not Reason.BUS_UNAVAILABLE:
                    raise
                await asyncio.sleep(delay)
        return await announce(self._bus, job, outcome)

    async def _failed(
        self, message: Msg, job: events_pb2.StageJob, attempt: int, error: ReelmillError
    ) -> str:
        logger().warning(
            "job failed", movie=job.movie, stage=STAGE_NAMES[self._stage], reason=error.reason,
            error=error.message, attempt=attempt,
        )  # fmt: skip
        delay = min(0.5 * 2**attempt, 15.0)
        if self._ready is not None and error.reason in _OUTAGES:
            self._ready.clear()
            delay = max(delay, _OUTAGE_DELAY)
        if error.transient and attempt < _ATTEMPTS:
            await message.nak(delay=delay)
            return "retried"
        failure = error.to_failure(self._stage)
        outcome: Outcome
        if job.WhichOneof("request") == "render" and job.render.frames:
            outcome = events_pb2.FrameEvent(index=job.render.frames[0].index, failure=failure)
        else:
            outcome = events_pb2.StageEvent(stage=self._stage, failure=failure, usage=error.usage)
        try:
            await announce(self._bus, job, outcome)
            await self._bus.dead_letter(message, error)
        except ReelmillError as bus_error:
            logger().warning("could not tell of a failed job, it comes again", error=bus_error.message)
            await message.nak(delay=5)
            return "retried"
        await message.ack()
        return "failed"

    async def _give_up(self, message: Msg) -> str:
        """Cancelled: with its movie, then it is done with; or by shutting down, then another takes it."""
        movie = ".".join(message.subject.split(".")[3:5])
        with suppress(nats.errors.Error, JetStreamError, OSError):
            if movie in self._cancelled_movies:
                await message.ack()
                return "cancelled"
            await message.nak()
        return "given back"

    async def _keep_alive(self, message: Msg) -> None:
        while True:
            await asyncio.sleep(self._ack_wait / 3)
            with suppress(nats.errors.Error, OSError):
                await message.in_progress()

    def _reporter(self, job: events_pb2.StageJob) -> Report:
        """Sends progress to the bus, seldom enough that thousands of jobs do not flood it."""
        last = 0.0
        sending: set[asyncio.Task[None]] = set()
        name = MovieName.parse(job.movie, "movie")
        subject = name.event_subject(STAGE_NAMES[self._stage], "progressed")

        async def send(progress: common_pb2.Progress) -> None:
            event = cloudevents.event_of(
                events_pb2.StageEvent(movie=job.movie, run=job.run, stage=self._stage, progress=progress),
                type=f"reelmill.{STAGE_NAMES[self._stage]}.progressed",
                source="reelmill",
                subject=job.movie,
            )
            with suppress(ReelmillError):
                await self._bus.publish(subject, event)

        def report(message: str, done: int = 0, total: int = 0) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < _PROGRESS_INTERVAL:
                return
            last = now
            task = asyncio.create_task(send(common_pb2.Progress(message=message, done=done, total=total)))
            sending.add(task)
            task.add_done_callback(sending.discard)

        return report

    async def _listen_for_cancels(self) -> None:
        """Stops a movie's jobs when it is cancelled or deleted, or has failed already."""
        while True:
            try:
                subscription = await self._bus.client.subscribe("reelmill.events.*.movie.*")
                async for message in subscription.messages:
                    verb = message.subject.rsplit(".", 1)[-1]
                    name = (message.headers or {}).get("ce-subject", "")
                    with suppress(ReelmillError):
                        key = MovieName.parse(name, "subject").kv_key
                        if verb in ("cancelled", "deleted", "failed"):
                            self._cancelled_movies.add(key)
                            for task, movie in list(self._running.items()):
                                if movie == key:
                                    task.cancel()
                        elif verb in ("created", "retried"):
                            self._cancelled_movies.discard(key)
            except (ReelmillError, nats.errors.Error, OSError):
                await asyncio.sleep(1)
