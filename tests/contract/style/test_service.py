"""The style service as a process with real NATS and S3: both doors, and ends in the middle of learning."""

from __future__ import annotations  # the stubs' async types exist for type checkers only

import asyncio
import itertools
import json
import pickle
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from google.protobuf import json_format
from PIL import Image

from reelmill.v1 import common_pb2, events_pb2, script_pb2, style_pb2, style_pb2_grpc
from reelmill_kit.bus import Bus
from reelmill_kit.names import MovieName
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store
from reelmill_kit.topology import EVENTS
from reelmill_local.stack import LocalStack
from tests.support.jobs import ask, stage_event, wait_for
from tests.support.pictures import encoded, gradient, png_bomb
from tests.support.stack import channel_to

pytestmark = [pytest.mark.stack, pytest.mark.torch, pytest.mark.slow]
STEPS, REFERENCES = 400, 2
numbers = itertools.count()


@pytest.fixture(scope="module")
def stack(tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    environment = {
        "REELMILL_DIFFUSION_MODEL": tiny_model,
        "REELMILL_TORCH_THREADS": "1",
        "REELMILL_JOB_ACK_WAIT": "3",  # tests do not wait long for dead workers
        "REELMILL_STYLE_VECTORS": "1",
    }
    folder = tmp_path_factory.mktemp("stack")
    with LocalStack(folder, only=("nats", "s3", "style"), environment=environment) as running:
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
def store(settings: ServiceSettings) -> S3Store:
    return S3Store(settings)


def request(movie: MovieName, seed: int, steps: int) -> style_pb2.LearnStyleRequest:
    return style_pb2.LearnStyleRequest(
        parent=f"projects/{movie.project}",
        movie=str(movie),
        style=script_pb2.StyleText(keyword="noir"),
        seed=seed,
        options=style_pb2.StyleOptions(steps=steps, references=REFERENCES),
    )


def a_movie() -> MovieName:
    """Of a project of its own, so that its news cannot be taken for another's."""
    return MovieName(f"acme-{next(numbers)}", "m-1")


class Watcher:
    """Hears the progress of a movie's style."""

    def __init__(self, bus: Bus, movie: MovieName) -> None:
        self._bus = bus
        self._movie = movie
        self.steps: asyncio.Queue[int] = asyncio.Queue()

    async def __aenter__(self) -> Watcher:
        self._subscription = await self._bus.client.subscribe(
            self._movie.event_subject("style", "progressed"), cb=self._hear
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._subscription.unsubscribe()

    async def _hear(self, message: object) -> None:
        event = json_format.Parse(message.data, events_pb2.StageEvent())  # type: ignore[attr-defined]
        if event.movie == str(self._movie) and event.progress.message == "learning the style":
            self.steps.put_nowait(event.progress.done - REFERENCES)

    async def step(self, at_least: int) -> int:
        """Waits until learning is at this step or beyond."""
        async with asyncio.timeout(60):
            while (step := await self.steps.get()) < at_least:
                pass
            return step


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
async def test_a_style_goes_on_where_the_service_stopped(
    stack: LocalStack, bus: Bus, store: S3Store, number: signal.Signals
) -> None:
    movie = a_movie()
    job = events_pb2.StageJob(movie=str(movie), run=1, style=request(movie, int(number), STEPS))
    async with Watcher(bus, movie) as watcher:
        await ask(bus, job, common_pb2.STAGE_STYLE)
        reached = await watcher.step(60)
        stack.kill("style", number)
        while not watcher.steps.empty():
            reached = watcher.steps.get_nowait()
        resumed_at = await watcher.step(1)
        message = await wait_for(bus, EVENTS, movie.event_subject("style", "completed"), timeout=120)
    assert resumed_at > reached - 40, "it began anew, not from its checkpoint"
    style = stage_event(message).style
    kept = {item.key.removeprefix(f"{style.name}/") for item in await store.list(f"{style.name}/")}
    assert kept == {
        "learned_embeds.safetensors",
        "lineage.json",
        "style.json",
        "references/00.png",
        "references/01.png",
    }


async def test_a_call_gets_the_style_that_a_job_has_learned(stack: LocalStack, bus: Bus) -> None:
    movie = a_movie()
    asked = request(movie, 1, 5)
    await ask(bus, events_pb2.StageJob(movie=str(movie), run=1, style=asked), common_pb2.STAGE_STYLE)
    message = await wait_for(bus, EVENTS, movie.event_subject("style", "completed"), timeout=60)
    async with channel_to(stack, "style") as channel:
        stub = style_pb2_grpc.StyleServiceStub(channel)
        updates = [update async for update in stub.LearnStyle(asked, timeout=60)]
    assert [u.learned.style for u in updates] == [stage_event(message).style], "it was learned twice"


@pytest.mark.parametrize(
    "content",
    [b"no image", pickle.dumps([1]), png_bomb(30_000), encoded(Image.new("RGB", (64, 64), "teal"))],
    ids=["a text", "a pickle", "a bomb", "one colour"],
)
async def test_a_job_with_a_reference_that_teaches_nothing_fails_and_names_it(
    stack: LocalStack, bus: Bus, content: bytes
) -> None:
    movie = a_movie()
    asked = request(movie, 1, 5)
    asked.references.add(content=content)
    await ask(bus, events_pb2.StageJob(movie=str(movie), run=1, style=asked), common_pb2.STAGE_STYLE)
    message = await wait_for(bus, EVENTS, movie.event_subject("style", "failed"), timeout=60)
    failure = stage_event(message).failure
    assert failure.reason == "INVALID_FIELD"
    assert failure.metadata["field"] == "references[0].content"


async def test_a_style_is_learned_from_pictures_in_the_store_with_what_is_said_of_them(
    stack: LocalStack, store: S3Store
) -> None:
    movie = a_movie()
    key = f"projects/{movie.project}/uploads/print.jpg"
    await store.put(key, encoded(gradient(mode="CMYK"), "JPEG"), "image/jpeg")
    asked = request(movie, 1, 5)
    asked.references.add(key=key, caption="a wall by night")
    asked.references.add(content=encoded(gradient(mode="RGBA")))
    async with channel_to(stack, "style") as channel:
        stub = style_pb2_grpc.StyleServiceStub(channel)
        *_, last = [update async for update in stub.LearnStyle(asked, timeout=60)]
    lineage = json.loads(await store.get(f"{last.learned.style.name}/lineage.json"))
    assert lineage["references"][0]["prompt"] == "a wall by night, in <style> style"
    assert lineage["scores"]["stopped_because"] == "all steps made"
