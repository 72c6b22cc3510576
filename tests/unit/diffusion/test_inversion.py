from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from reelmill_diffusion import (
    Cancelled,
    DiffusionModel,
    Drawing,
    Image,
    InputError,
    ModelError,
    StyleEmbedding,
    draw,
)
from reelmill_diffusion.checkpoint import Checkpoint
from reelmill_diffusion.inversion import InversionOptions, Reference, initial_vectors, learn_style
from reelmill_diffusion.learning import NoisyBatch, fit, losses
from tests.unit.diffusion.conftest import some_style
from tests.unit.diffusion.test_drawing import stock_pipeline

pytestmark = pytest.mark.torch
OPTIONS = InversionOptions(steps=8, batch_size=1, vectors=2, evaluate_every=4, seed=3)


@pytest.fixture(scope="session")
def references(model: DiffusionModel) -> list[Reference]:
    """Pictures drawn in a style that no word says."""
    style = some_style(model, seed=9, vectors=2)
    drawings = [
        Drawing(prompt=f"a man {i}, in <style> style", seed=i, steps=4, guidance_scale=4.0, style=style)
        for i in range(6)
    ]
    images = draw(model, drawings)
    return [
        Reference(image, d.prompt) for image, d in zip(images, drawings, strict=True) if image is not None
    ]


def test_what_is_learned_is_nearer_to_held_out_references(
    model: DiffusionModel, references: list[Reference]
) -> None:
    learned = learn_style(
        model, references, "grainy", replace(OPTIONS, steps=40, batch_size=2, evaluate_every=20)
    )
    assert learned.scores.final_loss < 0.995 * learned.scores.initial_loss
    assert learned.scores.final_loss < 0.995 * learned.scores.no_style_loss
    assert learned.scores.best_step > 0


def test_the_same_inputs_learn_the_same_file(model: DiffusionModel, references: list[Reference]) -> None:
    few = replace(OPTIONS, steps=4)
    one, again = (learn_style(model, references, "grainy", few) for _ in range(2))
    assert one.embedding.to_bytes() == again.embedding.to_bytes()
    other = learn_style(model, references, "grainy", replace(few, seed=4))
    assert other.embedding.digest != one.embedding.digest


def test_a_killed_run_goes_on_to_the_same_result(model: DiffusionModel, references: list[Reference]) -> None:
    kept: list[bytes] = []
    whole = learn_style(model, references, "grainy", OPTIONS, keep=kept.append)
    assert len(kept) == 2
    steps: list[int] = []
    resumed = learn_style(
        model,
        references,
        "grainy",
        OPTIONS,
        resume=kept[0],
        progress=lambda done, total: steps.append(done),
    )
    assert resumed.embedding.to_bytes() == whole.embedding.to_bytes()
    assert steps == list(range(5, 9))


@pytest.mark.parametrize("damage", ["another run's", "cut off", "empty"])
def test_a_checkpoint_that_does_not_belong_is_ignored(
    sd: DiffusionModel, references: list[Reference], damage: str
) -> None:
    kept: list[bytes] = []
    options = replace(OPTIONS, steps=4)
    learn_style(sd, references, "grainy", replace(options, seed=99), keep=kept.append)
    data = {"another run's": kept[0], "cut off": kept[0][:100], "empty": b""}[damage]
    fresh = learn_style(sd, references, "grainy", options)
    assert (
        learn_style(sd, references, "grainy", options, resume=data).embedding.digest == fresh.embedding.digest
    )


def test_learning_ends_between_steps_when_it_is_cancelled(
    sd: DiffusionModel, references: list[Reference]
) -> None:
    steps: list[int] = []
    with pytest.raises(Cancelled, match="step 5 of 8"):
        learn_style(
            sd,
            references,
            "grainy",
            OPTIONS,
            progress=lambda done, total: steps.append(done),
            cancelled=lambda: len(steps) == 5,
        )
    assert steps == [1, 2, 3, 4, 5]


def test_only_the_vectors_are_trained(model: DiffusionModel, references: list[Reference]) -> None:
    modules = [model.unet, model.vae, *(e.model for e in model.encoders)]
    before = [[p.detach().clone() for p in m.parameters()] for m in modules]
    learned = learn_style(model, references, "grainy", replace(OPTIONS, steps=4))
    for module, weights in zip(modules, before, strict=True):
        assert all(torch.equal(now, then) for now, then in zip(module.parameters(), weights, strict=True))
    assert set(learned.embedding.vectors) == ({"clip_l", "clip_g"} if model.is_xl else {"clip_l"})


def test_vectors_start_from_the_words_of_the_style(model: DiffusionModel) -> None:
    for number, encoder in enumerate(model.encoders):
        matrix = encoder.model.get_input_embeddings().weight
        ids = encoder.tokenizer("ab", add_special_tokens=False).input_ids
        one = initial_vectors(model, number, "ab", 1)
        assert torch.allclose(one, matrix[ids].mean(dim=0, keepdim=True))
        assert torch.equal(initial_vectors(model, number, "ab", 2), matrix[ids])
        assert initial_vectors(model, number, "", 5).shape == (5, encoder.width)


def test_vectors_do_not_outgrow_the_words_around_them(
    sd: DiffusionModel, references: list[Reference]
) -> None:
    wild = replace(OPTIONS, learning_rate=5.0, max_norm=1.5)
    learned = learn_style(sd, references, "grainy", wild)
    assert learned.scores.norm <= 1.5001


def test_learning_ends_early_when_it_no_longer_helps(sd: DiffusionModel, references: list[Reference]) -> None:
    useless = replace(OPTIONS, steps=200, learning_rate=0.0, evaluate_every=5, patience=2, weight_decay=0.0)
    scores = learn_style(sd, references, "grainy", useless).scores
    assert (scores.steps, scores.best_step, scores.stopped_because) == (10, 0, "no longer better")
    assert scores.final_loss == scores.initial_loss


def losses_that_fail(monkeypatch: pytest.MonkeyPatch, step: int, *, judging: bool = False) -> None:
    """From this update on, or the first evaluation after it, losses are no numbers."""
    made = 0

    def fail(*args: Any) -> torch.Tensor:
        nonlocal made
        made += torch.is_grad_enabled()
        found = losses(*args)
        broken = made >= step and (judging is not torch.is_grad_enabled())
        return found * float("nan") if broken else found

    monkeypatch.setattr("reelmill_diffusion.inversion_run.losses", fail)


@pytest.mark.parametrize("judging", [False, True], ids=["an update", "an evaluation"])
def test_a_run_that_diverges_keeps_its_last_good_vectors_and_says_so(
    model: DiffusionModel, references: list[Reference], monkeypatch: pytest.MonkeyPatch, judging: bool
) -> None:
    good = learn_style(model, references, "grainy", replace(OPTIONS, steps=12))
    losses_that_fail(monkeypatch, 8 if judging else 7, judging=judging)
    kept: list[bytes] = []
    learned = learn_style(model, references, "grainy", replace(OPTIONS, steps=12), keep=kept.append)
    assert learned.scores.stopped_because == f"diverged at step {8 if judging else 7}"
    assert learned.scores.diverged
    assert not good.scores.diverged
    assert learned.scores.best_step in (0, 4)
    assert learned.scores.final_loss <= learned.scores.initial_loss
    assert all(bool(v.isfinite().all()) for v in learned.embedding.vectors.values())
    metadata = StyleEmbedding.from_bytes(learned.embedding.to_bytes()).metadata
    assert learned.scores.stopped_because in metadata["scores"]
    # Only what was good went into checkpoints, so that a run resumed on a sound machine is a sound run.
    assert len(kept) == 1
    monkeypatch.undo()
    resumed = learn_style(model, references, "grainy", replace(OPTIONS, steps=12), resume=kept[0])
    assert resumed.embedding.digest == good.embedding.digest


def test_an_update_that_leaves_no_numbers_is_not_kept(
    sd: DiffusionModel, references: list[Reference], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_gradient(model: DiffusionModel, batch: NoisyBatch, learned: dict[str, Any]) -> Any:
        # Zero, whose gradient is infinity times zero: the loss itself shows nothing of it.
        nothing = sum((v - v.detach()).square().sum().sqrt() for v in learned["<style>"].values())
        return losses(model, batch, learned) + nothing

    monkeypatch.setattr("reelmill_diffusion.inversion_run.losses", without_gradient)
    scores = learn_style(sd, references, "grainy", OPTIONS).scores
    assert (scores.stopped_because, scores.best_step) == ("diverged at step 1", 0)


def test_a_checkpoint_with_numbers_that_are_not_finite_is_ignored(
    sd: DiffusionModel, references: list[Reference]
) -> None:
    kept: list[bytes] = []
    fresh = learn_style(sd, references, "grainy", OPTIONS, keep=kept.append)
    saved = Checkpoint.from_bytes(kept[0])
    assert saved is not None
    broken = {name: t * float("nan") if name.startswith("first") else t for name, t in saved.tensors.items()}
    resume = Checkpoint(saved.identity, saved.numbers, broken).to_bytes()
    assert (
        learn_style(sd, references, "grainy", OPTIONS, resume=resume).embedding.digest
        == fresh.embedding.digest
    )


@pytest.mark.parametrize(("part", "why"), [("unet", "predicts"), ("vae", r"latents of references\[0\]")])
def test_a_model_that_computes_nonsense_from_the_start_is_an_error(
    directory: Path, references: list[Reference], part: str, why: str
) -> None:
    broken = DiffusionModel.load(directory)
    with torch.no_grad():
        next(getattr(broken, part).parameters()).fill_(float("nan"))
    with pytest.raises(ModelError, match=f"{why}.*not finite"):
        learn_style(broken, references, "grainy", OPTIONS)


@pytest.mark.parametrize(
    "text", ["", " ", "水墨画", "墨" * 560, "\u200b", "🎨" * 60, "<style>", "word " * 2000]
)
def test_any_text_can_name_a_style(model: DiffusionModel, references: list[Reference], text: str) -> None:
    learned = learn_style(model, references[:1], text, replace(OPTIONS, steps=1))
    assert learned.embedding.count == 2
    assert learned.embedding.metadata["style_text"] == text


def test_the_file_says_what_it_was_learned_from(model: DiffusionModel, references: list[Reference]) -> None:
    learned = learn_style(model, references, "grainy", replace(OPTIONS, steps=2))
    read = StyleEmbedding.from_bytes(learned.embedding.to_bytes())
    metadata = read.metadata
    assert (read.token, metadata["steps"]) == ("<style>", "2")
    assert metadata["model_digest"] == model.digest
    assert metadata["style_text"] == "grainy"
    assert len(metadata["data_digest"]) == 64
    assert '"initial_loss"' in metadata["scores"]


def test_what_was_learned_is_what_stock_diffusers_reads_from_the_file(
    model: DiffusionModel, directory: Path, references: list[Reference], tmp_path: Path
) -> None:
    learned = learn_style(model, references, "grainy", replace(OPTIONS, steps=2))
    file = tmp_path / "learned_embeds.safetensors"
    file.write_bytes(learned.embedding.to_bytes())
    pipeline = stock_pipeline(directory)
    if model.is_xl:  # as diffusers' own guide does it: one text encoder after the other
        tensors = load_file(file)
        pipeline.load_textual_inversion(tensors["clip_l"], token="<style>")
        second = {"text_encoder": pipeline.text_encoder_2, "tokenizer": pipeline.tokenizer_2}
        pipeline.load_textual_inversion(tensors["clip_g"], token="<style>", **second)
    else:
        pipeline.load_textual_inversion(file)
    encode = pipeline.encode_prompt
    prompt = "a man in the park, in <style> style"
    theirs = encode(prompt, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False)
    ours = model.condition(prompt, learned.embedding)
    assert torch.allclose(theirs[0], ours.hidden, atol=1e-5)
    if model.is_xl:
        assert ours.pooled is not None
        assert torch.allclose(theirs[2], ours.pooled, atol=1e-5)
    assert not torch.allclose(ours.hidden, model.condition("a man in the park, in style", None).hidden)


def test_one_reference_of_another_size_is_enough(sd: DiffusionModel) -> None:
    image: Image = np.random.default_rng(1).integers(0, 256, (300, 90, 3), dtype=np.uint8)
    learned = learn_style(sd, [Reference(image, "a picture in <style> style")], "", replace(OPTIONS, steps=2))
    assert learned.embedding.count == 2


def test_images_are_scaled_and_cut_to_their_middle() -> None:
    image = np.zeros((100, 300, 3), dtype=np.uint8)
    image[:, 100:200] = 255
    assert float(fit(image, 50, 50)[:, :, 2:-2].min()) > 0.9
    assert fit(image, 64, 40).shape == (3, 40, 64)


@pytest.mark.parametrize(
    ("field", "options", "prompt"),
    [
        ("steps", {"steps": 0}, "<style>"),
        ("steps", {"steps": 5001}, "<style>"),
        ("vectors", {"vectors": 0}, "<style>"),
        ("vectors", {"vectors": 33}, "<style>"),
        ("references[0]", {}, "no style here"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(
    sd: DiffusionModel, references: list[Reference], field: str, options: dict[str, int], prompt: str
) -> None:
    with pytest.raises(InputError) as refused:
        learn_style(sd, [replace(references[0], prompt=prompt)], "x", replace(OPTIONS, **options))  # type: ignore[arg-type]
    assert refused.value.field == field


def test_no_references_are_refused(sd: DiffusionModel) -> None:
    with pytest.raises(InputError, match="references"):
        learn_style(sd, [], "x", OPTIONS)


def portraits(references: list[Reference]) -> list[Reference]:
    return [replace(r, prompt=f"a <character-1>, {r.prompt}") for r in references]


def test_a_character_is_learned_beside_a_style_that_stays_as_it_is(
    model: DiffusionModel, references: list[Reference]
) -> None:
    style = some_style(model, seed=9, vectors=2)
    before = style.to_bytes()
    learned = learn_style(
        model, portraits(references), "ab", OPTIONS, token="<character-1>", beside=style
    ).embedding
    assert style.to_bytes() == before
    assert (learned.token, learned.metadata["beside"]) == ("<character-1>", style.digest)
    bundle = style.with_tokens([learned])
    prompt = portraits(references)[0].prompt
    images = draw(model, [Drawing(prompt=prompt, seed=1, steps=2, style=bundle)])
    assert images[0] is not None


def test_another_style_beside_it_makes_another_character(
    sd: DiffusionModel, references: list[Reference]
) -> None:
    few = replace(OPTIONS, steps=4)
    kept: list[bytes] = []
    one, other = (
        learn_style(
            sd,
            portraits(references),
            "ab",
            few,
            token="<character-1>",
            beside=some_style(sd, seed),
            keep=kept.append,
            resume=kept[0] if kept else None,
        )
        for seed in (1, 2)
    )
    assert one.embedding.digest != other.embedding.digest
    assert other.scores.steps == 4, "it went on from the other's checkpoint"


def test_portraits_whose_prompts_do_not_say_the_token_are_refused(
    sd: DiffusionModel, references: list[Reference]
) -> None:
    with pytest.raises(InputError, match="has no <character-1>"):
        learn_style(sd, references, "ab", OPTIONS, token="<character-1>", beside=some_style(sd))
