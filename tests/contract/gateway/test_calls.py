"""Calls by HTTP: JSON, Connect and gRPC-Web in front of a real service, whose guard decides."""

import asyncio
import json
import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx2
import pytest
from google.protobuf import json_format

from reelmill.v1 import movies_pb2, movies_pb2_grpc
from reelmill_gateway.app import application
from reelmill_gateway.calls import REQUEST_LIMIT, Calls, methods
from reelmill_gateway.intake import EventIntake
from reelmill_gateway.secrets import WebhookSecrets
from reelmill_kit.auth import Guard, Role
from reelmill_kit.auth.access import RULES
from reelmill_kit.bus import Bus
from reelmill_kit.channels import ServiceChannel
from reelmill_kit.grpc_server import GrpcServer
from reelmill_kit.memory_store import MemoryStore
from reelmill_movies.batches.requests import BatchChecker
from reelmill_movies.forecast import MovieForecaster
from reelmill_movies.neighbours import Neighbour
from reelmill_movies.service import MovieServicer
from tests.support.calls import reason_of as reason_by_grpc
from tests.support.front_door import STAGES, FrontDoor, Gate
from tests.support.gateway import reason_of, served
from tests.support.servers import free_port, program
from tests.unit.kit.auth_callers import token, verifier

pytestmark = pytest.mark.stack
SERVICE = "/reelmill.v1.MovieService"
ASKED = {
    "parent": "projects/acme",
    "requestId": "order-1",
    "movie": {"theme": "A lighthouse", "shape": {"chapters": 1, "scenes": 1, "frames": 2}},
}
ORIGIN = "https://studio.example"


class Stack:
    """The front door's parts, its gRPC server, and a client of the gateway in front of it."""

    def __init__(self, bus: Bus) -> None:
        self.door = FrontDoor(bus, MemoryStore())
        self.gate = Gate(self.door, STAGES.STAGE_QA)
        self.gate.opened.set()
        self.address = ""
        self.client: httpx2.AsyncClient

    def headers(self, role: Role = Role.MAKER, project: str = "acme") -> dict[str, str]:
        return {"authorization": f"Bearer {token((project,), role)}"}

    async def post(self, method: str, body: Any, headers: dict[str, str] | None = None) -> httpx2.Response:
        sent = self.headers() if headers is None else headers
        return await self.client.post(f"{SERVICE}/{method}", json=body, headers=sent)

    def servicer(self) -> MovieServicer:
        door, nobody = self.door, Neighbour("script", "")
        checker = BatchChecker(door.checker, can_invent=True)
        forecaster = MovieForecaster(nobody, nobody)
        return MovieServicer(
            door.controller, door.movies, door.checker, door.batch_controller, door.batches, checker,
            forecaster, door.usage, door.quotas,
        )  # fmt: skip


@asynccontextmanager
async def opened(bus: Bus) -> AsyncIterator[Stack]:
    stack = Stack(bus)
    add = movies_pb2_grpc.add_MovieServiceServicer_to_server
    server = GrpcServer([(add, stack.servicer(), "reelmill.v1.MovieService")], Guard(verifier()))
    stack.address = f"127.0.0.1:{await server.start('127.0.0.1:0')}"
    away = f"127.0.0.1:{free_port()}"
    channels = {"movies": ServiceChannel(stack.address), "script": ServiceChannel(away)}
    app = application(EventIntake(bus, WebhookSecrets(None)), Calls(channels), [ORIGIN])
    try:
        async with served(app) as stack.client, stack.door.open():
            yield stack
    finally:
        for channel in channels.values():
            await channel.close()
        await server.stop(0)


@pytest.fixture
async def stack(bus: Bus) -> AsyncIterator[Stack]:
    async with opened(bus) as stack:
        yield stack


def test_every_call_that_has_a_rule_is_served_and_no_other() -> None:
    assert set(methods()) == set(RULES)


async def test_a_movie_is_made_and_looked_at_in_json(stack: Stack) -> None:
    created = await stack.post("CreateMovie", ASKED)
    assert created.status_code == 200, created.text
    again = await stack.post("CreateMovie", ASKED)
    name = created.json()["movie"]["name"]
    assert again.json()["movie"]["name"] == name
    async with asyncio.timeout(30):
        while (movie := (await stack.post("GetMovie", {"name": name})).json())["movie"][
            "state"
        ] != "STATE_SUCCEEDED":
            await asyncio.sleep(0.05)
    assert movie["movie"]["title"] == "T"
    listed = (await stack.post("ListMovies", {"parent": "projects/acme"})).json()
    assert [one["name"] for one in listed["movies"]] == [name]


async def test_protobuf_is_taken_as_well_as_json(stack: Stack) -> None:
    request = movies_pb2.ListMoviesRequest(parent="projects/acme")
    headers = {**stack.headers(), "content-type": "application/proto"}
    answer = await stack.client.post(
        f"{SERVICE}/ListMovies", content=request.SerializeToString(), headers=headers
    )
    assert answer.status_code == 200
    movies_pb2.ListMoviesResponse.FromString(answer.content)


async def test_a_refusal_is_the_services_own(stack: Stack) -> None:
    missing, path = {"name": "projects/acme/movies/m-1"}, {"name": "projects/../x"}
    refused: list[tuple[str, Any, Role, str, int, str]] = [
        ("CreateMovie", ASKED, Role.READER, "acme", 403, "PERMISSION_DENIED"),
        ("CreateMovie", ASKED, Role.ADMIN, "other", 404, "NOT_FOUND"),
        ("GetMovie", missing, Role.READER, "acme", 404, "NOT_FOUND"),
        ("GetMovie", path, Role.READER, "acme", 400, "INVALID_FIELD"),
        ("CreateMovie", {**ASKED, "movie": {"theme": ""}}, Role.MAKER, "acme", 400, "INVALID_FIELD"),
    ]
    for method, body, role, project, status, reason in refused:
        answer = await stack.post(method, body, stack.headers(role, project))
        assert (answer.status_code, reason_of(answer)) == (status, reason)
        request = json_format.ParseDict(body, getattr(movies_pb2, f"{method}Request")())
        async with grpc.aio.insecure_channel(stack.address) as channel:
            call: Any = getattr(movies_pb2_grpc.MovieServiceStub(channel), method)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(request, metadata=list(stack.headers(role, project).items()))
        assert reason_by_grpc(caught.value) == reason
        assert answer.json()["message"] == caught.value.details()


async def test_without_a_token_nothing_is_done(stack: Stack) -> None:
    for headers in ({}, {"authorization": "Bearer x.y.z"}, {"authorization": "Basic YTpi"}):
        answer = await stack.post("CreateMovie", ASKED, headers)
        assert (answer.status_code, reason_of(answer)) == (401, "UNAUTHENTICATED")
    assert await stack.door.movies.list("acme") == []


async def test_what_is_no_request_is_refused_and_starts_nothing(stack: Stack) -> None:
    headers = {**stack.headers(), "content-type": "application/json"}
    for body in (b"", b"{", b"[1]", b'{"film": {}}', b'{"parent": 1}', b"[" * 100_000, b"\xff"):
        answer = await stack.client.post(f"{SERVICE}/CreateMovie", content=body, headers=headers)
        assert (answer.status_code, reason_of(answer)) == (400, "MALFORMED_REQUEST"), body[:20]
    assert await stack.door.movies.list("acme") == []


async def test_a_request_that_is_too_large_is_refused_whether_it_tells_its_length_or_not(
    stack: Stack,
) -> None:
    asked = {**ASKED, "requestId": "x" * REQUEST_LIMIT}
    answer = await stack.post("CreateMovie", asked)
    assert (answer.status_code, reason_of(answer)) == (413, "INVALID_FIELD")
    assert str(REQUEST_LIMIT) in answer.json()["message"]

    async def parts() -> AsyncIterator[bytes]:
        text = json.dumps(asked).encode()
        for start in range(0, len(text), 1 << 20):
            yield text[start : start + (1 << 20)]

    headers = {**stack.headers(), "content-type": "application/json"}
    answer = await stack.client.post(f"{SERVICE}/CreateMovie", content=parts(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (429, "resource_exhausted")
    assert await stack.door.movies.list("acme") == []


async def test_a_service_that_is_away_is_told_of_without_its_address(stack: Stack) -> None:
    answer = await stack.client.post("/reelmill.v1.ScriptService/InventThemes", json={"parent": "projects/a"})
    assert (answer.status_code, reason_of(answer)) == (503, "NOT_READY")
    assert "127.0.0.1" not in answer.text


async def test_calls_of_services_without_an_address_and_calls_that_do_not_exist_are_not_found(
    stack: Stack,
) -> None:
    for path in (
        "/reelmill.v1.StyleService/LearnStyle",
        f"{SERVICE}/Destroy",
        "/",
        "/grpc.health.v1.Health/Check",
    ):
        assert (await stack.client.post(path, json={}, headers=stack.headers())).status_code == 404, path


async def test_a_page_that_was_not_named_may_not_call(stack: Stack) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    for origin, allowed in ((ORIGIN, ORIGIN), ("https://evil.example", None)):
        answer = await stack.client.options(f"{SERVICE}/GetMovie", headers={**asked, "origin": origin})
        assert answer.headers.get("access-control-allow-origin") == allowed


async def watched(stack: Stack, protocol: str, name: str) -> str:
    """What `buf curl` hears of a movie until the call ends."""
    process = await asyncio.create_subprocess_exec(
        program("buf"), "curl", "--protocol", protocol, "--schema", "protos",
        "-H", f"authorization: {stack.headers()['authorization']}", "-d", json.dumps({"name": name}),
        f"{str(stack.client.base_url).rstrip('/')}{SERVICE}/WatchMovie",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, out.decode()
    return out.decode()


@pytest.mark.parametrize("protocol", ["connect", "grpcweb"])
async def test_a_movie_is_watched_to_its_end_by_anothers_client(stack: Stack, protocol: str) -> None:
    stack.gate.opened.clear()
    name = (await stack.post("CreateMovie", ASKED)).json()["movie"]["name"]
    watching = asyncio.create_task(watched(stack, protocol, name))
    await asyncio.sleep(1)
    stack.gate.opened.set()
    states = re.findall(r"STATE_\w+", await watching)
    assert "STATE_RUNNING" in states
    assert "STATE_SUCCEEDED" in states


async def test_a_deadline_holds_for_the_service_too(stack: Stack) -> None:
    stack.gate.opened.clear()
    name = (await stack.post("CreateMovie", ASKED)).json()["movie"]["name"]
    request = json.dumps({"name": name}).encode()
    answer = await stack.client.post(
        f"{SERVICE}/WatchMovie",
        content=struct.pack(">BI", 0, len(request)) + request,
        headers={
            **stack.headers(),
            "content-type": "application/connect+json",
            "connect-timeout-ms": "1500",
        },
    )
    assert answer.status_code == 200
    assert b"STATE_" in answer.content
    assert b"deadline_exceeded" in answer.content.rpartition(b"\x02")[2]
    assert 1.4 < answer.elapsed.total_seconds() < 9
    stack.gate.opened.set()


async def test_who_goes_away_while_watching_ends_the_services_work_too(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.gate.opened.clear()
    name = (await stack.post("CreateMovie", ASKED)).json()["movie"]["name"]
    follow, ended = stack.door.movies.follow, asyncio.Event()

    async def seen(*asked: Any) -> AsyncIterator[Any]:
        try:
            async for record in follow(*asked):
                yield record
        finally:
            ended.set()

    monkeypatch.setattr(stack.door.movies, "follow", seen)
    request = json.dumps({"name": name}).encode()
    async with stack.client.stream(
        "POST",
        f"{SERVICE}/WatchMovie",
        content=struct.pack(">BI", 0, len(request)) + request,
        headers={**stack.headers(), "content-type": "application/connect+json"},
    ) as answer:
        heard = answer.aiter_bytes()
        assert b"STATE_" in await anext(heard)
        await asyncio.sleep(1)
        assert not ended.is_set()
    await asyncio.wait_for(ended.wait(), 10)
    stack.gate.opened.set()
