"""The render service as a process with real NATS, S3 and Triton: both doors, and a Triton that dies."""

from __future__ import annotations  # the stubs' async types exist for type checkers only

import asyncio
import hashlib
import io
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from numpy.typing import NDArray
from PIL import Image

from reelmill.v1 import common_pb2, events_pb2, render_pb2, render_pb2_grpc
from reelmill_kit import cloudevents
from reelmill_kit.bus import Bus
from reelmill_kit.names import MovieName
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store
from reelmill_kit.topology import FRAMES
from reelmill_local.stack import LocalStack
from tests.support.jobs import ask, no_jobs_left
from tests.support.stack import channel_to

pytestmark = [pytest.mark.stack, pytest.mark.torch, pytest.mark.slow]


@pytest.fixture(scope="module")
def stack(
    tiny_model: str, tiny_judge: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalStack]:
    environment = {
        "REELMILL_DIFFUSION_MODEL": tiny_model,
        "REELMILL_JUDGE_MODEL": str(tiny_judge),
        "REELMILL_GATE": "off",  # where a request does not say
        "REELMILL_TORCH_THREADS": "1",
    }
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
    async with channel_to(stack, "render") as channel:
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


def pixels(png: bytes) -> NDArray[np.int64]:
    return np.asarray(Image.open(io.BytesIO(png)), np.int64)


def details_of(error: grpc.aio.AioRpcError) -> Any:
    trailing: Any = error.trailing_metadata()
    return status_pb2.Status.FromString(dict(trailing)["grpc-status-details-bin"]).details


def reason_of(error: grpc.aio.AioRpcError) -> str:
    info = error_details_pb2.ErrorInfo()
    assert details_of(error)[0].Unpack(info)
    return str(info.reason)


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


async def with_references(store: S3Store) -> list[str]:
    """Keys of two stored references of a style."""
    keys = [f"projects/acme/styles/s/references/{index:02d}.png" for index in range(2)]
    for index, key in enumerate(keys):
        content = io.BytesIO()
        Image.effect_mandelbrot((96, 64), (-2 + index, -1, 1, 1), 50).convert("RGB").save(content, "PNG")
        await store.put(key, content.getvalue(), "image/png")
    return keys


async def test_both_doors_judge_frames_alike_and_draw_none_more_often_than_allowed(
    service: render_pb2_grpc.RenderServiceAsyncStub, bus: Bus, store: S3Store
) -> None:
    by_call, by_job = MovieName("acme", "judged-by-call"), MovieName("acme", "judged-by-job")
    asked = request(by_call, 6)
    asked.gate.mode, asked.gate.max_redraws = render_pb2.GateOptions.MODE_ON, 2
    asked.style.reference_keys.extend(await with_references(store))
    updates = [update async for update in service.RenderFrames(asked)]
    frames = {u.frame.key_frame.index: u.frame.key_frame for u in updates if u.HasField("frame")}
    assert sorted(frames) == list(range(6))
    for index, frame in frames.items():
        attempts = list(frame.attempts)
        [kept] = [attempt for attempt in attempts if attempt.kept]
        assert 1 <= len(attempts) <= 3
        assert attempts[0].seed == index
        assert all(attempt.style_rank and attempt.text_rank for attempt in attempts)
        assert (frame.seed, frame.passed) == (kept.seed, kept.passed)
        assert re.fullmatch("[0-9a-f]{64}", frame.judge_digest)
    assert any(len(frame.attempts) > 1 for frame in frames.values()), (
        "a random judge lets nothing pass at once"
    )
    for index in range(6):
        job = frame_job(by_job, index)
        job.render.gate.CopyFrom(asked.gate)
        job.render.style.CopyFrom(asked.style)
        await ask(bus, job, common_pb2.STAGE_RENDER)
    for event in await frames_of(bus, by_job, 6):
        assert not event.HasField("failure"), event.failure.message
        lineage = json_format.Parse(await store.get(by_job.lineage_key(event.index)), render_pb2.KeyFrame())
        assert lineage.input_digest == frames[event.index].input_digest
        # A rounding may decide whether a picture passes, not which seeds are tried.
        assert all(
            a.seed == b.seed for a, b in zip(lineage.attempts, frames[event.index].attempts, strict=False)
        )
    again = [update async for update in service.RenderFrames(asked)]
    assert all(u.frame.reused for u in again if u.HasField("frame"))


async def test_a_judged_frame_is_drawn_again_from_its_lineage(
    service: render_pb2_grpc.RenderServiceAsyncStub,
) -> None:
    asked = request(MovieName("acme", "judged"), 3)
    asked.gate.mode = render_pb2.GateOptions.MODE_ON
    judged = {
        u.frame.key_frame.index: u.frame async for u in service.RenderFrames(asked) if u.HasField("frame")
    }
    again = request(MovieName("acme", "drawn-again"), 3)
    for frame in again.frames:
        frame.seed = judged[frame.index].key_frame.seed
    async for update in service.RenderFrames(again):
        if update.HasField("frame"):
            before = judged[update.frame.key_frame.index].image
            assert np.abs(pixels(update.frame.image) - pixels(before)).max() <= 2
            assert not update.frame.key_frame.attempts


async def test_bad_input_gets_a_status_that_names_the_field(
    service: render_pb2_grpc.RenderServiceAsyncStub,
) -> None:
    bad = request(MovieName("acme", "bad"), 2)
    bad.frames[1].prompt = "\x07"
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        [update async for update in service.RenderFrames(bad)]
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    violation = error_details_pb2.BadRequest()
    assert details_of(refused.value)[1].Unpack(violation)
    assert reason_of(refused.value) == "INVALID_FIELD"
    assert violation.field_violations[0].field == "frames[1].prompt"


async def test_a_style_that_another_model_learned_is_refused_naming_both(
    service: render_pb2_grpc.RenderServiceAsyncStub, tiny_model: str
) -> None:
    import torch

    from reelmill_diffusion import StyleEmbedding, model_digest

    asked = request(MovieName("acme", "foreign-style"), 1)
    foreign = StyleEmbedding({"clip_l": torch.zeros(2, 32)}, metadata={"model_digest": "ab" * 32})
    asked.style.content = foreign.to_bytes()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        [update async for update in service.RenderFrames(asked)]
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "MODEL_REJECTED"
    assert "ab" * 6 in str(refused.value.details())
    assert model_digest(Path(tiny_model))[:12] in str(refused.value.details())


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
    for job in jobs[::2]:  # the judge dies, too
        job.render.gate.mode, job.render.gate.max_redraws = render_pb2.GateOptions.MODE_ON, 1
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
