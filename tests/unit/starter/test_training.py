"""From nothing to an exported model, in miniature: every stage runs, stops, goes on and is opened."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
import torch
from diffusers import StableDiffusionPipeline

from reelmill_starter.training import diffusion, latents
from reelmill_starter.training.autoencoder import train_autoencoder
from reelmill_starter.training.diffusion import DiffusionTraining, Plan
from reelmill_starter.training.export import export
from reelmill_starter.training.reading import TextTraining
from reelmill_starter.training.run import RunFolder, cosine
from reelmill_starter.training.samples import generate
from reelmill_starter.training.words import MAX_TOKENS, load_tokenizer, train_tokenizer

pytestmark = [pytest.mark.torch, pytest.mark.slow]

PLAN = Plan(seed=3, batch=2, images=8, save_minutes=1000)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A folder where everything before the diffusion model has been made."""
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    train_tokenizer(folder.path / "tokenizer", seed=3, captions=500)
    TextTraining(folder, seed=3, captions=64).run()
    train_autoencoder(folder, seed=3, minutes=0.01, pictures=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latents, "SHARD", 8)
        patch.setattr(latents, "VALIDATION_COUNT", 16)
        latents.cache_latents(folder, seed=3, shards=2)
    return folder


@pytest.fixture
def folder(prepared: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A copy of `prepared` in which a test may train."""
    monkeypatch.setattr(latents, "SHARD", 8)
    monkeypatch.setattr(diffusion, "VALIDATION_COUNT", 16)
    copy = RunFolder(tmp_path / "run")
    copy.path.mkdir()
    for name in ("tokenizer", "text.pt", "latents", "autoencoder.pt"):
        (copy.path / name).symlink_to(prepared.path / name)
    return copy


def test_the_tokenizer_knows_the_world_and_spells_everything_else(prepared: RunFolder) -> None:
    tokenizer = load_tokenizer(prepared.path / "tokenizer")
    known = tokenizer("medium shot of a woman in a green coat, in the street").input_ids
    assert len(known) == 2 + 13
    strange = tokenizer("Zürich ☃ by Łódź").input_ids
    assert strange.count(tokenizer.unk_token_id) == 1, "only the end mark, which is also the unknown mark"
    assert tokenizer.model_max_length == MAX_TOKENS


def test_training_that_was_stopped_goes_on_exactly_where_it_was(
    folder: RunFolder, prepared: RunFolder
) -> None:
    DiffusionTraining(folder, replace(PLAN, images=4, anneal=1e-9)).run()
    resumed = DiffusionTraining(folder, replace(PLAN, images=8, anneal=1e-9))
    assert resumed.images == 4
    resumed.run()
    (folder.path / "diffusion.pt").unlink()
    straight = DiffusionTraining(folder, replace(PLAN, images=8, anneal=1e-9))
    straight.run()
    pairs = zip(straight.model.parameters(), resumed.model.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)


def test_stock_diffusers_opens_the_export_and_draws_the_same_picture_for_the_same_seed(
    folder: RunFolder, tmp_path: Path
) -> None:
    DiffusionTraining(folder, PLAN).run()
    target = tmp_path / "model"
    megabytes = export(folder, target, seed=3, command="reelmill-starter train")
    assert megabytes <= 45
    pipeline = StableDiffusionPipeline.from_pretrained(target)
    first, second = (generate(pipeline, ["a man in a red coat"], steps=2, guidance=4.0)[0] for _ in range(2))
    assert first.shape == (128, 128, 3)
    assert np.array_equal(first, second)
    card = (target / "README.md").read_text()
    assert "8 pictures seen" in card
    assert "seed 3" in card


def test_the_learning_rate_falls_smoothly_from_one_to_its_floor() -> None:
    values = [cosine(progress) for progress in (-1.0, 0.0, 0.3, 0.7, 1.0, 2.0)]
    assert values == sorted(values, reverse=True)
    assert values[0] == 1.0
    assert values[-1] == pytest.approx(0.02)


def test_captions_of_one_picture_vary_but_name_its_style_as_drawn() -> None:
    from reelmill_starter.training.pictures import example

    named = next(one for one in (example(3, index) for index in range(50)) if one.style_name == "noir")
    texts = {named.caption(random.Random(seed)) for seed in range(20)}
    assert len(texts) > 5
    assert sum("noir" in text for text in texts) > len(texts) / 2
