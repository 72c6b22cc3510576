"""Characters learned in a style, with a real but tiny diffusion model."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from reelmill.v1 import script_pb2, style_pb2
from reelmill_diffusion import DiffusionModel, Drawing, StyleEmbedding, draw
from reelmill_kit.errors import ReelmillError
from reelmill_kit.progress import silent
from reelmill_style.domain import Defaults
from reelmill_style.stage import StyleStage
from tests.support.tiny import _one_torch_thread, tiny_sd, tiny_xl  # noqa: F401
from tests.unit.style.test_stage import CountingLearner, Made, OrderedStore, directory, learner_for  # noqa: F401

pytestmark = pytest.mark.torch
DEFAULTS = Defaults(steps=4, vectors=2, references=3, batch_size=1, portraits=6, character_steps=24)
LOOKS = [
    style_pb2.CharacterLook(token="<character-1>", appearance="a ab"),
    style_pb2.CharacterLook(token="<character-2>", appearance="a cde"),
]


def request(**changes: Any) -> style_pb2.LearnStyleRequest:
    text = script_pb2.StyleText(keyword="noir")
    return style_pb2.LearnStyleRequest(
        **{"parent": "projects/acme", "style": text, "seed": 5, "characters": LOOKS, **changes}
    )


def stage(store: OrderedStore, learner: CountingLearner) -> StyleStage:
    return StyleStage(store, learner, DEFAULTS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(directory: Path) -> Made:  # noqa: F811
    store, learner = OrderedStore(), learner_for(directory)
    heard: list[tuple[str, int, int]] = []
    learned = await stage(store, learner).run(
        request(), lambda message, done=0, total=0: heard.append((message, done, total))
    )
    return Made(learned, store, await learner.model_digest(), heard)


@pytest.fixture
def learner(directory: Path) -> CountingLearner:  # noqa: F811
    return learner_for(directory)


def character_prefix(made: Made, number: int) -> str:
    return made.learned.style.characters[number].portrait_keys[0].removesuffix("portraits/00.png")


def test_one_file_holds_the_style_and_every_character(made: Made) -> None:
    style = made.learned.style
    assert made.store.objects[style.embedding_key] == made.learned.embedding
    assert hashlib.sha256(made.learned.embedding).hexdigest() == style.embedding_digest
    assert StyleEmbedding.from_bytes(made.learned.embedding).counts == {
        "<style>": 2,
        "<character-1>": 2,
        "<character-2>": 3,
    }


def test_the_style_itself_stays_what_it_is_without_characters(made: Made) -> None:
    own = StyleEmbedding.from_bytes(
        made.store.objects[f"{made.learned.style.name}/learned_embeds.safetensors"]
    )
    assert list(own.tokens) == ["<style>"]
    record = json.loads(made.store.objects[f"{made.learned.style.name}/style.json"])
    assert record["embeddingDigest"] == own.digest
    assert "characters" not in record


def test_a_character_is_stored_with_all_it_came_from(made: Made) -> None:
    style = made.learned.style
    for number, character in enumerate(style.characters):
        prefix = character_prefix(made, number)
        assert prefix.startswith(f"{style.name}/characters/")
        assert all(key in made.store.objects for key in character.portrait_keys)
        assert len(character.portrait_keys) == 6
        alone = StyleEmbedding.from_bytes(made.store.objects[f"{prefix}learned_embeds.safetensors"])
        assert (alone.token, alone.digest) == (character.token, character.embedding_digest)
        assert alone.count == character.vectors
        lineage = json.loads(made.store.objects[f"{prefix}lineage.json"])
        assert (lineage["style"], lineage["appearance"]) == (style.name, character.appearance)
        assert character.appearance[2:] in lineage["portraits"][0]["from"]
        assert 0 < character.final_loss <= character.initial_loss
    assert [name for name in made.store.written if name == "character.json"] == ["character.json"] * 2
    assert not [key for key in made.store.objects if "checkpoint" in key]


def test_progress_names_the_character_and_reaches_its_total(made: Made) -> None:
    messages = list(dict.fromkeys(message for message, _, _ in made.heard))
    assert "drawing portraits of <character-1>" in messages
    assert "learning <character-2>" in messages
    assert made.heard[-1] == ("characters learned", 2, 2)


async def test_the_same_characters_are_learned_once(made: Made, learner: CountingLearner) -> None:
    store = made.copy()
    assert await stage(store, learner).run(request(), silent) == made.learned
    assert (learner.learned, learner.drawn) == (0, 0)


async def test_another_movie_in_the_same_style_learns_only_its_own_characters(
    made: Made, learner: CountingLearner
) -> None:
    again = request(
        style=None,
        learned_style=made.learned.style.name,
        characters=[LOOKS[0], style_pb2.CharacterLook(token="<character-2>", appearance="a fg")],
    )
    learned = await stage(made.copy(), learner).run(again, silent)
    assert (learner.learned, learner.drawn) == (1, 6)
    assert learned.style.name == made.learned.style.name
    assert learned.style.characters[0] == made.learned.style.characters[0]
    assert learned.style.embedding_digest != made.learned.style.embedding_digest


async def test_an_interrupted_character_goes_on_where_it_stopped(
    made: Made,
    learner: CountingLearner,
    directory: Path,  # noqa: F811
) -> None:
    store, reached = OrderedStore(), asyncio.Event()

    def watch(message: str, done: int = 0, total: int = 0) -> None:
        if message == "learning <character-2>" and done >= 6 + 21:
            reached.set()

    killed = asyncio.create_task(stage(store, learner).run(request(), watch))
    await asyncio.wait_for(reached.wait(), 120)
    killed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await killed
    steps: list[int] = []
    second = learner_for(directory)

    def follow(message: str, done: int = 0, total: int = 0) -> None:
        if message == "learning <character-2>" and total == 6 + 24:
            steps.append(done - 6)

    resumed = await stage(store, second).run(request(), follow)
    assert resumed.embedding == made.learned.embedding
    assert (second.learned, second.drawn) == (1, 0), "the style or <character-1> was made again"
    assert steps[0] == 21, "it did not go on from the checkpoint at step 20"


@pytest.mark.parametrize("file", ["character.json", "learned_embeds.safetensors"])
async def test_a_damaged_character_is_learned_again_to_the_same_result(
    made: Made, learner: CountingLearner, file: str
) -> None:
    store = made.copy()
    store.objects[f"{character_prefix(made, 1)}{file}"] = b"{damaged"
    again = await stage(store, learner).run(request(), silent)
    assert again.embedding == made.learned.embedding
    assert (learner.learned, learner.drawn) == (1, 0)


async def test_frames_are_drawn_from_the_file_with_both_characters_in_them(
    made: Made,
    directory: Path,  # noqa: F811
) -> None:
    model = DiffusionModel.load(directory)
    style = StyleEmbedding.from_bytes(made.learned.embedding)
    prompt = "a <character-1> on the left and a <character-2> on the right, in <style> style"
    common = Drawing(prompt=prompt, seed=1, steps=3, style=style)
    swapped = Drawing(
        prompt="a <character-2> on the left and a <character-1> on the right, in <style> style",
        seed=1,
        steps=3,
        style=style,
    )
    one, other = draw(model, [common, swapped])
    assert one is not None
    assert other is not None
    assert np.abs(one.astype(int) - other.astype(int)).max() > 2


async def test_xl_models_learn_characters_too(tiny_xl: Path) -> None:  # noqa: F811
    quick = Defaults(steps=2, vectors=1, references=1, portraits=1, character_steps=2)
    learned = await StyleStage(OrderedStore(), learner_for(tiny_xl), quick).run(request(), silent)
    read = StyleEmbedding.from_bytes(learned.embedding)
    assert set(read.tokens) == {"<style>", "<character-1>", "<character-2>"}
    assert set(read.tokens["<character-2>"]) == {"clip_l", "clip_g"}


@pytest.mark.parametrize("known", [True, False])
async def test_a_style_that_cannot_be_taken_is_refused_by_its_field(
    made: Made, learner: CountingLearner, known: bool
) -> None:
    store, name = made.copy(), made.learned.style.name
    if known:  # but learned for another model
        record = json.loads(store.objects[f"{name}/style.json"])
        store.objects[f"{name}/style.json"] = json.dumps({**record, "modelDigest": "0" * 64}).encode()
    else:
        name = "projects/acme/styles/" + "0" * 64
    with pytest.raises(ReelmillError) as refused:
        await stage(store, learner).run(request(style=None, learned_style=name), silent)
    assert refused.value.metadata["field"] == "learned_style"
    assert learner.learned == 0
