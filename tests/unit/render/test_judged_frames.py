"""Frames that are judged: what is drawn again, what is kept, and what the lineage says of it."""

import asyncio
import hashlib
import io
import statistics

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
from reelmill_render.domain import Drawing, Model, Picture
from reelmill_render.gate import Limits, Policy
from reelmill_render.stage import Rendered, RenderStage
from tests.unit.render.painter import MODEL, Painter, paint
from tests.unit.render.referee import Referee, always, never

MOVIE = MovieName("acme", "m-1")
STYLE = "projects/acme/styles/s"
KEYS = [f"{STYLE}/references/{index:02d}.png" for index in range(3)]
LIMITS = Limits(max_redraws=2, style_rank=1, text_rank=1)
ON = render_pb2.GateOptions(mode=render_pb2.GateOptions.MODE_ON)
OFF = render_pb2.GateOptions(mode=render_pb2.GateOptions.MODE_OFF)


@pytest.fixture
def store() -> MemoryStore:
    filled = MemoryStore()
    for index, key in enumerate(KEYS):
        filled.objects[key] = encode_png(np.full((40, 60, 3), 40 * index, np.uint8))
    return filled


@pytest.fixture
def painter() -> Painter:
    return Painter()


@pytest.fixture
def referee() -> Referee:
    return Referee()


@pytest.fixture
def stage(store: MemoryStore, painter: Painter, referee: Referee) -> RenderStage:
    return RenderStage(store, painter, referee, Policy(True, LIMITS), concurrency=4)


def request(
    count: int = 1, *, gate: render_pb2.GateOptions | None = None, style: bool = True, seed: int = 7
) -> render_pb2.RenderFramesRequest:
    frames = [render_pb2.FrameRequest(index=i, prompt=f"frame {i}", seed=seed + i) for i in range(count)]
    asked = render_pb2.RenderFramesRequest(movie=str(MOVIE), frames=frames, gate=gate)
    if style:
        asked.style.reference_keys.extend(KEYS)
    return asked


async def render(stage: RenderStage, asked: render_pb2.RenderFramesRequest) -> list[Rendered]:
    return [rendered async for rendered in stage.render(asked)]


def total(attempt: render_pb2.Attempt) -> float:
    return attempt.style_margin + attempt.text_margin


def kept(key_frame: render_pb2.KeyFrame) -> render_pb2.Attempt:
    [one] = [attempt for attempt in key_frame.attempts if attempt.kept]
    return one


async def test_the_gate_raises_the_mean_of_what_is_kept_over_what_was_drawn_first(stage: RenderStage) -> None:
    frames = [rendered.key_frame for rendered in await render(stage, request(200))]
    first = [frame.attempts[0] for frame in frames]
    last = [kept(frame) for frame in frames]
    assert statistics.mean(map(total, last)) > statistics.mean(map(total, first)) + 0.05
    assert sum(a.passed for a in last) > 1.5 * sum(a.passed for a in first)
    for name in ("style_margin", "text_margin"):
        means = [statistics.mean(getattr(a, name) for a in some) for some in (first, last)]
        assert means[1] > means[0], name


async def test_more_redraws_raise_it_further(stage: RenderStage) -> None:
    means = []
    for redraws in (0, 1, 3, 10):
        gate = render_pb2.GateOptions(mode=ON.mode, max_redraws=redraws)
        frames = await render(stage, request(100, gate=gate))
        means.append(statistics.mean(total(kept(frame.key_frame)) for frame in frames))
    assert means == sorted(means)


@pytest.mark.parametrize("redraws", [0, 1, 2, 10])
async def test_a_frame_that_never_passes_is_drawn_once_and_as_often_again_as_allowed(
    stage: RenderStage, painter: Painter, referee: Referee, redraws: int
) -> None:
    referee.opinion = never
    gate = render_pb2.GateOptions(mode=ON.mode, max_redraws=redraws)
    frames = await render(stage, request(5, gate=gate))
    assert len(painter.drawn) == referee.judged == 5 * (1 + redraws)
    for rendered in frames:
        key_frame = rendered.key_frame
        assert not key_frame.passed
        assert len(key_frame.attempts) == 1 + redraws
        assert len({attempt.seed for attempt in key_frame.attempts}) == 1 + redraws
        assert total(kept(key_frame)) == max(map(total, key_frame.attempts))


async def test_a_frame_that_passes_at_once_is_drawn_once(
    stage: RenderStage, painter: Painter, referee: Referee
) -> None:
    referee.opinion = always
    frames = await render(stage, request(5))
    assert len(painter.drawn) == referee.judged == 5
    assert all(rendered.key_frame.passed for rendered in frames)


async def test_drawing_ends_with_the_first_picture_that_passes_and_keeps_it(stage: RenderStage) -> None:
    for rendered in await render(stage, request(60)):
        key_frame = rendered.key_frame
        passed = [attempt.passed for attempt in key_frame.attempts]
        assert True not in passed[:-1]
        assert key_frame.passed == passed[-1] == kept(key_frame).passed
        assert len(passed) == 3 or passed[-1]


async def test_the_lineage_names_the_kept_picture_and_all_that_decided(
    stage: RenderStage, store: MemoryStore, painter: Painter, referee: Referee
) -> None:
    referee.opinion = never
    [rendered] = await render(stage, request())
    key_frame = rendered.key_frame
    assert key_frame.seed == kept(key_frame).seed
    assert key_frame.attempts[0].seed == 7
    assert [attempt.seed for attempt in key_frame.attempts] == [picture.seed for picture in painter.drawn]
    [picture] = [picture for picture in painter.drawn if picture.seed == key_frame.seed]
    assert rendered.image == encode_png(paint(picture)) == store.objects[MOVIE.frame_key(0)]
    assert key_frame.judge_digest == referee.now
    contents = "".join(f"{hashlib.sha256(store.objects[key]).hexdigest()}\n" for key in KEYS)
    assert key_frame.references_digest == hashlib.sha256(contents.encode()).hexdigest()
    limits = key_frame.limits
    assert (limits.max_redraws, limits.style_rank, limits.text_rank) == (2, 1, 1)
    stored = json_format.Parse(store.objects[MOVIE.lineage_key(0)], render_pb2.KeyFrame())
    assert stored == key_frame


async def test_drawing_again_from_the_lineage_gives_the_kept_picture(
    stage: RenderStage, referee: Referee
) -> None:
    referee.opinion = never
    before = {frame.key_frame.index: frame for frame in await render(stage, request(6))}
    again = request(6, gate=OFF)
    for frame in again.frames:
        frame.seed = before[frame.index].key_frame.seed
    assert again != request(6, gate=OFF), "take another seed: here the first pictures are the best"
    for after in await render(stage, again):
        assert after.image == before[after.key_frame.index].image
        assert not after.key_frame.attempts


async def test_the_same_request_makes_the_same_frame_anywhere(store: MemoryStore) -> None:
    digests = []
    for _ in range(2):
        fresh = MemoryStore()
        fresh.objects.update(store.objects)
        elsewhere = RenderStage(fresh, Painter(), Referee(), Policy(True, LIMITS), concurrency=2)
        frames = await render(elsewhere, request(10))
        digests.append(
            {f.key_frame.index: (f.key_frame.image_digest, len(f.key_frame.attempts)) for f in frames}
        )
    assert digests[0] == digests[1]


async def test_a_judged_frame_is_not_drawn_again(
    stage: RenderStage, painter: Painter, referee: Referee
) -> None:
    before = await render(stage, request(5))
    drawn, judged = len(painter.drawn), len(referee.texts)
    after = await render(stage, request(5))
    assert all(rendered.reused for rendered in after)
    assert (len(painter.drawn), len(referee.texts)) == (drawn, judged)
    assert {f.key_frame.index: f.key_frame for f in before} == {f.key_frame.index: f.key_frame for f in after}


@pytest.mark.parametrize("what", ["off", "redraws", "limits", "judge", "references", "no references"])
async def test_a_frame_that_was_judged_otherwise_is_drawn_again(
    stage: RenderStage, store: MemoryStore, painter: Painter, referee: Referee, what: str
) -> None:
    referee.opinion = always
    await render(stage, request())
    asked = request()
    if what == "off":
        asked.gate.CopyFrom(OFF)
    elif what == "redraws":
        asked.gate.max_redraws = 5
    elif what == "limits":
        stage = RenderStage(store, painter, referee, Policy(True, Limits(2, 1, 9)), concurrency=1)
    elif what == "judge":
        referee.now = "0" * 64
        referee.forget()
    elif what == "references":
        del asked.style.reference_keys[0]
    else:
        asked.ClearField("style")
    [rendered] = await render(stage, asked)
    assert not rendered.reused
    assert len(painter.drawn) == 2


async def test_off_is_one_picture_of_the_seed_asked_for_and_the_lineage_of_old(
    stage: RenderStage, painter: Painter, referee: Referee
) -> None:
    referee.failure = AssertionError("the judge is asked")
    [rendered] = await render(stage, request(gate=OFF))
    key_frame = rendered.key_frame
    assert [picture.seed for picture in painter.drawn] == [7]
    frame = request().frames[0]
    assert key_frame.input_digest == Picture.of(frame, Drawing(), MODEL, "").input_digest
    assert not key_frame.attempts
    assert not key_frame.HasField("limits")
    assert key_frame.judge_digest == key_frame.references_digest == ""
    assert not key_frame.passed


async def test_the_judge_reads_the_prompt_or_what_is_given_for_it(
    stage: RenderStage, referee: Referee
) -> None:
    referee.opinion = always
    asked = request(2, style=False)
    asked.frames[1].judged_prompt = "a man with red hair walks"
    await render(stage, asked)
    assert sorted(referee.texts) == ["a man with red hair walks", "frame 0"]


async def test_without_references_a_frame_is_scored_for_its_text_alone(stage: RenderStage) -> None:
    [rendered] = await render(stage, request(style=False))
    assert all(attempt.style_rank == 0 and attempt.text_rank > 0 for attempt in rendered.key_frame.attempts)
    assert rendered.key_frame.references_digest == ""


class TestOwnStyle:
    async def test_it_is_computed_once_for_all_frames(self, stage: RenderStage, referee: Referee) -> None:
        await render(stage, request(20))
        assert referee.texts.count("") == len(KEYS)

    async def test_it_is_the_mean_of_the_references(self, stage: RenderStage, referee: Referee) -> None:
        await render(stage, request())
        own = referee.own_styles[-1]
        assert own is not None
        assert np.allclose(own, np.full(3, 1 / np.sqrt(3)), atol=1e-6)  # grey, all of them
        assert own.dtype == np.float32

    async def test_a_reference_as_large_as_a_photograph_is_sent_small(
        self, stage: RenderStage, store: MemoryStore, referee: Referee, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.objects[KEYS[0]] = encode_png(np.zeros((900, 1800, 3), np.uint8))
        sizes = []
        judge = referee.judge

        async def seen(pixels: np.ndarray, text: str, own_style: np.ndarray | None) -> object:
            sizes.append(pixels.shape)
            return await judge(pixels, text, own_style)

        monkeypatch.setattr(referee, "judge", seen)
        await render(stage, request())
        assert (256, 512, 3) in sizes
        assert max(side for size in sizes for side in size) <= 512

    async def test_a_reference_that_is_gone_is_named(
        self, stage: RenderStage, store: MemoryStore, painter: Painter
    ) -> None:
        del store.objects[KEYS[1]]
        with pytest.raises(ReelmillError) as refused:
            await render(stage, request())
        assert refused.value.reason is Reason.NOT_FOUND
        assert KEYS[1] in refused.value.message
        assert painter.drawn == []

    async def test_a_reference_that_cannot_be_read_is_named(
        self, stage: RenderStage, store: MemoryStore
    ) -> None:
        store.objects[KEYS[2]] = b"\x89PNG not really"
        with pytest.raises(ReelmillError) as refused:
            await render(stage, request())
        assert refused.value.metadata["field"] == "style.reference_keys[2]"


class TestTrouble:
    async def test_a_judge_that_is_away_fails_the_frame_for_now_and_stores_nothing(
        self, stage: RenderStage, store: MemoryStore, referee: Referee, painter: Painter
    ) -> None:
        await render(stage, request(style=False))  # the judge is known by now
        referee.failure = ReelmillError(Reason.RENDERER_UNAVAILABLE, "restarting")
        before = dict(store.objects)
        job = events_pb2.StageJob(movie=str(MOVIE), run=1, render=request(seed=99))
        with pytest.raises(ReelmillError) as failed:
            await stage.handle_job(job, silent)
        assert failed.value.transient
        assert {key for key in before if key.endswith(".png")} <= set(store.objects)
        referee.failure = None
        event = await stage.handle_job(job, silent)
        assert hashlib.sha256(store.objects[event.image_key]).hexdigest() == event.image_digest

    async def test_a_judge_that_changed_meanwhile_judges_all_of_the_frame(
        self, stage: RenderStage, referee: Referee
    ) -> None:
        await render(stage, request())
        referee.now = "0" * 64
        [rendered] = await render(stage, request(seed=50))
        assert rendered.key_frame.judge_digest == "0" * 64

    async def test_a_model_that_changed_meanwhile_draws_all_of_the_frame(
        self, stage: RenderStage, painter: Painter, referee: Referee
    ) -> None:
        referee.opinion = never
        await render(stage, request())
        painter.now = Model("c" * 64, MODEL.defaults)
        [rendered] = await render(stage, request(seed=50))
        assert rendered.key_frame.model_digest == "c" * 64
        assert {p.model_digest for p in painter.drawn[-3:]} == {"c" * 64}

    async def test_replicas_with_different_judges_are_said_to_be_different(
        self, stage: RenderStage, referee: Referee, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def another() -> str:
            return "1" * 64

        monkeypatch.setattr(referee, "digest", another)
        with pytest.raises(ReelmillError, match="different judges") as failed:
            await render(stage, request(style=False))
        assert failed.value.reason is Reason.RENDERER_UNAVAILABLE
        assert "111111111111" in failed.value.message
        assert referee.now[:12] in failed.value.message

    async def test_a_caller_who_goes_away_ends_the_judging_too(
        self, stage: RenderStage, referee: Referee, painter: Painter
    ) -> None:
        referee.seconds = 60
        call = asyncio.create_task(render(stage, request(20, style=False)))
        while referee.at_once < 4:
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert (referee.at_once, painter.at_once) == (0, 0)

    async def test_a_judged_frame_whose_picture_is_lost_is_made_again_the_same(
        self, stage: RenderStage, store: MemoryStore
    ) -> None:
        [before] = await render(stage, request())
        del store.objects[MOVIE.frame_key(0)]
        [after] = await render(stage, request())
        assert not after.reused
        assert after.image == before.image
        assert list(after.key_frame.attempts) == list(before.key_frame.attempts)


async def test_the_stored_picture_is_the_kept_one(stage: RenderStage, store: MemoryStore) -> None:
    for rendered in await render(stage, request(20)):
        png = store.objects[rendered.key_frame.image_key]
        assert hashlib.sha256(png).hexdigest() == rendered.key_frame.image_digest
        assert Image.open(io.BytesIO(png)).size == (64, 64)
