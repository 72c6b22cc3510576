"""The render service as a process with real NATS, S3 and Triton: both doors, and a Triton that dies."""

from __future__ import annotations  # the stubs' async types exist for type checkers only

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from PIL import Image

from reelmill.v1 import common_pb2, events_pb2, render_pb2, render_pb2_grpc
from reelmill_kit import cloudevents
from reelmill_kit.bus import FRAMES, Bus
from reelmill_kit.names import MovieName
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store
from reelmill_local.stack import LocalStack
from tests.support.jobs import ask, no_jobs_left

pytestmark = [pytest.mark.stack, pytest.mark.torch, pytest.mark.slow]


@pytest.fixture(scope="module")
def stack(tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    environment = {"REELMILL_DIFFUSION_MODEL": tiny_model, "REELMILL_TORCH_THREADS": "1"}
    folder = tmp_path_factory.mktemp("stack")
    with LocalStack(folder, only=("nats", "s3", "triton", "render"), environment=environment) as running:
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


@pytest.fixture
async def service(stack: LocalStack) -> AsyncIterator[render_pb2_grpc.RenderServiceAsyncStub]:
    async with grpc.aio.insecure_channel(stack.addresses["render"]) as channel:
        yield render_pb2_grpc.RenderServiceStub(channel)


def request(movie: MovieName, count: int, steps: int = 2) -> render_pb2.RenderFramesRequest:
    return render_pb2.RenderFramesRequest(
        movie=str(movie),
        frames=[render_pb2.FrameRequest(index=i, prompt=f"cat {i}", seed=i) for i in range(count)],
        drawing=render_pb2.DrawingOptions(steps=steps),
        include_images=True,
    )


def frame_job(movie: MovieName, index: int, steps: int = 2) -> events_pb2.StageJob:
    one = request(movie, 0, steps)
    one.frames.add(index=index, prompt=f"cat {index}", seed=index)
    return events_pb2.StageJob(movie=str(movie), run=1, render=one)


async def frames_of(bus: Bus, movie: MovieName, count: int) -> list[events_pb2.FrameEvent]:
    """Waits until so many frames are told of."""
    async with asyncio.timeout(90):
        while len(subjects := await bus.subjects(FRAMES, movie.any_frame_subject)) < count:
            await asyncio.sleep(0.1)
    messages = [await bus.jetstream.get_last_msg(FRAMES, subject) for subject in subjects]
    return [json_format.Parse(message.data or b"", events_pb2.FrameEvent()) for message in messages]


async def test_both_doors_make_the_same_frames(
    service: render_pb2_grpc.RenderServiceAsyncStub, bus: Bus, store: S3Store
) -> None:
    by_call, by_job = MovieName("acme", "by-call"), MovieName("acme", "by-job")
    updates = [update async for update in service.RenderFrames(request(by_call, 6))]
    progress = [u.progress.done for u in updates if u.HasField("progress")]
    assert progress == list(range(7))
    frames = {u.frame.key_frame.index: u.frame for u in updates if u.HasField("frame")}
    assert sorted(frames) == list(range(6))
    for index in range(6):
        await ask(bus, frame_job(by_job, index), common_pb2.STAGE_RENDER)
    for event in await frames_of(bus, by_job, 6):
        assert not event.HasField("failure"), event.failure.message
        frame = frames[event.index]
        stored = await store.get(event.image_key)
        lineage = json_format.Parse(await store.get(by_job.lineage_key(event.index)), render_pb2.KeyFrame())
        assert hashlib.sha256(stored).hexdigest() == event.image_digest == lineage.image_digest
        assert lineage.input_digest == frame.key_frame.input_digest
        assert Image.open(io.BytesIO(stored)).size == (64, 64)
        assert await store.get(frame.key_frame.image_key) == frame.image
    again = [update async for update in service.RenderFrames(request(by_call, 6))]
    assert all(u.frame.reused and u.frame.image for u in again if u.HasField("frame"))


async def test_bad_input_gets_a_status_that_names_the_field(
    service: render_pb2_grpc.RenderServiceAsyncStub,
) -> None:
    bad = request(MovieName("acme", "bad"), 2)
    bad.frames[1].prompt = "\x07"
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        [update async for update in service.RenderFrames(bad)]
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    trailing: Any = refused.value.trailing_metadata()
    status = status_pb2.Status.FromString(dict(trailing)["grpc-status-details-bin"])
    info, violation = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(violation)
    assert info.reason == "INVALID_FIELD"
    assert violation.field_violations[0].field == "frames[1].prompt"


async def test_what_the_model_refuses_fails_that_frame_alone(bus: Bus) -> None:
    movie = MovieName("acme", "refused")
    bad = frame_job(movie, 0)
    bad.render.style.content = b"no safetensors"
    await ask(bus, bad, common_pb2.STAGE_RENDER)
    await ask(bus, frame_job(movie, 1), common_pb2.STAGE_RENDER)
    events = {event.index: event for event in await frames_of(bus, movie, 2)}
    assert events[0].failure.reason == "MODEL_REJECTED"
    assert "style_embedding" in events[0].failure.message
    assert not events[1].HasField("failure")


def endless(movie: MovieName) -> render_pb2.RenderFramesRequest:
    """Three frames that would keep Triton busy for a minute."""
    asked = request(movie, 3, steps=150)
    asked.drawing.width = asked.drawing.height = 256
    return asked


async def drawn_soon(service: render_pb2_grpc.RenderServiceAsyncStub, movie: MovieName) -> None:
    """Triton is free: a small frame does not wait behind anything."""
    async with asyncio.timeout(10):
        updates = [update async for update in service.RenderFrames(request(movie, 1))]
    assert updates[-1].progress.done == 1


async def test_a_caller_who_goes_away_sets_triton_free(
    service: render_pb2_grpc.RenderServiceAsyncStub,
) -> None:
    call = service.RenderFrames(endless(MovieName("acme", "gone")))
    await call.read()
    await asyncio.sleep(1)
    call.cancel()
    await drawn_soon(service, MovieName("acme", "after-gone"))


async def test_cancelling_a_movie_sets_triton_free(
    service: render_pb2_grpc.RenderServiceAsyncStub, bus: Bus
) -> None:
    movie = MovieName("acme", "cancelled")
    for frame in endless(movie).frames:
        one = endless(movie)
        del one.frames[:]
        one.frames.append(frame)
        job = events_pb2.StageJob(movie=str(movie), run=1, render=one)
        await ask(bus, job, common_pb2.STAGE_RENDER)
    await asyncio.sleep(1)
    event = cloudevents.Event("reelmill.movie.cancelled", "test", b"{}", subject=str(movie))
    await bus.publish(movie.event_subject("movie", "cancelled"), event)
    await drawn_soon(service, MovieName("acme", "after-cancelled"))
    await no_jobs_left(bus)


async def test_frames_outlast_a_triton_that_is_killed(bus: Bus, stack: LocalStack, store: S3Store) -> None:
    movie = MovieName("acme", "outage")
    jobs = [frame_job(movie, index, steps=40) for index in range(40)]
    await asyncio.gather(*(ask(bus, job, common_pb2.STAGE_RENDER) for job in jobs))
    await frames_of(bus, movie, 1)
    before = {event.index for event in await frames_of(bus, movie, 1)}
    drawn_before = {index: await store.get(movie.lineage_key(index)) for index in before}
    stack.kill("triton")
    await asyncio.to_thread(stack.wait_ready, "triton")
    events = await frames_of(bus, movie, 40)
    assert not [event.failure.message for event in events if event.HasField("failure")]
    assert sorted(event.index for event in events) == list(range(40))
    for index, lineage in drawn_before.items():
        assert await store.get(movie.lineage_key(index)) == lineage, "a finished frame is not drawn again"


def test_the_service_stays_small(stack: LocalStack) -> None:
    [process] = [p for p in stack.status()["processes"] if p["name"] == "render"]
    assert process["memory_mb"] < 150
