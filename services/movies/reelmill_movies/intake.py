"""What the front door hears from the bus: requests from upstream systems, news of stages, finished frames."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import nats.errors
from nats.aio.msg import Msg
from nats.js.errors import Error as JetStreamError
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import SpanKind

from reelmill.v1 import events_pb2
from reelmill_kit import cloudevents, tasks
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError, internal
from reelmill_kit.movie_requests import movie_asked_for
from reelmill_kit.names import STAGE_NAMES, MovieName, ProjectName
from reelmill_kit.telemetry import logger, trace_context, tracer
from reelmill_kit.topology import EVENTS, FRAMES, REQUESTS

from .controller import Controller
from .requests import RequestChecker

_BATCH = 32
_FRAMES_BATCH = 256
_COUNT_INTERVAL = 0.2
_RETRY_DELAY = 2.0
_PATIENCE = 3.0
_STAGES = frozenset(STAGE_NAMES.values())


class Intake:
    def __init__(self, bus: Bus, controller: Controller, checker: RequestChecker) -> None:
        self._bus = bus
        self._controller = controller
        self._checker = checker
        # Movies that have finished frames to count, with the trace they belong to.
        self._to_count: dict[str, Context] = {}

    async def requests(self) -> None:
        """Makes movies from events on `reelmill.requests.<project>`."""
        await self._consume(REQUESTS, _BATCH, self._request)

    async def stage_events(self) -> None:
        await self._consume(EVENTS, _BATCH, self._stage_event)

    async def frames(self) -> None:
        """Hears of frames and counts them per movie, seldom: a thousand frames are not a thousand writes."""
        counter = asyncio.create_task(self._count_frames())
        try:
            await self._consume(FRAMES, _FRAMES_BATCH, self._frame)
        finally:
            counter.cancel()

    async def _consume(self, stream: str, batch: int, handle: Callable[[Msg], Awaitable[None]]) -> None:
        consumer = self._bus.consumer(stream, "movies")
        while True:
            messages = await consumer.fetch(batch)
            work = [asyncio.create_task(self._process(stream, message, handle)) for message in messages]
            try:
                # What is begun is finished, the end of the process not excepted: less comes twice.
                await asyncio.shield(asyncio.gather(*work))
            except asyncio.CancelledError:
                await tasks.finish(work, patience=_PATIENCE)
                raise

    async def _process(self, stream: str, message: Msg, handle: Callable[[Msg], Awaitable[None]]) -> None:
        try:
            try:
                await handle(message)
            except ReelmillError as error:
                if error.transient:
                    logger().warning("will hear this again", subject=message.subject, error=error.message)
                    await message.nak(delay=_RETRY_DELAY)
                    return
                if error.reason is not Reason.NOT_FOUND or stream == REQUESTS:
                    logger().error(
                        "message refused", subject=message.subject, reason=error.reason, error=error.message
                    )
                    await self._bus.dead_letter(message, error)
            except Exception as error:
                logger().exception("message failed unexpectedly", subject=message.subject, exc_info=error)
                await self._bus.dead_letter(message, internal(error))
            await message.ack()
        except (ReelmillError, nats.errors.Error, JetStreamError, OSError) as error:
            logger().warning(
                "message not acknowledged, it comes again", subject=message.subject, error=str(error)
            )

    async def _request(self, message: Msg) -> None:
        with tracer().start_as_current_span(
            "process reelmill.requests", context=trace_context(message.headers or {}), kind=SpanKind.CONSUMER
        ):
            project = ProjectName.parse(f"projects/{message.subject.rsplit('.', 1)[-1]}", "subject")
            event = cloudevents.decode(message.headers, message.data)
            request = movie_asked_for(project, event)
            name, request_id, asked = await self._checker.check(request)
            await self._controller.create(name, request_id, asked)

    async def _stage_event(self, message: Msg) -> None:
        if message.subject.split(".")[3] not in _STAGES:
            return
        progress = message.subject.endswith(".progressed")
        token = attach(trace_context(message.headers or {}))
        try:
            event = cloudevents.decode_message(
                cloudevents.decode(message.headers, message.data), events_pb2.StageEvent
            )
            if progress:
                with suppress(ReelmillError):
                    await self._controller.stage_event(event)
                return
            with tracer().start_as_current_span(
                f"process {message.subject.split('.', 3)[-1]}", kind=SpanKind.CONSUMER
            ):
                await self._controller.stage_event(event)
        finally:
            detach(token)

    async def _frame(self, message: Msg) -> None:
        context = trace_context(message.headers or {})
        event = cloudevents.decode_message(
            cloudevents.decode(message.headers, message.data), events_pb2.FrameEvent
        )
        if event.HasField("failure"):
            token = attach(context)
            try:
                await self._controller.frame_failed(event)
            finally:
                detach(token)
            return
        self._to_count[event.movie] = context

    async def _count_frames(self) -> None:
        while True:
            await asyncio.sleep(_COUNT_INTERVAL)
            movies, self._to_count = self._to_count, {}
            for movie, context in movies.items():
                token = attach(context)
                try:
                    await self._controller.advance(MovieName.parse(movie, "movie"))
                except ReelmillError as error:
                    if error.transient:
                        self._to_count.setdefault(movie, context)
                    elif error.reason is not Reason.NOT_FOUND:
                        logger().error("frames not counted", movie=movie, error=error.message)
                finally:
                    detach(token)
