"""News out: the event of a movie's end goes to where the movie or its project wants it.

Until it is taken it is sent again, for a set time; after that it is a dead letter.
"""

import asyncio
import random
import time
from collections.abc import Mapping

import nats.errors
from nats.aio.msg import Msg
from nats.js.errors import Error as JetStreamError
from opentelemetry.trace import SpanKind

from reelmill.v1 import movies_pb2
from reelmill_kit import cloudevents, tasks
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import MovieName, ProjectName
from reelmill_kit.telemetry import instruments, logger, trace_context, tracer
from reelmill_kit.topology import CALLBACKS, EVENTS

from .delivery import AT_A_TIME, Delivery, Undelivered
from .secrets import WebhookSecrets

_BATCH = 32
_LONGEST_PAUSE = 3600.0


class Callbacks:
    def __init__(
        self,
        bus: Bus,
        delivery: Delivery,
        secrets: WebhookSecrets,
        defaults: Mapping[str, str],
        *,
        patience: float,
        first_pause: float = 5.0,
    ) -> None:
        """`defaults`: by project, where events of movies go that name no address; `*`: those of all others.
        `patience`: seconds for which an event is sent again. `first_pause`: seconds before the second try."""
        self._bus = bus
        self._delivery = delivery
        self._secrets = secrets
        self._defaults = defaults
        self._patience = patience
        self._first_pause = first_pause

    async def run(self) -> None:
        """One receiver that does not answer takes one of the places, and holds up no other."""
        consumer = self._bus.consumer(EVENTS, CALLBACKS)
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                if (free := AT_A_TIME - len(running)) <= 0:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    continue
                for message in await consumer.fetch(min(free, _BATCH)):
                    task = asyncio.create_task(self._process(message))
                    running.add(task)
                    task.add_done_callback(running.discard)
        finally:
            await tasks.finish(running, patience=3)

    async def _process(self, message: Msg) -> None:
        try:
            await self._send(message)
            await message.ack()
        except Undelivered as failure:
            await self._later(message, failure)
        except (ReelmillError, nats.errors.Error, JetStreamError, OSError) as error:
            logger().warning("callback not acknowledged, it comes again", error=str(error))
        except Exception as error:
            logger().exception("callback failed unexpectedly, it comes again", exc_info=error)

    async def _send(self, message: Msg) -> None:
        """Raises Undelivered."""
        try:
            event = cloudevents.decode(message.headers, message.data)
            movie = cloudevents.decode_message(event, movies_pb2.Movie)
            project = ProjectName(MovieName.parse(movie.name, "name").project)
            secrets = self._secrets.of(project)
        except ReelmillError as error:
            raise Undelivered(error.message, final=not error.transient) from error
        default = self._defaults.get(project.project, self._defaults.get("*", ""))
        if not (address := movie.callback_uri or default):
            return
        if message.metadata.num_delivered == 1 and self._age(message) > self._patience:
            return  # it was told long before anybody sent callbacks here
        if not secrets:
            raise Undelivered(f"{project} has no webhook secret to sign with (REELMILL_WEBHOOK_SECRETS)")
        with tracer().start_as_current_span(
            "send callback", context=trace_context(message.headers or {}), kind=SpanKind.CONSUMER
        ):
            await self._delivery.send(address, event, secrets[0])
        instruments().callbacks.add(1, {"outcome": "delivered"})

    async def _later(self, message: Msg, failure: Undelivered) -> None:
        attempt = message.metadata.num_delivered
        shown = {"subject": message.subject, "attempt": attempt, "why": str(failure)}
        try:
            if failure.final or self._age(message) > self._patience:
                instruments().callbacks.add(1, {"outcome": "given_up"})
                logger().error("callback given up", **shown)
                error = ReelmillError(Reason.CALLBACK_FAILED, f"after {attempt} tries: {failure}")
                await self._bus.dead_letter(message, error)
                await message.ack()
                return
            instruments().callbacks.add(1, {"outcome": "failed"})
            logger().warning("callback failed, it is sent again", **shown)
            pause = min(self._first_pause * 2 ** min(attempt - 1, 20), _LONGEST_PAUSE)
            await message.nak(delay=pause * random.uniform(0.8, 1.2))
        except (ReelmillError, nats.errors.Error, JetStreamError, OSError) as error:
            logger().warning("callback not acknowledged, it comes again", error=str(error))

    @staticmethod
    def _age(message: Msg) -> float:
        return time.time() - message.metadata.timestamp.timestamp()
