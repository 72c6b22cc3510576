"""Sheets of pictures to look at: real drawings, or the model's pictures for fixed prompts and seeds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from numpy.typing import NDArray
from PIL import Image

from reelmill_starter.training.pictures import SIZE, VALIDATION_START, Example, example
from reelmill_world import caption

_GAP = 2


def sheet(pictures: Sequence[NDArray[np.uint8]], columns: int) -> Image.Image:
    """Pictures (H, W, 3) of one size, row by row."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * (width + _GAP), rows * (height + _GAP)), "white")
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        page.paste(Image.fromarray(picture), (column * (width + _GAP), row * (height + _GAP)))
    return page


def generate(
    pipeline: StableDiffusionPipeline, prompts: Sequence[str], *, steps: int, guidance: float, batch: int = 8
) -> list[NDArray[np.uint8]]:
    """One picture a prompt; picture n has its own generator seeded with n."""
    pipeline.set_progress_bar_config(disable=True)
    pictures: list[NDArray[np.uint8]] = []
    for first in range(0, len(prompts), batch):
        part = list(prompts[first : first + batch])
        generators = [torch.Generator().manual_seed(first + offset) for offset in range(len(part))]
        output = pipeline(
            part,
            generator=generators,
            num_inference_steps=steps,
            guidance_scale=guidance,
            width=SIZE,
            height=SIZE,
            output_type="np",
        )
        pictures += list((output.images * 255 + 0.5).astype(np.uint8))
    return pictures


def validation_sheet(
    pipeline: StableDiffusionPipeline, target: Path, *, seed: int, count: int, steps: int, guidance: float
) -> list[str]:
    """Writes `target`: rows of drawings, each above the model's pictures for the same prompts; returns these.

    Only named styles are taken, because there one sees at a glance whether style and content are right.
    """
    examples: list[Example] = []
    number = VALIDATION_START
    while len(examples) < count:
        one = example(seed, number)
        if one.style_name is not None:
            examples.append(one)
        number += 1
    prompts = [caption(one.scene, one.style_name) for one in examples]
    made = generate(pipeline, prompts, steps=steps, guidance=guidance)
    rows: list[NDArray[np.uint8]] = []
    for first in range(0, count, 8):
        rows += [one.draw(SIZE).pixels for one in examples[first : first + 8]]
        rows += made[first : first + 8]
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet(rows, 8).save(target)
    return prompts
