"""Webhooks in: a signed event of another vendor's package becomes a movie; what is wrong starts nothing."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cloudevents.core.bindings.http import HTTPMessage

from reelmill_gateway.app import application
from reelmill_gateway.calls import Calls
from reelmill_gateway.intake import BODY_LIMIT, EventIntake
from reelmill_gateway.secrets import WebhookSecrets
from reelmill_kit.bus import Bus
from reelmill_kit.channels import ServiceChannel
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import MovieName
from tests.support.front_door import FrontDoor, Movie, until
from tests.support.gateway import SECRET, cloud_event, reason_of, served, signed
from tests.support.nats import NatsServer

pytestmark = pytest.mark.stack
EVENTS = "/v1/projects/acme/events"


@pytest.fixture
async def client(bus: Bus, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """Of a gateway that knows one secret of the project acme."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "acme").write_text(SECRET)
    intake = EventIntake(bus, WebhookSecrets(tmp_path / "secrets"))
    async with served(application(intake, Calls({}))) as caller:
        yield caller


async def stored(bus: Bus) -> int:
    return (await bus.jetstream.stream_info("REQUESTS")).state.messages


@pytest.mark.parametrize(
    ("binary", "id"),
    [(False, "order-1"), (True, "order-1"), (False, "Auftrag Ä 100%"), (True, "Auftrag Ä 100%")],
)
async def test_a_signed_cloudevent_of_anothers_package_makes_a_movie(
    client: httpx2.AsyncClient, bus: Bus, binary: bool, id: str
) -> None:
    message = cloud_event(id, binary=binary)
    answer = await client.post(EVENTS, content=message.body, headers=signed(message))
    assert answer.status_code == 202, answer.text
    name = MovieName.for_request("acme", id)
    assert answer.json() == {"movie": str(name), "requestId": id}
    door = FrontDoor(bus, MemoryStore())
    async with door.open():
        await until(lambda: door.movies.exists(name))
        assert (await door.ended(name)).movie.state == Movie.STATE_SUCCEEDED


async def test_a_delivery_that_comes_again_is_answered_alike_and_stored_once(
    client: httpx2.AsyncClient, bus: Bus
) -> None:
    message = cloud_event()
    first = signed(message)
    later = signed(message, at=time.time() + 60)
    answers = [await client.post(EVENTS, content=message.body, headers=h) for h in (first, first, later)]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert await stored(bus) == 1


async def test_an_id_that_is_used_for_something_else_is_not_dropped(
    client: httpx2.AsyncClient, bus: Bus
) -> None:
    for theme in ("A lighthouse", "A bakery"):
        message = cloud_event("order-1", theme=theme)
        assert (await client.post(EVENTS, content=message.body, headers=signed(message))).status_code == 202
    assert await stored(bus) == 2

    async def refused() -> bool:
        return bool(await bus.subjects("DLQ", "reelmill.dlq.requests.acme"))

    async with FrontDoor(bus, MemoryStore()).open():
        await until(refused)
    letter = await bus.last("DLQ", "reelmill.dlq.requests.acme")
    assert letter["reelmill-reason"] == "REQUEST_ID_REUSED"


async def test_clocks_that_are_far_off_and_old_replays_are_refused(
    client: httpx2.AsyncClient, bus: Bus
) -> None:
    message = cloud_event()
    for away, side in ((-600, "before"), (600, "after"), (-302, "before")):
        headers = signed(message, at=time.time() + away)
        answer = await client.post(EVENTS, content=message.body, headers=headers)
        assert (answer.status_code, reason_of(answer)) == (401, "UNAUTHENTICATED")
        assert f" s {side} this server's clock" in answer.json()["message"]
    assert await stored(bus) == 0


async def test_unsigned_and_wrongly_signed_bodies_are_refused_in_the_same_words_for_every_project(
    client: httpx2.AsyncClient, bus: Bus
) -> None:
    message = cloud_event()
    unsigned = await client.post(EVENTS, content=message.body, headers=message.headers)
    assert (unsigned.status_code, reason_of(unsigned)) == (401, "UNAUTHENTICATED")
    assert "webhook-id" in unsigned.json()["message"]
    stranger = signed(message, "whsec_" + "A" * 32)
    known, unknown = [
        await client.post(f"/v1/projects/{project}/events", content=message.body, headers=stranger)
        for project in ("acme", "other")
    ]
    assert known.status_code == unknown.status_code == 401
    assert known.text == unknown.text
    changed = await client.post(EVENTS, content=message.body + b" ", headers=signed(message))
    assert changed.status_code == 401
    assert await stored(bus) == 0


async def test_a_project_that_is_a_path_is_no_project(client: httpx2.AsyncClient, bus: Bus) -> None:
    message = cloud_event()
    for path in ("..%2F..%2Fetc", "a/b", "..", "acme%00", "Acme", "a" * 70, "acme.x", "%2A", ""):
        url = f"{str(client.base_url).rstrip('/')}/v1/projects/{path}/events"
        answer = await client.send(_unchanged(url, message.body, signed(message)))
        assert answer.status_code == 400, (path, answer.text)
        assert answer.json()["details"][0]["debug"]["metadata"] == {"field": "project"}
    assert await stored(bus) == 0


def _unchanged(url: str, body: bytes, headers: dict[str, str]) -> httpx2.Request:
    request = httpx2.Request("POST", url, content=body, headers=headers)
    raw = url.split("/", 3)[3].encode()
    request.extensions["target"] = b"/" + raw  # as it is written, with its dots
    return request


@pytest.mark.parametrize("headers", [f"content-length: {50 << 20}", "transfer-encoding: chunked"])
async def test_fifty_megabytes_are_refused_without_being_read(
    client: httpx2.AsyncClient, headers: str
) -> None:
    host, port = client.base_url.host, client.base_url.port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"POST {EVENTS} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n\r\n".encode())
    sent, chunk = 0, b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    async with asyncio.timeout(10):
        answer = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
        try:
            while not answer.done() and "chunked" in headers and sent < 50 << 20:
                writer.write(chunk)
                sent += 0x10000
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            pass
        head = await answer
    writer.close()
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in head.lower()
    assert sent < 8 * BODY_LIMIT


ASKS = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": {}}


async def test_a_body_that_asks_for_nothing_is_refused_by_its_field(
    client: httpx2.AsyncClient, bus: Bus
) -> None:
    wrong: list[tuple[Any, str]] = [
        ("no JSON", "specversion"),
        ([ASKS], "specversion"),
        ({**ASKS, "id": ""}, "id"),
        ({**ASKS, "specversion": "0.3"}, "specversion"),
        ({**ASKS, "data": None}, "data"),
        ({**ASKS, "data": {"film": 1}}, "data"),
        ({**ASKS, "data": {"movie": {"theme": 1}}}, "data"),
        ({**ASKS, "data": {"parent": "projects/b"}}, "parent"),
        ({**ASKS, "id": "1" * 200}, "request_id"),
    ]
    for body, field in wrong:
        content = json.dumps(body).encode()
        headers = signed(HTTPMessage({"content-type": "application/cloudevents+json"}, content))
        answer = await client.post(EVENTS, content=content, headers=headers)
        assert answer.status_code == 400, answer.text
        assert answer.json()["code"] == "invalid_argument"
        assert answer.json()["details"][0]["debug"]["metadata"] == {"field": field}
    assert await stored(bus) == 0


async def test_a_body_that_does_not_come_is_not_waited_for(bus: Bus) -> None:
    nowhere = ServiceChannel("127.0.0.1:1")
    app = application(EventIntake(bus, WebhookSecrets(None)), Calls({"movies": nowhere}), body_within=0.5)
    async with served(app) as client:
        for path in (EVENTS, "/reelmill.v1.MovieService/GetMovie"):
            reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
            head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            writer.write(f"{head}content-length: 9\r\n\r\nslow".encode())
            async with asyncio.timeout(5):
                assert (await reader.readline()).startswith(b"HTTP/1.1 499"), path
            writer.close()


async def test_without_the_bus_nothing_is_promised(
    client: httpx2.AsyncClient, nats_server: NatsServer
) -> None:
    await nats_server.stop()
    message = cloud_event()
    answer = await client.post(EVENTS, content=message.body, headers=signed(message), timeout=30)
    assert (answer.status_code, reason_of(answer)) == (503, "BUS_UNAVAILABLE")
    assert answer.headers["retry-after"]
    await nats_server.start()


async def test_what_is_not_a_post_or_no_route_is_not_found(client: httpx2.AsyncClient) -> None:
    assert (await client.get(EVENTS)).status_code == 404
    assert (await client.post("/v1/projects")).status_code == 404
