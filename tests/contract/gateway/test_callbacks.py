"""News out: the end of a movie is sent, signed, until it is taken, and never to where nothing may be sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from reelmill.v1 import movies_pb2
from reelmill_gateway.callbacks import Callbacks
from reelmill_gateway.delivery import Delivery
from reelmill_gateway.secrets import WebhookSecrets
from reelmill_kit import tasks
from reelmill_kit.bus import Bus
from reelmill_kit.destinations import Destinations, DestinationSettings
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.topology import CALLBACKS, EVENTS
from reelmill_movies.requests import RequestChecker
from tests.support.front_door import FrontDoor, until
from tests.support.gateway import SECRET, served
from tests.support.nats import NatsServer

pytestmark = pytest.mark.stack
HERE = Destinations.configured(
    DestinationSettings(callback_allow=["127.0.0.0/8", "localhost"], callback_http=True)
)


class Receiver:
    """An HTTP server of somebody who wants to hear; `answers`: statuses, one after the other, then 204."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.url = ""

    async def hear(self, request: Request) -> Response:
        self.heard.append((dict(request.headers), await request.body()))
        status = self.answers.pop(0) if self.answers else 204
        if status == 302:
            return RedirectResponse(f"{self.url}?elsewhere", 302)
        return Response(status_code=status)

    async def has(self, count: int) -> bool:
        return len(self.heard) >= count


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = Starlette(routes=[Route("/hook", receiver.hear, methods=["GET", "POST"])])
    async with served(app) as client:
        receiver.url = f"{str(client.base_url).rstrip('/')}/hook"
        yield receiver


Sending = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
def sending(nats_server: NatsServer, tmp_path: Path) -> Sending:
    """A gateway that sends callbacks, with a connection of its own, until the block ends."""
    return partial(_sending, nats_server, tmp_path)


@asynccontextmanager
async def _sending(
    server: NatsServer, folder: Path, destinations: Destinations = HERE, patience: float = 60, **defaults: str
) -> AsyncIterator[None]:
    bus = Bus(server.settings("gateway"), "gateway", consumer=(EVENTS, CALLBACKS))
    await bus.connect()
    secrets = folder / "secrets"
    secrets.mkdir(exist_ok=True)
    (secrets / "acme").write_text(f"{SECRET}\n")
    delivery = Delivery(destinations, patience=2)
    callbacks = Callbacks(
        bus, delivery, WebhookSecrets(secrets), defaults, patience=patience, first_pause=0.2
    )
    running = asyncio.create_task(callbacks.run())
    try:
        yield
    finally:
        await tasks.end([running])
        await delivery.close()
        await bus.close()


async def made(bus: Bus, url: str, request_id: str = "r-1") -> movies_pb2.Movie:
    """A movie that was made to its end, with this callback."""
    door = FrontDoor(bus, MemoryStore())
    door.checker = RequestChecker(door.store, "starter", HERE)
    async with door.open():
        record = await door.ask(request_id, frames=1, scenes=1, callback_uri=url)
        return (await door.ended(record.name)).movie


def dead(bus: Bus) -> Callable[[], Any]:
    async def look() -> bool:
        return bool(await bus.subjects("DLQ", "reelmill.dlq.events.acme.movie.succeeded"))

    return look


async def test_the_end_of_a_movie_is_sent_to_where_its_request_says(
    bus: Bus, sending: Sending, receiver: Receiver
) -> None:
    async with sending():
        movie = await made(bus, receiver.url)
        await until(lambda: receiver.has(1))
    headers, body = receiver.heard[0]
    Webhook(SECRET).verify(body, headers)
    event = from_structured(HTTPMessage(headers, body), JSONFormat())
    assert event.get_type() == "reelmill.movie.succeeded"
    assert event.get_subject() == movie.name
    data: Any = event.get_data()
    assert (data["name"], data["state"]) == (movie.name, "STATE_SUCCEEDED")
    assert headers["webhook-id"] == event.get_id().replace(".", ":")
    assert len(receiver.heard) == 1


async def test_movies_that_name_no_address_are_told_of_where_the_installation_says(
    bus: Bus, sending: Sending, receiver: Receiver
) -> None:
    async with sending(acme=receiver.url):
        await made(bus, "")
        await until(lambda: receiver.has(1))


async def test_what_is_not_taken_is_sent_again_with_the_same_id_by_whoever_runs_then(
    bus: Bus, sending: Sending, receiver: Receiver
) -> None:
    receiver.answers = [500, 429, 302]
    async with sending():
        await made(bus, receiver.url)
        await until(lambda: receiver.has(2))
    async with sending():
        await until(lambda: receiver.has(4))
        await asyncio.sleep(1)
    assert len(receiver.heard) == 4
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1
    assert len({body for _, body in receiver.heard}) == 1
    for headers, body in receiver.heard:
        Webhook(SECRET).verify(body, headers)


async def test_a_redirect_is_not_followed(bus: Bus, sending: Sending, receiver: Receiver) -> None:
    receiver.answers = [302]
    async with sending():
        await made(bus, receiver.url)
        await until(lambda: receiver.has(2))
    assert [body != b"" for _, body in receiver.heard] == [True, True]  # a redirect would be a GET


async def test_what_nobody_takes_for_the_set_time_becomes_a_dead_letter(
    bus: Bus, sending: Sending, receiver: Receiver
) -> None:
    receiver.answers = [500] * 100
    async with sending(patience=2):
        movie = await made(bus, receiver.url)
        await until(dead(bus))
    assert len(receiver.heard) >= 2
    letter = await bus.last("DLQ", "reelmill.dlq.events.acme.movie.succeeded")
    assert letter["reelmill-reason"] == "CALLBACK_FAILED"
    assert "answered 500" in letter["reelmill-message"]
    assert letter["original-ce-subject"] == movie.name


async def test_who_answers_gone_is_not_asked_again(bus: Bus, sending: Sending, receiver: Receiver) -> None:
    receiver.answers = [410] * 100
    async with sending():
        await made(bus, receiver.url)
        await until(dead(bus))
    assert len(receiver.heard) == 1


async def test_a_name_that_stands_for_an_address_inside_is_not_called(
    bus: Bus, sending: Sending, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, port = asyncio.get_running_loop(), int(receiver.url.split(":")[2].split("/")[0])
    real = loop.getaddrinfo

    async def rebound(host: Any, *args: Any, **more: Any) -> Any:
        return await real("127.0.0.1" if host == "rebound.example" else host, *args, **more)

    monkeypatch.setattr(loop, "getaddrinfo", rebound)
    public = Destinations(http=True)
    async with sending(public, acme=f"http://rebound.example:{port}/hook"):
        await made(bus, "")
        await until(dead(bus))
    assert receiver.heard == []
    assert "inside" in (await bus.last("DLQ", "reelmill.dlq.events.acme.movie.succeeded"))["reelmill-message"]


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://movies.films.svc/", "http://hooks.example/"])
async def test_a_request_with_a_callback_inside_is_refused_and_starts_nothing(bus: Bus, url: str) -> None:
    door = FrontDoor(bus, MemoryStore())
    with pytest.raises(ReelmillError) as caught:
        await door.ask("r-1", callback_uri=url)
    assert caught.value.reason is Reason.INVALID_FIELD
    assert caught.value.metadata["field"] == "movie.callback_uri"
    assert await door.movies.list("acme") == []


async def test_a_receiver_that_hangs_holds_up_no_other(
    bus: Bus, sending: Sending, receiver: Receiver
) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    silent = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with sending():
        await made(bus, silent, "slow")
        await made(bus, receiver.url, "quick")
        await until(lambda: receiver.has(1))
    server.close()
