from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from reelmill_diffusion import DiffusionModel, Drawing, Image, InputError, StyleEmbedding, draw, resolve
from reelmill_diffusion.schedulers import NAMES, name_of
from tests.unit.diffusion.conftest import some_style

pytestmark = pytest.mark.torch
SAME = 2
"""Of 255: what rounding may change."""


def difference(one: Image | None, other: Image | None) -> int:
    assert one is not None
    assert other is not None
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def drawn(model: DiffusionModel, drawing: Drawing) -> Image:
    image = draw(model, [drawing])[0]
    assert image is not None
    return image


def stock_pipeline(directory: Path) -> Any:
    name = "StableDiffusionXLPipeline" if directory.name == "xl" else "StableDiffusionPipeline"
    pipeline = getattr(diffusers, name).from_pretrained(directory, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def stock_image(pipeline: Any, drawing: Drawing) -> Image:
    image = pipeline(
        drawing.prompt,
        negative_prompt=drawing.negative_prompt or None,
        num_inference_steps=drawing.steps,
        guidance_scale=drawing.guidance_scale,
        height=64,
        width=64,
        generator=torch.Generator("cpu").manual_seed(drawing.seed),
        output_type="np",
    ).images[0]
    return np.asarray((image * 255).round(), dtype=np.uint8)


def a_mixed_batch(model: DiffusionModel) -> Sequence[Drawing]:
    """Frames of different movies: all that may differ does."""
    one, other = some_style(model, 1, vectors=3), some_style(model, 2, vectors=1)
    common = Drawing(prompt="a man in the park, in <style> style", seed=5, steps=4, guidance_scale=6.0)
    return [
        replace(common, style=one),
        replace(common, style=other, seed=6),
        replace(common, prompt="a red boat", seed=7, guidance_scale=1.0),
        replace(common, prompt="a red boat", seed=7, guidance_scale=9.0, negative_prompt="blurred"),
        replace(common, style=one, guidance_scale=0.5, seed=-8),
    ]


def test_a_picture_has_the_size_that_was_asked_for(model: DiffusionModel) -> None:
    image = drawn(model, Drawing(prompt="a boat", seed=1, steps=2, width=96, height=64))
    assert image.shape == (64, 96, 3)
    assert image.dtype == np.uint8
    assert image.std() > 5


def test_neighbours_in_a_batch_do_not_change_a_picture(model: DiffusionModel) -> None:
    drawings = a_mixed_batch(model)
    together = draw(model, drawings)
    apart = [drawn(model, d) for d in drawings]
    assert max(difference(a, b) for a, b in zip(together, apart, strict=True)) <= SAME
    assert difference(together[0], together[1]) > 10 * SAME


def test_a_split_batch_draws_the_same_in_the_same_order(model: DiffusionModel) -> None:
    drawings = a_mixed_batch(model)
    whole, split = draw(model, drawings), draw(model, drawings, max_batch=2)
    assert max(difference(a, b) for a, b in zip(whole, split, strict=True)) <= SAME


def test_pictures_of_different_sizes_and_schedulers_can_be_asked_for_at_once(model: DiffusionModel) -> None:
    small = Drawing(prompt="a boat", seed=1, steps=2)
    large, other = replace(small, width=128), replace(small, scheduler="EulerDiscreteScheduler")
    images = draw(model, [small, large, other])
    assert [image.shape for image in images if image is not None] == [(64, 64, 3), (64, 128, 3), (64, 64, 3)]
    assert difference(images[1], drawn(model, large)) <= SAME


@pytest.mark.parametrize("guidance", [1.0, 6.0])
@pytest.mark.parametrize("negative", ["", "blurred"])
def test_a_picture_is_the_one_that_stock_diffusers_draws(
    model: DiffusionModel, directory: Path, guidance: float, negative: str
) -> None:
    drawing = Drawing(
        prompt="a man in the park", negative_prompt=negative, seed=3, steps=5, guidance_scale=guidance
    )
    assert difference(drawn(model, drawing), stock_image(stock_pipeline(directory), drawing)) <= SAME


def test_a_style_is_drawn_as_stock_diffusers_draws_its_file(
    model: DiffusionModel, directory: Path, tmp_path: Path
) -> None:
    style = some_style(model)
    (tmp_path / "learned_embeds.safetensors").write_bytes(style.to_bytes())
    pipeline = stock_pipeline(directory)
    if model.is_xl:
        tensors = dict(style.vectors)
        pipeline.load_textual_inversion(tensors["clip_l"], token="<style>")
        pipeline.load_textual_inversion(
            tensors["clip_g"],
            token="<style>",
            text_encoder=pipeline.text_encoder_2,
            tokenizer=pipeline.tokenizer_2,
        )
    else:
        pipeline.load_textual_inversion(tmp_path, weight_name="learned_embeds.safetensors")
    drawing = Drawing(prompt="a man, in <style> style", seed=3, steps=5, guidance_scale=6.0, style=style)
    ours = drawn(model, drawing)
    assert difference(ours, stock_image(pipeline, drawing)) <= SAME
    assert difference(ours, drawn(model, replace(drawing, prompt="a man, in style"))) > SAME


@pytest.mark.parametrize("name", NAMES)
def test_every_scheduler_draws_the_same_twice_and_in_company(xl: DiffusionModel, name: str) -> None:
    drawing = Drawing(prompt="a boat", seed=4, steps=5, guidance_scale=3.0, scheduler=name)
    alone = drawn(xl, drawing)
    in_company = draw(xl, [replace(drawing, seed=9), drawing])[1]
    assert difference(alone, in_company) <= SAME
    assert alone.std() > 5


def test_schedulers_that_cannot_start_from_pure_noise_are_refused_where_the_model_does(
    sd: DiffusionModel,
) -> None:
    with pytest.raises(InputError, match="PNDMScheduler cannot draw") as refused:
        resolve(sd, Drawing(prompt="a boat", seed=1, scheduler="PNDMScheduler"))
    assert refused.value.field == "scheduler"


def test_a_cancelled_picture_ends_between_steps_and_leaves_the_others_as_they_are(
    model: DiffusionModel,
) -> None:
    drawings = [replace(d, guidance_scale=6.0) for d in a_mixed_batch(model)[:3]]
    asked: list[int] = []

    def cancelled(index: int) -> bool:
        asked.append(index)
        return index == 1 and asked.count(1) > 2

    images = draw(model, drawings, cancelled=cancelled)
    assert images[1] is None
    assert asked.count(1) == 3, "it was asked about again after it was cancelled"
    assert [difference(images[i], drawn(model, drawings[i])) <= SAME for i in (0, 2)] == [True, True]


def test_nothing_is_drawn_once_all_are_cancelled(model: DiffusionModel) -> None:
    assert draw(model, a_mixed_batch(model), cancelled=lambda index: True) == [None] * 5


def test_without_guidance_the_unconditional_half_is_not_computed(model: DiffusionModel) -> None:
    rows: list[int] = []
    handle = model.unet.register_forward_hook(lambda _, inputs, __: rows.append(len(inputs[0])))
    try:
        drawn(model, Drawing(prompt="a boat", seed=1, steps=1, guidance_scale=1.0))
        draw(model, [replace(d, steps=1) for d in a_mixed_batch(model)])
    finally:
        handle.remove()
    assert rows == [1, 5 + 3], "of five pictures three are guided"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("steps", {"steps": 151}),
        ("steps", {"steps": -1}),
        ("guidance_scale", {"guidance_scale": float("nan")}),
        ("guidance_scale", {"guidance_scale": float("inf")}),
        ("guidance_scale", {"guidance_scale": -1.0}),
        ("width", {"width": 100}),
        ("width", {"width": 56}),
        ("height", {"height": 4096}),
        ("seed", {"seed": 2**63}),
        ("scheduler", {"scheduler": "../../etc/passwd"}),
        ("prompt", {"prompt": "x" * 10_000_000}),
        ("negative_prompt", {"negative_prompt": "in <style> style"}),
        ("prompt", {"prompt": "in <style> style"}),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_the_name_of_its_field(
    sd: DiffusionModel, field: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as refused:
        draw(sd, [Drawing(**{"prompt": "a boat", "seed": 1, **wrong})])
    assert refused.value.field == field


def test_a_style_of_another_model_is_refused(sd: DiffusionModel, xl: DiffusionModel) -> None:
    with pytest.raises(InputError, match="learned for another model") as refused:
        draw(sd, [Drawing(prompt="in <style> style", seed=1, style=some_style(xl))])
    assert refused.value.field == "style_embedding"


def test_a_style_that_fits_but_was_learned_for_another_model_is_refused_naming_both(
    model: DiffusionModel,
) -> None:
    """A model trained further has the same shapes and another text space."""
    style = replace(some_style(model, 1), metadata={"model_digest": "ab" * 32})
    for prompt in ("a man, in <style> style", "a man"):
        with pytest.raises(InputError) as refused:
            resolve(model, Drawing(prompt=prompt, seed=1, style=style))
        assert refused.value.field == "style_embedding"
        assert "abababababab" in str(refused.value)
        assert model.digest[:12] in str(refused.value)


def test_a_style_of_this_model_or_of_a_tool_that_does_not_say_is_drawn(model: DiffusionModel) -> None:
    style = some_style(model, 1)
    drawing = Drawing(prompt="a man, in <style> style", seed=1, steps=1, style=style)
    own = replace(style, metadata={"model_digest": model.digest})
    assert difference(drawn(model, drawing), drawn(model, replace(drawing, style=own))) == 0


def test_a_style_has_no_effect_on_prompts_that_do_not_name_it(model: DiffusionModel) -> None:
    plain = Drawing(prompt="a man in the park", seed=1, steps=3)
    styled = replace(plain, style=some_style(model))
    assert difference(drawn(model, plain), drawn(model, styled)) == 0


def test_a_style_read_again_from_its_file_draws_the_same(model: DiffusionModel) -> None:
    style = some_style(model)
    drawing = Drawing(prompt="in <style> style", seed=1, steps=3, style=style)
    again = replace(drawing, style=StyleEmbedding.from_bytes(style.to_bytes()))
    assert difference(drawn(model, drawing), drawn(model, again)) == 0


def test_defaults_of_the_model_are_filled_in(model: DiffusionModel) -> None:
    full = resolve(model, Drawing(prompt="a boat", seed=1))
    assert (full.steps, full.width, full.height) == (30, 64, 64)
    assert full.guidance_scale == (5.0 if model.is_xl else 7.5)
    assert full.scheduler == name_of(model.scheduler)
