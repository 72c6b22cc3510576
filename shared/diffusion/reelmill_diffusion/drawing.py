"""Drawing batches in which every picture has its own prompt, seed, guidance and style.

The same drawing gives the same picture whatever else is in its batch: noise comes from a generator per
picture on the CPU, prompts are encoded alone, and nothing in the UNet looks across a batch; only
rounding differs.
"""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .embedding import StyleEmbedding
from .errors import InputError
from .model import Conditioning, DiffusionModel
from .schedulers import check_scheduler, make_scheduler, name_of

Image = NDArray[np.uint8]
"""A picture: `[height, width, 3]`, RGB, 0 to 255."""

MAX_STEPS = 150
MAX_GUIDANCE = 30.0
MIN_SIDE, MAX_SIDE = 64, 2048
MAX_PROMPT = 8192
_DECODE_PIXELS = 4 * 1024 * 1024  # a VAE needs far more memory for a pixel than a UNet


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What one picture is drawn from. Zero and "" mean the model's own default (`resolve` fills them in).

    steps 1 to 150; guidance_scale up to 30 (up to 1: none); width and height in pixels, 64 to 2048, multiples
    of the model's scale factor (8); seed any 64-bit number; prompts up to 8192 characters.
    """

    prompt: str
    seed: int
    negative_prompt: str = ""
    steps: int = 0
    guidance_scale: float = 0.0
    width: int = 0
    height: int = 0
    scheduler: str = ""
    style: StyleEmbedding | None = None


def resolve(model: DiffusionModel, drawing: Drawing) -> Drawing:
    """The drawing with every default filled in. Raises InputError naming the first field that is wrong."""
    defaults = model.defaults
    full = replace(
        drawing,
        steps=drawing.steps or defaults.steps,
        guidance_scale=drawing.guidance_scale or defaults.guidance_scale,
        width=drawing.width or defaults.width,
        height=drawing.height or defaults.height,
        scheduler=drawing.scheduler or name_of(model.scheduler),
    )
    if not 1 <= full.steps <= MAX_STEPS:
        raise InputError("steps", f"{full.steps} is not 1 to {MAX_STEPS}")
    if not (math.isfinite(full.guidance_scale) and 0 <= full.guidance_scale <= MAX_GUIDANCE):
        raise InputError("guidance_scale", f"{full.guidance_scale} is not 0 to {MAX_GUIDANCE:g}")
    for name, side in (("width", full.width), ("height", full.height)):
        if not MIN_SIDE <= side <= MAX_SIDE or side % model.scale_factor:
            wanted = f"a multiple of {model.scale_factor} from {MIN_SIDE} to {MAX_SIDE}"
            raise InputError(name, f"{side} is not {wanted}")
    if not -(2**63) <= full.seed < 2**63:
        raise InputError("seed", f"{full.seed} is not a 64-bit number")
    for name, text in (("prompt", full.prompt), ("negative_prompt", full.negative_prompt)):
        if len(text) > MAX_PROMPT:
            raise InputError(name, f"is {len(text)} characters long, more than {MAX_PROMPT}")
    check_scheduler(model.scheduler, full.scheduler)
    if full.style is not None:
        _check_learned_for(model, full.style)
    # Encoding is where a style that does not fit shows; the model's cache keeps the result for the drawing.
    model.condition(full.prompt, full.style)
    model.condition(full.negative_prompt, full.style, negative=True)
    return full


def _check_learned_for(model: DiffusionModel, style: StyleEmbedding) -> None:
    """Vectors mean something in one model's text space alone, though they may fit into another's.

    A file that does not say where it was learned, as other tools write it, is judged by its shapes.
    """
    learned_for = style.metadata.get("model_digest", "")
    if learned_for and learned_for != model.digest:
        raise InputError(
            "style_embedding",
            f"was learned for the model {learned_for[:12]}, but the model {model.digest[:12]} draws; "
            "learn the style again for it",
        )


def draw(
    model: DiffusionModel,
    drawings: Sequence[Drawing],
    *,
    max_batch: int = 0,
    cancelled: Callable[[int], bool] | None = None,
) -> list[Image | None]:
    """Draws all, in batches of equal size, steps and scheduler, of at most `max_batch` (0: any).

    Returns the pictures in order, None where `cancelled(index)` became true; it is asked before every step of
    denoising. Raises InputError before anything is drawn.
    """
    full = [resolve(model, drawing) for drawing in drawings]
    groups: dict[tuple[int, int, int, str], list[int]] = {}
    for index, d in enumerate(full):
        groups.setdefault((d.width, d.height, d.steps, d.scheduler), []).append(index)
    images: list[Image | None] = [None] * len(full)
    for members in groups.values():
        size = max_batch or len(members)
        for start in range(0, len(members), size):
            batch = members[start : start + size]
            stop = (lambda i, b=batch: cancelled(b[i])) if cancelled else None
            for index, image in zip(batch, _draw_batch(model, [full[i] for i in batch], stop), strict=True):
                images[index] = image
    return images


@torch.inference_mode()
def _draw_batch(
    model: DiffusionModel, drawings: Sequence[Drawing], cancelled: Callable[[int], bool] | None
) -> list[Image | None]:
    first = drawings[0]
    scheduler = make_scheduler(model.scheduler, first.scheduler)
    scheduler.set_timesteps(first.steps, device=model.device)
    generators = [torch.Generator("cpu").manual_seed(d.seed) for d in drawings]
    shape = (
        model.unet.config.in_channels,
        first.height // model.scale_factor,
        first.width // model.scale_factor,
    )
    latents = torch.stack([torch.randn(shape, generator=g) for g in generators]).to(model.device)
    latents = latents * scheduler.init_noise_sigma
    options = _step_options(scheduler, generators)
    guided = _Guidance(model, drawings)
    live = list(range(len(drawings)))
    for timestep in scheduler.timesteps:
        if cancelled is not None:
            live = [i for i in live if not cancelled(i)]
        if not live:
            break
        inputs = scheduler.scale_model_input(latents, timestep)
        # Schedulers remember whole batches, so a cancelled picture keeps its place and costs no UNet.
        prediction = torch.zeros_like(latents)
        prediction[live] = guided.predict(inputs, timestep, live)
        latents = scheduler.step(prediction, timestep, latents, **options, return_dict=False)[0]
    if cancelled is not None:
        live = [i for i in live if not cancelled(i)]
    images: list[Image | None] = [None] * len(drawings)
    at_once = max(1, _DECODE_PIXELS // (first.width * first.height))
    for start in range(0, len(live), at_once):
        some = live[start : start + at_once]
        for index, image in zip(some, model.to_images(latents[some]), strict=True):
            images[index] = image.numpy()
    return images


class _Guidance:
    """Classifier-free guidance with a scale per picture; those at 1 or below skip the unconditional half."""

    def __init__(self, model: DiffusionModel, drawings: Sequence[Drawing]) -> None:
        self._model = model
        self._scales = [d.guidance_scale for d in drawings]
        self._positive = [model.condition(d.prompt, d.style) for d in drawings]
        self._negative = [model.condition(d.negative_prompt, d.style, negative=True) for d in drawings]

    def predict(self, latents: torch.Tensor, timestep: torch.Tensor, live: Sequence[int]) -> torch.Tensor:
        guided = [i for i in live if self._scales[i] > 1.0]
        conditions = [self._positive[i] for i in live] + [self._negative[i] for i in guided]
        hidden, pooled = _stack(conditions)
        prediction = self._model.predict(latents[[*live, *guided]], timestep, hidden, pooled)
        conditional, unconditional = prediction[: len(live)], prediction[len(live) :]
        if not guided:
            return conditional
        result = conditional.clone()
        rows = [live.index(i) for i in guided]
        scales = torch.tensor([self._scales[i] for i in guided], device=prediction.device).view(-1, 1, 1, 1)
        result[rows] = unconditional + scales * (conditional[rows] - unconditional)
        return result


def _stack(conditions: Sequence[Conditioning]) -> tuple[torch.Tensor, torch.Tensor | None]:
    hidden = torch.cat([c.hidden for c in conditions])
    pooled = [c.pooled for c in conditions if c.pooled is not None]
    return hidden, torch.cat(pooled) if pooled else None


def _step_options(scheduler: Any, generators: list[torch.Generator]) -> dict[str, Any]:
    """Schedulers that add noise as they go take it from each picture's own generator."""
    takes_generator = "generator" in inspect.signature(scheduler.step).parameters
    return {"generator": generators} if takes_generator else {}
