"""The script service as a process with real NATS, S3 and a language model: both doors, and a sudden end."""

from __future__ import annotations  # the stubs' async types exist for type checkers only

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from google.protobuf import json_format

from reelmill.v1 import common_pb2, events_pb2, script_pb2, script_pb2_grpc
from reelmill_kit.bus import Bus
from reelmill_kit.names import MovieName
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store
from reelmill_kit.topology import EVENTS
from reelmill_local.stack import LocalStack
from tests.contract.llm import screenwriter
from tests.support import openai_server as api
from tests.support.jobs import ask, stage_event, wait_for
from tests.support.openai_server import OpenAiServer, openai_server
from tests.support.servers import wait_until
from tests.support.stack import channel_to

pytestmark = [pytest.mark.stack, pytest.mark.slow]
numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAiServer]:
    with openai_server(screenwriter.write) as server:
        yield server


@pytest.fixture(scope="module")
def stack(server: OpenAiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    environment = {
        "REELMILL_LLM_MODEL": "test-model",
        "REELMILL_LLM_BASE_URL": server.url,
        "REELMILL_LLM_API_KEY": api.API_KEY,
        "REELMILL_LLM_ATTEMPTS": "2",
        "REELMILL_JOB_ACK_WAIT": "3",  # tests do not wait long for dead workers
    }
    folder = tmp_path_factory.mktemp("stack")
    with LocalStack(folder, only=("nats", "s3", "script"), environment=environment) as running:
        yield running


@pytest.fixture
def settings(stack: LocalStack) -> ServiceSettings:
    fields = {name.removeprefix("REELMILL_").lower(): value for name, value in stack.environment.items()}
    return ServiceSettings.model_validate(fields)


@pytest.fixture
async def bus(settings: ServiceSettings) -> AsyncIterator[Bus]:
    connected = Bus(settings, "test")
    await connected.connect()
    yield connected
    await connected.close()


@pytest.fixture
def movie(server: OpenAiServer) -> MovieName:
    """Of a project of its own, so that its news cannot be taken for another's."""
    server.asked.clear()
    return MovieName(f"acme-{next(numbers)}", "m-1")


def request(movie: MovieName) -> script_pb2.WriteScriptRequest:
    return script_pb2.WriteScriptRequest(
        movie=str(movie),
        theme=f"A keeper of {movie.project} finds a letter",
        shape=script_pb2.ScriptShape(chapters=2, scenes=3, frames=3),
    )


def job(movie: MovieName) -> events_pb2.StageJob:
    return events_pb2.StageJob(movie=str(movie), run=1, script=request(movie))


async def test_a_call_gets_the_script_that_a_job_has_written(
    stack: LocalStack, bus: Bus, settings: ServiceSettings, server: OpenAiServer, movie: MovieName
) -> None:
    await ask(bus, job(movie), common_pb2.STAGE_SCRIPT)
    event = stage_event(await wait_for(bus, EVENTS, movie.event_subject("script", "completed")))
    assert event.title == "The Letter in the Lamp"
    assert event.usage.calls == len(server.asked) == 1 + 2 + 6
    stored = json_format.Parse(await S3Store(settings).get(movie.script_key), script_pb2.Script())
    async with channel_to(stack, "script") as channel:
        stub = script_pb2_grpc.ScriptServiceStub(channel)
        updates = [update async for update in stub.WriteScript(request(movie), timeout=60)]
    assert updates[-1].script == stored
    assert len(server.asked) == 9, "it was written twice"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
async def test_a_script_goes_on_where_the_service_stopped(
    stack: LocalStack,
    bus: Bus,
    settings: ServiceSettings,
    server: OpenAiServer,
    movie: MovieName,
    number: signal.Signals,
) -> None:
    server.then(api.hung, api.hung, api.hung, on="frames")
    await ask(bus, job(movie), common_pb2.STAGE_SCRIPT)
    store = S3Store(settings)
    async with asyncio.timeout(30):
        while sum("frames-" in found.key for found in await store.list(movie.prefix)) < 3:
            await asyncio.sleep(0.1)
    await wait_until(lambda: server.count("frames") == 6)
    stack.kill("script", number)
    event = stage_event(await wait_for(bus, EVENTS, movie.event_subject("script", "completed"), timeout=60))
    assert (server.count("outline"), server.count("scenes"), server.count("frames")) == (1, 2, 6 + 3)
    assert event.usage.calls == 9
    stack.wait_ready("script")


async def test_a_refusal_fails_the_job_with_a_reason_and_leaves_no_script(
    bus: Bus, settings: ServiceSettings, server: OpenAiServer, movie: MovieName, stack: LocalStack
) -> None:
    server.always(api.refusal)
    try:
        await ask(bus, job(movie), common_pb2.STAGE_SCRIPT)
        message = await wait_for(bus, EVENTS, movie.event_subject("script", "failed"), timeout=30)
    finally:
        server.always(None)
    failure = stage_event(message).failure
    assert failure.reason == "LLM_REFUSED"
    assert "change the theme" in failure.message
    assert not await S3Store(settings).exists(movie.script_key)
    logs = b"".join(path.read_bytes() for path in stack.folder.glob("logs/*"))
    assert api.API_KEY.encode() not in logs


async def test_the_process_is_small(stack: LocalStack, movie: MovieName) -> None:
    (memory,) = [p["memory_mb"] for p in stack.status()["processes"] if p["name"] == "script"]
    assert memory < 150
