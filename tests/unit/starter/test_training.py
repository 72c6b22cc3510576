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

from reelmill_starter.training import autoencoder, diffusion, latents
from reelmill_starter.training.adopting import adopt
from reelmill_starter.training.autoencoder import load_autoencoder, train_autoencoder
from reelmill_starter.training.decoder import tune_decoder
from reelmill_starter.training.diffusion import DiffusionTraining, Plan
from reelmill_starter.training.export import export, load_trained
from reelmill_starter.training.parts import adopted_text_encoder
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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(autoencoder, "WATCHED", 2)
        train_autoencoder(folder, seed=3, minutes=0.01, pictures=8)
        patch.setattr(latents, "SHARD", 8)
        patch.setattr(latents, "VALIDATION_COUNT", 16)
        latents.cache_latents(folder, seed=3, shards=2)
    return folder


@pytest.fixture
def folder(prepared: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A copy of `prepared` in which a test may train."""
    monkeypatch.setattr(autoencoder, "WATCHED", 2)
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


def test_a_step_whose_gradient_is_not_finite_changes_nothing(folder: RunFolder) -> None:
    training = DiffusionTraining(folder, replace(PLAN, images=2))
    before = [weight.detach().clone() for weight in training.model.parameters()]
    training.pool.all.latents.fill_(float("nan"))
    training.run()
    pairs = zip(before, training.model.parameters(), strict=True)
    assert all(torch.equal(old, new) for old, new in pairs)
    assert training.images == 2


def test_stock_diffusers_opens_the_export_and_draws_the_same_picture_for_the_same_seed(
    folder: RunFolder, tmp_path: Path
) -> None:
    DiffusionTraining(folder, PLAN).run()
    target = tmp_path / "model"
    megabytes = export(folder, target, seed=3, command="reelmill-starter train")
    assert megabytes <= 60
    pipeline = StableDiffusionPipeline.from_pretrained(target)
    first, second = (generate(pipeline, ["a man in a red coat"], steps=2, guidance=4.0)[0] for _ in range(2))
    assert first.shape == (192, 192, 3)
    assert np.array_equal(first, second)
    card = (target / "README.md").read_text()
    assert "8 pictures seen" in card
    assert "seed 3" in card


def test_a_run_that_adopts_an_export_begins_with_its_weights_and_its_count(
    folder: RunFolder, tmp_path: Path
) -> None:
    DiffusionTraining(folder, PLAN).run()
    export(folder, tmp_path / "model", seed=3, command="reelmill-starter train")
    new = RunFolder(tmp_path / "next")
    # Other captions: a vocabulary that differs from the adopted one.
    train_tokenizer(new.path / "tokenizer", seed=4, captions=700)
    adopt(new, tmp_path / "model")
    TextTraining(new, seed=3, captions=64).run()
    train_autoencoder(new, seed=3, minutes=0.01, pictures=8)
    latents.cache_latents(new, seed=3, shards=2)
    begun = DiffusionTraining(new, replace(PLAN, images=16))
    trained = load_trained(folder).pipeline.unet
    assert begun.images == 8
    pairs = zip(begun.model.unet.parameters(), trained.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-2) for one, other in pairs)
    old, known = load_tokenizer(folder.path / "tokenizer"), adopted_text_encoder(new, begun.tokenizer)
    kept = known.get_input_embeddings().weight[begun.tokenizer.get_vocab()["coat</w>"]]
    source = load_trained(folder).pipeline.text_encoder.get_input_embeddings().weight
    assert torch.allclose(kept, source[old.get_vocab()["coat</w>"]], atol=1e-2)


def test_the_decoder_learns_from_what_diffusion_makes_and_the_encoder_stays(folder: RunFolder) -> None:
    DiffusionTraining(folder, PLAN).run()
    (folder.path / "autoencoder.pt").unlink()
    train_autoencoder(folder, seed=3, minutes=0.005, pictures=4)
    before = load_autoencoder(folder).state_dict()
    tune_decoder(folder, seed=3, minutes=0.01, pictures=4)
    after = load_autoencoder(folder).state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed <= {"decoder", "post_quant_conv"}
    assert "decoder" in changed


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
