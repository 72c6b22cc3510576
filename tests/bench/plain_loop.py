"""The same frames without Reelmill: a stock diffusers pipeline in a loop, as a notebook would have it."""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from diffusers import DiffusionPipeline
from numpy.typing import NDArray

from reelmill_render.domain import Picture


@dataclass(frozen=True, slots=True)
class Drawn:
    seconds: float
    pixels: list[NDArray[np.uint8]]


class PlainLoop:
    """Loaded as Triton loads it: on a GPU in float16, else in float32 with PyTorch's own threads."""

    def __init__(self, model: Path) -> None:
        diffusers.utils.logging.disable_progress_bar()
        transformers.utils.logging.disable_progress_bar()
        load: Any = DiffusionPipeline.from_pretrained
        gpu = torch.cuda.is_available()
        self._pipeline = load(str(model), dtype=torch.float16 if gpu else torch.float32)
        self._pipeline.to("cuda" if gpu else "cpu")
        self._pipeline.set_progress_bar_config(disable=True)

    def draw(self, pictures: Sequence[Picture], batch: int) -> Drawn:
        """Draws and encodes all of them, `batch` at a time; each has its own generator."""
        begun = time.monotonic()
        pixels = []
        for start in range(0, len(pictures), batch):
            some = pictures[start : start + batch]
            drawing = some[0].drawing
            images = self._pipeline(
                [picture.prompt for picture in some],
                negative_prompt=[picture.negative_prompt for picture in some],
                generator=[torch.Generator("cpu").manual_seed(picture.seed) for picture in some],
                num_inference_steps=drawing.steps,
                guidance_scale=drawing.guidance_scale,
                width=drawing.width,
                height=drawing.height,
            ).images
            for image in images:
                image.save(io.BytesIO(), format="PNG")
                pixels.append(np.asarray(image))
        return Drawn(time.monotonic() - begun, pixels)
