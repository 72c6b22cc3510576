import asyncio
import hashlib
import io
from contextlib import aclosing

import numpy as np
import pytest
from google.protobuf import json_format
from PIL import Image

from reelmill.v1 import events_pb2, render_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import MovieName
from reelmill_kit.progress import silent
from reelmill_render.archive import encode_png
from reelmill_render.domain import Drawing, Model
from reelmill_render.gate import Limits, Policy
from reelmill_render.stage import Rendered, RenderStage
from tests.unit.render.painter import MODEL, Painter, paint
from tests.unit.render.referee import Referee

MOVIE = MovieName("acme", "m-1")
OFF = Policy(False, Limits(2, 1, 5))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def painter() -> Painter:
    return Painter()


@pytest.fixture
def stage(store: MemoryStore, painter: Painter) -> RenderStage:
    return RenderStage(store, painter, Referee(), OFF, concurrency=4)


def request(count: int = 1, seed: int = 7) -> render_pb2.RenderFramesRequest:
    frames = [render_pb2.FrameRequest(index=i, prompt=f"frame {i}", seed=seed) for i in range(count)]
    return render_pb2.RenderFramesRequest(movie=str(MOVIE), frames=frames)


async def render(stage: RenderStage, asked: render_pb2.RenderFramesRequest) -> list[Rendered]:
    return [rendered async for rendered in stage.render(asked)]


async def test_a_frame_is_stored_with_its_lineage(
    stage: RenderStage, store: MemoryStore, painter: Painter
) -> None:
    [rendered] = await render(stage, request())
    key_frame = rendered.key_frame
    png = store.objects[MOVIE.frame_key(0)]
    assert png == rendered.image
    assert hashlib.sha256(png).hexdigest() == key_frame.image_digest
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), paint(painter.drawn[0]))
    stored = json_format.Parse(store.objects[MOVIE.lineage_key(0)], render_pb2.KeyFrame())
    assert stored == key_frame
    assert (key_frame.steps, key_frame.width, key_frame.scheduler) == (20, 64, "DDIMScheduler")
    assert key_frame.model_digest == MODEL.digest
    assert store.content_types[MOVIE.frame_key(0)] == "image/png"


async def test_a_frame_from_the_same_inputs_is_not_drawn_again(stage: RenderStage, painter: Painter) -> None:
    await render(stage, request(3))
    again = await render(stage, request(3))
    assert all(rendered.reused for rendered in again)
    assert len(painter.drawn) == 3


async def test_a_frame_is_drawn_once_even_if_its_job_arrives_twice_at_once(
    stage: RenderStage, painter: Painter
) -> None:
    painter.seconds = 0.05
    job = events_pb2.StageJob(movie=str(MOVIE), run=1, render=request())
    events = await asyncio.gather(*(stage.handle_job(job, silent) for _ in range(5)))
    assert len(painter.drawn) == 1
    assert {event.image_digest for event in events} == {events[0].image_digest}


@pytest.mark.parametrize("what", ["seed", "prompt", "drawing", "model"])
async def test_a_frame_from_other_inputs_is_drawn_again(
    stage: RenderStage, painter: Painter, store: MemoryStore, what: str
) -> None:
    [before] = await render(stage, request())
    asked = request(seed=8 if what == "seed" else 7)
    if what == "prompt":
        asked.frames[0].prompt = "something else"
    if what == "drawing":
        asked.drawing.steps = 3
    if what == "model":
        painter.now = Model("c" * 64, MODEL.defaults)
        painter.forget_model()
    [after] = await render(stage, asked)
    assert not after.reused
    assert after.key_frame.input_digest != before.key_frame.input_digest
    stored = json_format.Parse(store.objects[MOVIE.lineage_key(0)], render_pb2.KeyFrame())
    assert stored == after.key_frame


@pytest.mark.parametrize("lost", ["picture", "lineage", "half a lineage"])
async def test_a_frame_that_is_not_whole_is_drawn_again(
    stage: RenderStage, painter: Painter, store: MemoryStore, lost: str
) -> None:
    await render(stage, request())
    if lost == "picture":
        del store.objects[MOVIE.frame_key(0)]
    elif lost == "lineage":
        del store.objects[MOVIE.lineage_key(0)]
    else:
        store.objects[MOVIE.lineage_key(0)] = store.objects[MOVIE.lineage_key(0)][:100]
    [again] = await render(stage, request())
    assert not again.reused
    assert len(painter.drawn) == 2
    assert MOVIE.frame_key(0) in store.objects


async def test_a_picture_that_was_changed_is_not_handed_out(
    stage: RenderStage, painter: Painter, store: MemoryStore
) -> None:
    [before] = await render(stage, request())
    store.objects[MOVIE.frame_key(0)] = b"something else"
    asked = request()
    asked.include_images = True
    [after] = await render(stage, asked)
    assert after.image == before.image
    assert store.objects[MOVIE.frame_key(0)] == before.image


class DyingStore(MemoryStore):
    """Loses its connection at a chosen write."""

    def __init__(self, puts: int) -> None:
        super().__init__()
        self.left = puts

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        if self.left == 0:
            raise ReelmillError(Reason.STORE_UNAVAILABLE, "gone")
        self.left -= 1
        await super().put(key, data, content_type)


@pytest.mark.parametrize("puts", [0, 1])
async def test_a_lineage_never_stands_beside_a_picture_that_is_not_its_own(puts: int) -> None:
    painter = Painter()
    store = DyingStore(2)
    stage = RenderStage(store, painter, Referee(), OFF, concurrency=1)
    await render(stage, request(seed=1))
    store.left = puts
    with pytest.raises(ReelmillError):
        await render(stage, request(seed=2))
    store.left = 2
    [back] = await render(stage, request(seed=1))
    png = store.objects[MOVIE.frame_key(0)]
    assert hashlib.sha256(png).hexdigest() == back.key_frame.image_digest
    assert back.key_frame.seed == 1
    assert png == encode_png(paint(painter.drawn[0]))


async def test_frames_are_asked_for_many_at_once_but_not_all(stage: RenderStage, painter: Painter) -> None:
    painter.seconds = 0.01
    frames = await render(stage, request(20))
    assert sorted(frame.key_frame.index for frame in frames) == list(range(20))
    assert painter.most_at_once == 4


async def test_a_caller_who_goes_away_ends_what_is_being_drawn(stage: RenderStage, painter: Painter) -> None:
    painter.seconds = 60
    call = asyncio.create_task(render(stage, request(20)))
    while painter.at_once < 4:
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert (painter.at_once, painter.cancelled) == (0, 4)


async def test_closing_the_stream_ends_it(stage: RenderStage, painter: Painter) -> None:
    async with aclosing(stage.render(request(20))) as frames:
        await anext(frames)
    assert painter.at_once == 0
    assert len(painter.drawn) < 20


async def test_the_first_failure_ends_the_call_and_names_its_frame(
    stage: RenderStage, painter: Painter
) -> None:
    painter.failure = ReelmillError(Reason.MODEL_REJECTED, "no")
    with pytest.raises(ReelmillError) as failed:
        await render(stage, request(20))
    assert failed.value.reason is Reason.MODEL_REJECTED
    assert int(failed.value.metadata["frame"]) in range(4)
    assert painter.at_once == 0


async def test_a_model_that_changed_meanwhile_is_what_the_lineage_says(
    stage: RenderStage, painter: Painter
) -> None:
    await render(stage, request())
    painter.now = Model("c" * 64, Drawing(9, 3.0, "EulerDiscreteScheduler", 128, 128))
    [rendered] = await render(stage, request(seed=9))
    key_frame = rendered.key_frame
    assert (key_frame.model_digest, key_frame.steps, key_frame.width) == ("c" * 64, 9, 128)


class TestStyles:
    async def test_an_embedding_is_fetched_once_for_all_frames(
        self, stage: RenderStage, store: MemoryStore, painter: Painter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = "projects/acme/styles/s/style.safetensors"
        store.objects[key] = b"an embedding"
        fetched: list[str] = []
        get = store.get

        async def counted(wanted: str) -> bytes:
            fetched.append(wanted)
            return await get(wanted)

        monkeypatch.setattr(store, "get", counted)
        asked = request(10)
        asked.style.key = key
        asked.style.digest = hashlib.sha256(b"an embedding").hexdigest()
        frames = await render(stage, asked)
        assert fetched.count(key) == 1
        assert set(painter.embeddings) == {b"an embedding"}
        assert {frame.key_frame.embedding_digest for frame in frames} == {asked.style.digest}

    async def test_an_embedding_that_is_not_the_one_meant_is_refused(
        self, stage: RenderStage, store: MemoryStore, painter: Painter
    ) -> None:
        store.objects["projects/acme/styles/s/style.safetensors"] = b"another"
        asked = request()
        asked.style.key = "projects/acme/styles/s/style.safetensors"
        asked.style.digest = hashlib.sha256(b"an embedding").hexdigest()
        with pytest.raises(ReelmillError) as refused:
            await render(stage, asked)
        assert refused.value.metadata["field"] == "style.digest"
        assert painter.drawn == []

    async def test_an_embedding_may_come_with_the_request(self, stage: RenderStage, painter: Painter) -> None:
        asked = request()
        asked.style.content = b"inline"
        [frame] = await render(stage, asked)
        assert painter.embeddings == [b"inline"]
        assert frame.key_frame.embedding_digest == hashlib.sha256(b"inline").hexdigest()

    async def test_an_embedding_that_is_nowhere_is_said_to_be(self, stage: RenderStage) -> None:
        asked = request()
        asked.style.key = "projects/acme/styles/s/style.safetensors"
        with pytest.raises(ReelmillError) as refused:
            await render(stage, asked)
        assert refused.value.reason is Reason.NOT_FOUND


class TestJobs:
    async def test_a_job_is_one_frame_and_tells_where_it_is(
        self, stage: RenderStage, store: MemoryStore
    ) -> None:
        job = events_pb2.StageJob(movie=str(MOVIE), run=1, render=request())
        event = await stage.handle_job(job, silent)
        assert event.index == 0
        assert hashlib.sha256(store.objects[event.image_key]).hexdigest() == event.image_digest

    @pytest.mark.parametrize(
        ("field", "job"),
        [
            ("request", events_pb2.StageJob(movie=str(MOVIE))),
            ("render.frames", events_pb2.StageJob(movie=str(MOVIE), render=request(2))),
            ("render.movie", events_pb2.StageJob(movie="projects/acme/movies/m-2", render=request())),
        ],
    )
    async def test_a_job_that_is_none_is_refused(
        self, stage: RenderStage, painter: Painter, field: str, job: events_pb2.StageJob
    ) -> None:
        with pytest.raises(ReelmillError) as refused:
            await stage.handle_job(job, silent)
        assert refused.value.metadata["field"] == field
        assert painter.drawn == []
