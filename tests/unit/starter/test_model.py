"""The model that is shipped."""

import json
from pathlib import Path

import numpy as np
import pytest

MODEL = Path(__file__).parents[3] / "services/render/starter/model"


def test_the_shipped_model_is_at_most_60_megabytes_of_safetensors() -> None:
    files = [path for path in MODEL.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 60e6
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".txt", ".md"}


def test_its_card_tells_command_seed_data_and_loss() -> None:
    card = (MODEL / "README.md").read_text()
    assert all(
        word in card for word in ("reelmill-starter train", "seed", "pictures seen", "validation loss")
    )


@pytest.mark.torch
@pytest.mark.slow
def test_stock_diffusers_draws_with_it_and_day_is_brighter_than_night() -> None:
    pytest.importorskip("diffusers")
    from diffusers import StableDiffusionPipeline

    from reelmill_starter.training.samples import generate

    defaults = json.loads((MODEL / "reelmill.json").read_text())
    steps, guidance = defaults["default_steps"], defaults["default_guidance_scale"]
    pipeline = StableDiffusionPipeline.from_pretrained(MODEL)
    places = ("beach", "desert", "garden", "street")
    prompts = [
        f"wide shot of the {place}, {time}, clear weather" for time in ("day", "night") for place in places
    ]
    pictures = np.stack(generate(pipeline, prompts, steps=steps, guidance=guidance)).astype(float)
    assert pictures[:4].mean() > 1.3 * pictures[4:].mean()


@pytest.mark.torch
@pytest.mark.slow
def test_a_frame_is_nearer_to_the_drawing_it_was_asked_for_than_to_others() -> None:
    pytest.importorskip("diffusers")
    from diffusers import StableDiffusionPipeline

    from reelmill_starter.drawing import draw
    from reelmill_starter.training.pictures import SIZE, VALIDATION_START, example
    from reelmill_starter.training.samples import generate
    from reelmill_world import StyleVector, caption

    def coarse(picture: np.ndarray) -> np.ndarray:
        return np.asarray(picture.astype(float).reshape(SIZE // 8, 8, SIZE // 8, 8, 3).mean(axis=(1, 3)))

    defaults = json.loads((MODEL / "reelmill.json").read_text())
    steps, guidance = defaults["default_steps"], defaults["default_guidance_scale"]
    examples = [example(7, VALIDATION_START + number) for number in range(16)]
    pipeline = StableDiffusionPipeline.from_pretrained(MODEL)
    # All in one style: colours of a style would give frames away.
    prompts = [caption(one.scene, "plain") for one in examples]
    made = np.stack([coarse(one) for one in generate(pipeline, prompts, steps=steps, guidance=guidance)])
    drawings = [draw(one.scene, StyleVector(), seed=one.seed, size=SIZE).pixels for one in examples]
    wanted = np.stack([coarse(one) for one in drawings])
    distances = np.square(made[:, None] - wanted[None]).mean(axis=(2, 3, 4))
    right = int((distances.argmin(axis=1) == np.arange(16)).sum())
    assert right >= 15
