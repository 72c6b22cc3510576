import asyncio
import hashlib
import io
import json
import pickle
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import torch
from PIL import Image

from reelmill.v1 import script_pb2, style_pb2
from reelmill_diffusion import StyleEmbedding
from reelmill_diffusion.learning import losses
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import silent
from reelmill_style.diffusion import DiffusionLearner
from reelmill_style.domain import Defaults
from reelmill_style.stage import StyleStage
from tests.support.pictures import encoded, gradient, png_bomb
from tests.support.tiny import _one_torch_thread, tiny_sd, tiny_xl  # noqa: F401

pytestmark = pytest.mark.torch
DEFAULTS = Defaults(steps=24, vectors=2, references=6, batch_size=1)


class CountingLearner(DiffusionLearner):
    """The real one, which remembers what it was asked."""

    drawn = 0
    learned = 0

    async def draw(self, pictures: Sequence[tuple[str, int]], style: bytes = b"") -> list[Any]:
        self.drawn += len(pictures)
        return await super().draw(pictures, style)

    async def learn(self, *args: Any) -> Any:
        self.learned += 1
        return await super().learn(*args)


class OrderedStore(MemoryStore):
    """Remembers in which order keys were written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        await super().put(key, data, content_type)
        self.written.append(key.rsplit("/", 1)[-1])


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, tiny_sd: Path) -> Path:  # noqa: F811
    copy = shutil.copytree(tiny_sd, tmp_path_factory.mktemp("model") / "quick")
    (copy / "reelmill.json").write_text('{"default_steps": 3, "default_guidance_scale": 2.0}')
    return copy


def learner_for(directory: Path) -> CountingLearner:
    return CountingLearner(directory, device="cpu", dtype="auto", threads=1)


@dataclass
class Made:
    """A style that was learned once, for all tests that only look at it."""

    learned: style_pb2.LearnedStyle
    store: OrderedStore
    model_digest: str
    heard: list[tuple[str, int, int]]

    def copy(self) -> OrderedStore:
        store = OrderedStore()
        store.objects = dict(self.store.objects)
        return store


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(directory: Path) -> Made:
    store, learner = OrderedStore(), learner_for(directory)
    heard: list[tuple[str, int, int]] = []
    stage = StyleStage(store, learner, DEFAULTS)
    learned = await stage.run(
        request(), lambda message, done=0, total=0: heard.append((message, done, total))
    )
    return Made(learned, store, await learner.model_digest(), heard)


@pytest.fixture
def learner(directory: Path) -> CountingLearner:
    return learner_for(directory)


@pytest.fixture
def store() -> OrderedStore:
    return OrderedStore()


@pytest.fixture
def stage(store: OrderedStore, learner: CountingLearner) -> StyleStage:
    return StyleStage(store, learner, DEFAULTS)


def request(**changes: Any) -> style_pb2.LearnStyleRequest:
    text = script_pb2.StyleText(keyword="noir", description="dark, grainy")
    return style_pb2.LearnStyleRequest(**{"parent": "projects/acme", "style": text, "seed": 5, **changes})


def picture(kind: str = "JPEG", size: tuple[int, int] = (90, 70)) -> bytes:
    pixels = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


def field_of(error: pytest.ExceptionInfo[ReelmillError]) -> str:
    assert error.value.status.name == "INVALID_ARGUMENT"
    return error.value.metadata["field"]


async def test_a_learned_style_is_stored_with_all_it_came_from(made: Made) -> None:
    style, objects = made.learned.style, made.store.objects
    assert style.name.startswith("projects/acme/styles/")
    assert hashlib.sha256(objects[style.embedding_key]).hexdigest() == style.embedding_digest
    assert objects[style.embedding_key] == made.learned.embedding
    assert [key in objects for key in style.reference_keys] == [True] * 6
    assert style.model_digest == made.model_digest
    assert (style.vectors, style.steps, style.token) == (2, 24, "<style>")
    assert 0 < style.final_loss <= style.initial_loss
    assert StyleEmbedding.from_bytes(made.learned.embedding).metadata["model_digest"] == style.model_digest
    lineage = json.loads(objects[f"{style.name}/lineage.json"])
    assert len(lineage["references"]) == 6
    assert lineage["scores"]["final_loss"] == style.final_loss


async def test_what_announces_a_style_is_written_last_and_its_checkpoint_goes(made: Made) -> None:
    assert made.store.written[-3:] == ["learned_embeds.safetensors", "lineage.json", "style.json"]
    assert "checkpoint.safetensors" in made.store.written
    assert not [key for key in made.store.objects if "checkpoint" in key]


async def test_progress_names_what_is_done_and_reaches_its_total(made: Made) -> None:
    messages = list(dict.fromkeys(message for message, _, _ in made.heard))
    assert messages == ["drawing references", "learning the style", "style learned"]
    assert made.heard[-1][1:] == (30, 30)
    assert [done for _, done, _ in made.heard] == sorted(done for _, done, _ in made.heard)


async def test_a_style_is_learned_once(
    directory: Path, store: OrderedStore, learner: CountingLearner
) -> None:
    stage = StyleStage(store, learner, Defaults(steps=2, vectors=1, references=1))
    first, at_once = await asyncio.gather(stage.run(request(), silent), stage.run(request(), silent))
    written = list(store.written)
    later = await stage.run(request(movie="projects/acme/movies/m-2"), silent)
    assert first == at_once == later
    assert learner.learned == 1
    assert store.written == written


@pytest.mark.parametrize("file", ["style.json", "learned_embeds.safetensors"])
async def test_a_damaged_style_is_learned_again_to_the_same_result(
    made: Made, learner: CountingLearner, file: str
) -> None:
    store = made.copy()
    store.objects[f"{made.learned.style.name}/{file}"] = b"{damaged"
    again = await StyleStage(store, learner, DEFAULTS).run(request(), silent)
    assert again.embedding == made.learned.embedding
    assert (learner.learned, learner.drawn) == (1, 0), "references that are there are not drawn again"


async def test_an_interrupted_style_goes_on_where_it_stopped(
    made: Made, store: OrderedStore, directory: Path, learner: CountingLearner
) -> None:
    reached = asyncio.Event()

    def watch(message: str, done: int = 0, total: int = 0) -> None:
        if done >= 6 + 21:
            reached.set()

    killed = asyncio.create_task(StyleStage(store, learner, DEFAULTS).run(request(), watch))
    await asyncio.wait_for(reached.wait(), 60)
    killed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await killed
    assert f"{made.learned.style.name}/style.json" not in store.objects

    steps: list[int] = []
    second = learner_for(directory)

    def follow(message: str, done: int = 0, total: int = 0) -> None:
        if message == "learning the style":
            steps.append(done - 6)

    resumed = await StyleStage(store, second, DEFAULTS).run(request(), follow)
    assert resumed.embedding == made.learned.embedding
    assert second.drawn == 0
    assert steps[0] == 21, "it did not go on from the checkpoint at step 20"


async def test_cancelling_ends_the_work_and_not_only_the_waiting(stage: StyleStage) -> None:
    last = 0

    def watch(message: str, done: int = 0, total: int = 0) -> None:
        nonlocal last
        last = done

    task = asyncio.create_task(stage.run(request(options=style_pb2.StyleOptions(steps=5000)), watch))
    while last < 9:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stopped_at = last
    await asyncio.sleep(0.3)
    assert last == stopped_at


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_style_can_be_learned_from_images_that_were_given(
    stage: StyleStage, store: OrderedStore, learner: CountingLearner, kind: str
) -> None:
    store.objects["projects/acme/mine.img"] = picture(kind)
    references = [
        style_pb2.ReferenceImage(content=picture(kind, (64, 64))),
        style_pb2.ReferenceImage(key="projects/acme/mine.img"),
    ]
    options = style_pb2.StyleOptions(steps=2)
    learned = await stage.run(request(references=references, options=options), silent)
    assert learner.drawn == 0
    assert len(learned.style.reference_keys) == 2


async def test_an_unreadable_image_is_refused_by_name_and_nothing_is_begun(
    stage: StyleStage, store: OrderedStore
) -> None:
    references = [
        style_pb2.ReferenceImage(content=picture()),
        style_pb2.ReferenceImage(content=picture()[:200]),
    ]
    with pytest.raises(ReelmillError) as refused:
        await stage.run(request(references=references), silent)
    assert field_of(refused) == "references[1].content"
    assert store.written == []


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7 no image",
        pickle.dumps(np.zeros((64, 64, 3), np.uint8)),
        png_bomb(30_000),
        encoded(gradient((31, 64))),
        encoded(Image.new("RGB", (64, 64), "teal")),
    ],
    ids=["no image", "a pickle", "a bomb", "tiny", "one colour"],
)
@pytest.mark.parametrize("stored", [False, True], ids=["inline", "by key"])
async def test_references_that_teach_nothing_are_refused_by_name(
    stage: StyleStage, store: OrderedStore, content: bytes, stored: bool
) -> None:
    store.objects["projects/acme/bad.png"] = content
    bad = {"key": "projects/acme/bad.png"} if stored else {"content": content}
    references = [style_pb2.ReferenceImage(content=picture()), style_pb2.ReferenceImage(**bad)]
    with pytest.raises(ReelmillError) as refused:
        await stage.run(request(references=references), silent)
    assert field_of(refused) == f"references[1].{'key' if stored else 'content'}"
    assert store.written == []


async def test_transparent_and_printers_references_are_learned_as_they_look(
    stage: StyleStage, store: OrderedStore
) -> None:
    clear = gradient(mode="RGBA")
    clear.putalpha(0)
    clear.paste(gradient((20, 20), "RGBA"))
    contents = [encoded(clear), encoded(gradient(mode="CMYK"), "JPEG")]
    references = [style_pb2.ReferenceImage(content=content) for content in contents]
    learned = await stage.run(request(references=references, options=style_pb2.StyleOptions(steps=1)), silent)
    kept = [Image.open(io.BytesIO(store.objects[key])) for key in learned.style.reference_keys]
    assert [image.mode for image in kept] == ["RGB", "RGB"]
    assert kept[0].getpixel((60, 5)) == (255, 255, 255)


async def test_what_a_reference_says_is_on_it_is_what_it_is_learned_with(
    stage: StyleStage, store: OrderedStore
) -> None:
    captions = ["a woman in the street", "", "the <style> picture of a dog"]
    references = [style_pb2.ReferenceImage(content=picture(), caption=caption) for caption in captions]
    learned = await stage.run(request(references=references, options=style_pb2.StyleOptions(steps=1)), silent)
    lineage = json.loads(store.objects[f"{learned.style.name}/lineage.json"])
    assert [reference["prompt"] for reference in lineage["references"]] == [
        "a woman in the street, in <style> style",
        "a scene in <style> style",
        "the <style> picture of a dog",
    ]


@pytest.mark.parametrize("keyword", ["水墨画", "Нуар", "🎨✨", "墨" * 60])
async def test_a_style_may_be_named_in_any_language(stage: StyleStage, keyword: str) -> None:
    text = script_pb2.StyleText(keyword=keyword, description="留白，墨分五色。" * 60)
    options = style_pb2.StyleOptions(steps=1, references=1)
    learned = await stage.run(request(style=text, options=options), silent)
    assert learned.style.text.keyword == keyword
    assert StyleEmbedding.from_bytes(learned.embedding).count == 2


async def test_a_run_that_diverges_is_a_style_whose_lineage_says_so(
    stage: StyleStage, store: OrderedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_numbers(*args: Any) -> Any:
        found = losses(*args)
        return found * float("nan") if torch.is_grad_enabled() else found

    monkeypatch.setattr("reelmill_diffusion.inversion_run.losses", no_numbers)
    learned = await stage.run(request(options=style_pb2.StyleOptions(references=1)), silent)
    lineage = json.loads(store.objects[f"{learned.style.name}/lineage.json"])
    assert lineage["scores"]["stopped_because"] == "diverged at step 1"
    assert learned.style.steps == 1
    assert learned.style.final_loss == learned.style.initial_loss
    assert StyleEmbedding.from_bytes(learned.embedding).count == 2, "its vectors are the words'"


async def test_a_model_that_computes_nonsense_is_rejected(
    stage: StyleStage, store: OrderedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_numbers(*args: Any) -> Any:
        return losses(*args) * float("nan")

    monkeypatch.setattr("reelmill_diffusion.inversion_run.losses", no_numbers)
    with pytest.raises(ReelmillError, match="not finite") as refused:
        await stage.run(request(options=style_pb2.StyleOptions(references=1)), silent)
    assert refused.value.reason is Reason.MODEL_REJECTED
    assert not [key for key in store.objects if not key.endswith(".png")]


async def test_a_reference_that_is_not_there_is_refused_by_name(stage: StyleStage) -> None:
    with pytest.raises(ReelmillError) as refused:
        await stage.run(request(references=[style_pb2.ReferenceImage(key="projects/acme/no.png")]), silent)
    assert field_of(refused) == "references[0].key"


async def test_xl_models_learn_a_vector_for_each_text_encoder(tiny_xl: Path) -> None:  # noqa: F811
    stage = StyleStage(MemoryStore(), learner_for(tiny_xl), Defaults(steps=3, vectors=1, references=1))
    learned = await stage.run(request(), silent)
    assert set(StyleEmbedding.from_bytes(learned.embedding).vectors) == {"clip_l", "clip_g"}


async def test_a_missing_model_is_said_and_found_once_it_is_there(directory: Path, tmp_path: Path) -> None:
    learner = learner_for(tmp_path / "model")
    with pytest.raises(ReelmillError, match="REELMILL_DIFFUSION_MODEL") as missing:
        await learner.check()
    assert missing.value.reason is Reason.NOT_READY
    shutil.copytree(directory, tmp_path / "model")
    await learner.check()
