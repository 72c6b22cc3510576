"""The model that is shipped."""

import json
from pathlib import Path

import numpy as np
import pytest

MODEL = Path(__file__).parents[3] / "services/render/starter/model"


def test_the_shipped_model_is_at_most_45_megabytes_of_safetensors() -> None:
    files = [path for path in MODEL.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 45e6
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
