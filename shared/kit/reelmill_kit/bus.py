"""The bus: NATS JetStream behind one object that connects, reconnects and says how it is.

What lies on it the front door makes (`topology`), and may do so alone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import FetchTimeoutError, KeyValueError, NotFoundError
from nats.js.kv import KeyValue
from opentelemetry.trace import SpanKind

from .bus_identity import identity
from .cloudevents import Event, decode
from .errors import Reason, ReelmillError
from .names import Stage
from .rights.bus import inbox
from .settings import ServiceSettings
from .telemetry import logger, trace_headers, tracer
from .tls.trust import trusting
from .topology import JOBS, ensure_topology, stage_consumer

_REFUSAL = "authorization violation"
T = TypeVar("T")


class Bus:
    """One connection for a process. Methods raise BUS_UNAVAILABLE where the server cannot be reached."""

    def __init__(
        self,
        settings: ServiceSettings,
        name: str,
        stage: Stage | None = None,
        consumer: tuple[str, str] | None = None,
    ) -> None:
        """`name`: of the service, as NATS knows it. `stage`: what it works at; it finds its consumer there or
        waits for it. `consumer`: the same for another one, by stream and name. With neither it makes what
        lies on the bus."""
        self._settings = settings
        self._name = name
        self._consumer = (JOBS, stage_consumer(stage)) if stage is not None else consumer
        self._refused = ""
        self._client: Client | None = None
        self.closed = asyncio.Event()

    async def connect(self) -> None:
        """Waits until the server answers and everything is set up on it; says why it is waiting."""
        delay = 0.5
        while True:
            try:
                await self._connect_once()
            except (OSError, TimeoutError, nats.errors.Error, JetStreamError, ReelmillError) as error:
                logger().warning(
                    "waiting for NATS",
                    url=self._settings.nats_shown,
                    error=self._refused or _told(error),
                    do=self._what_to_do(error),
                    retry_in_s=delay,
                )
                await asyncio.sleep(delay)
                delay = min(delay * 2, 15.0)
            else:
                logger().info("connected to NATS", url=self._settings.nats_shown)
                return

    async def _connect_once(self) -> None:
        async def on_closed() -> None:
            self.closed.set()

        async def on_disconnected() -> None:
            logger().warning("lost NATS, reconnecting", url=self._settings.nats_shown)

        async def on_reconnected() -> None:
            logger().info("reconnected to NATS", url=self._settings.nats_shown)

        async def on_error(error: Exception) -> None:
            if _REFUSAL in str(error).lower():
                self._refused = "NATS knows no user with these credentials"
            logger().warning("NATS error", error=f"{type(error).__name__}: {error}")

        if self._client is None:
            await self._knock()
            self._refused = ""
            options = identity(self._settings)
            async with asyncio.timeout(10):
                self._client = await nats.connect(
                    self._settings.nats_url,
                    name=f"reelmill-{self._name}",
                    inbox_prefix=inbox(self._name),
                    **options,
                    tls=trusting(self._settings.tls_ca) if "tls://" in self._settings.nats_url else None,
                    connect_timeout=3,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.5,
                    closed_cb=on_closed,
                    disconnected_cb=on_disconnected,
                    reconnected_cb=on_reconnected,
                    error_cb=on_error,
                )
        await self._settle(self._client.jetstream())

    async def _settle(self, jetstream: JetStreamContext) -> None:
        """Makes what lies on the bus, or finds that what this process needs of it is there."""
        if self._consumer is not None:
            await jetstream.consumer_info(*self._consumer)
            return
        await ensure_topology(jetstream, self._settings.job_ack_wait, self._settings.nats_followers)

    def _what_to_do(self, error: Exception) -> str:
        if self._refused or isinstance(error, ReelmillError):
            return "let REELMILL_NATS_NKEY_FILE name the seed of a user that NATS knows"
        if isinstance(error, NotFoundError):
            return "start the movies service: it makes the streams and consumers of all"
        return "start nats-server with JetStream there, or set REELMILL_NATS_URL"

    async def _knock(self) -> None:
        """Raises OSError unless something listens there: the client would try for ever and say little."""
        failure: OSError | None = None
        for url in self._settings.nats_url.split(","):
            address = urlsplit(url if "://" in url else f"nats://{url}")
            try:
                async with asyncio.timeout(3):
                    _, writer = await asyncio.open_connection(address.hostname, address.port or 4222)
                writer.close()
            except OSError as error:  # TimeoutError is one
                failure = error
            else:
                return
        raise failure or OSError("no address")

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    @property
    def client(self) -> Client:
        if self._client is None or not self._client.is_connected:
            raise self._unavailable("not connected")
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        return self.client.jetstream(timeout=5)

    async def check(self) -> None:
        """Returns if JetStream answers now, and has the consumer."""
        jetstream = self.jetstream
        if self._consumer is None:
            await self.guard(jetstream.account_info)
        else:
            await self.guard(lambda: self._settle(jetstream))

    async def check_topology(self) -> None:
        """Makes what is missing on the server, which may have lost its storage, or looks."""
        jetstream = self.jetstream
        await self.guard(lambda: self._settle(jetstream))

    async def publish(self, subject: str, event: Event, message_id: str = "") -> None:
        """Publishes to a stream and waits until it is stored; the same message_id is stored once (10 min)."""
        with tracer().start_as_current_span(
            f"publish {'.'.join(subject.split('.')[:3])}",
            kind=SpanKind.PRODUCER,
            attributes={"messaging.system": "nats", "messaging.destination.name": subject},
        ):
            headers = {**event.headers(), **trace_headers()}
            if message_id:
                headers["Nats-Msg-Id"] = message_id
            await self.guard(lambda: self.jetstream.publish(subject, event.data, headers=headers))

    async def dead_letter(self, message: Msg, error: ReelmillError) -> None:
        """Keeps a message that cannot be worked on: as it came, with why and where it came from."""
        headers = {f"original-{k.lower()}": v for k, v in (message.headers or {}).items()}
        headers |= {
            "reelmill-subject": message.subject,
            "reelmill-reason": error.reason.value,
            "reelmill-message": " ".join(error.message.split())[:1000],
            **{f"reelmill-{name}": " ".join(value.split())[:200] for name, value in error.metadata.items()},
        }
        subject = "reelmill.dlq." + message.subject.removeprefix("reelmill.")
        await self.guard(lambda: self.jetstream.publish(subject, message.data, headers=headers))

    async def bucket(self, name: str) -> KeyValue:
        """A bucket that holds the state of movies or batches."""
        return await self.guard(lambda: self.jetstream.key_value(name))

    async def mark(self, subject: str) -> None:
        """Leaves an empty message that belongs to the current trace."""
        await self.guard(lambda: self.jetstream.publish(subject, b"", headers=trace_headers() or None))

    async def last(self, stream: str, subject: str) -> dict[str, str]:
        """The headers of the last message of a subject. Raises NotFoundError."""
        try:
            message = await self.jetstream.get_last_msg(stream, subject)
        except NotFoundError:
            raise
        except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            raise self._unavailable(f"{type(error).__name__}: {error}") from error
        return dict(message.headers or {})

    async def queue(self, stream: str, durable: str) -> "Queue":
        """How full a consumer's queue is."""
        info = await self.guard(lambda: self.jetstream.consumer_info(stream, durable))
        return Queue(info.num_pending or 0, info.num_ack_pending or 0, info.num_waiting or 0)

    async def withdraw(self, stream: str, durable: str, subject: str) -> list[Event]:
        """Takes back messages of a subject that nobody has fetched from the consumer yet; returns them."""

        async def take_back() -> list[Event]:
            jetstream = self.jetstream
            info = await jetstream.consumer_info(stream, durable)
            sequence = (info.delivered.stream_seq if info.delivered else 0) + 1
            taken: list[Event] = []
            while True:
                try:
                    found = await jetstream.get_msg(stream, sequence, subject=subject, next=True)
                except NotFoundError:
                    return taken
                await jetstream.delete_msg(stream, found.seq or 0)
                taken.append(decode(found.headers, found.data or b""))
                sequence = (found.seq or 0) + 1

        return await self.guard(take_back)

    async def purge(self, stream: str, subject: str) -> None:
        await self.guard(lambda: self.jetstream.purge_stream(stream, subject=subject))

    async def subjects(self, stream: str, subject_filter: str) -> dict[str, int]:
        """How many messages each subject of a stream holds, for the subjects that match."""
        info = await self.guard(lambda: self.jetstream.stream_info(stream, subjects_filter=subject_filter))
        return dict(info.state.subjects or {})

    def consumer(self, stream: str, durable: str) -> "Consumer":
        return Consumer(self, stream, durable)

    async def close(self) -> None:
        if self._client is not None:
            with suppress(nats.errors.Error, TimeoutError, OSError):
                await self._client.close()

    async def guard(self, call: Callable[[], Awaitable[T]]) -> T:
        """Runs a NATS call; its errors become BUS_UNAVAILABLE."""
        try:
            return await call()
        except (ReelmillError, KeyValueError):
            raise  # what a KV answer means is for the caller to say
        except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            raise self._unavailable(f"{type(error).__name__}: {error}") from error

    def _unavailable(self, detail: str) -> ReelmillError:
        return ReelmillError(
            Reason.BUS_UNAVAILABLE,
            f"NATS at {self._settings.nats_shown} did not do what was asked ({detail}); "
            "check that nats-server runs there with JetStream",
        )


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True)
class Queue:
    """A consumer's messages: those that wait, those in somebody's hands, and how many fetch in vain."""

    pending: int
    in_hand: int
    fetching: int


class Consumer:
    """A durable pull consumer that survives reconnects: it binds anew whenever the server stays silent."""

    # A server that was restarted has forgotten who waits: it is asked anew this often, in seconds.
    _WAIT = 4.0
    _HEARTBEAT = 1.5
    _GATHER = 0.03

    def __init__(self, bus: Bus, stream: str, durable: str) -> None:
        self._bus = bus
        self._stream = stream
        self._durable = durable
        self._subscription: JetStreamContext.PullSubscription | None = None

    async def fetch(self, limit: int) -> list[Msg]:
        """Waits for messages and returns 1 to `limit`; none when a while went by without any."""
        try:
            if self._subscription is None:
                self._subscription = await self._bus.jetstream.pull_subscribe_bind(
                    consumer=self._durable, stream=self._stream
                )
            messages = await self._subscription.fetch(1, timeout=self._WAIT, heartbeat=self._HEARTBEAT)
        except FetchTimeoutError:
            return []
        except (ReelmillError, nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            await self._unbind(error)
            return []
        if limit > 1:
            # fetch() waits until a batch is full, so a batch is asked for only briefly.
            try:
                messages += await self._subscription.fetch(limit - 1, timeout=self._GATHER)
            except (nats.errors.Error, JetStreamError, TimeoutError):
                pass
            except asyncio.CancelledError:
                for message in messages:
                    await message.nak()
                raise
        return messages

    async def _unbind(self, error: Exception) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with suppress(nats.errors.Error, JetStreamError, TimeoutError, OSError):
                await subscription.unsubscribe()
        if self._bus.connected:
            detail = f"{type(error).__name__}: {error}"
            logger().warning("consumer binds anew", consumer=self._durable, error=detail)
            with suppress(ReelmillError):
                await self._bus.check_topology()
        await asyncio.sleep(0.5)
