"""StyleAligned: frames borrow their style from a reference while they are drawn (arXiv 2312.02133).

Nothing is trained. A reference stands in every batch, and in each self-attention the frames attend to it as
well as to themselves, with queries and keys that are normalised to the reference's statistics (AdaIN).
Written from the paper. One thing differs: the paper finds a real picture's noise by running DDIM backwards,
which is not exact in the few steps that small models draw in; here the reference goes through the noise
levels with one fixed noise, as it would in training.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from reelmill_diffusion import DiffusionModel, Image
from reelmill_diffusion.learning import fit
from reelmill_diffusion.schedulers import make_scheduler

BATCH = 8


class SharedAttention:
    """A self-attention of rows [reference, frames ..] twice: without the prompt, and with it."""

    def __call__(self, attention: Any, hidden_states: Tensor, *_: object, **__: object) -> Tensor:
        rows, length = hidden_states.shape[:2]

        def heads(projected: Tensor) -> Tensor:
            """`[2, frames + 1, heads, tokens, width]`"""
            return projected.view(2, rows // 2, length, attention.heads, -1).transpose(2, 3)

        query, key, value = (
            heads(to(hidden_states)) for to in (attention.to_q, attention.to_k, attention.to_v)
        )
        query, key = (_as_reference(query), _as_reference(key))
        key, value = (torch.cat([x[:, :1].expand_as(x), x], dim=3) for x in (key, value))
        # The reference itself attends to itself twice, which changes nothing.
        attended = torch.nn.functional.scaled_dot_product_attention(query, key, value)
        joined = attention.to_out[0](attended.transpose(2, 3).reshape(rows, length, -1))
        output: Tensor = joined / attention.rescale_output_factor
        return output


def _as_reference(x: Tensor) -> Tensor:
    """AdaIN: over its tokens, each feature gets the mean and spread that it has in the reference."""
    mean, spread = x.mean(dim=3, keepdim=True), x.std(dim=3, keepdim=True) + 1e-5
    aligned: Tensor = (x - mean) / spread * spread[:, :1] + mean[:, :1]
    return aligned


@torch.inference_mode()
def draw_aligned(
    model: DiffusionModel, reference: Image, reference_prompt: str, prompts: Sequence[str], seed: int
) -> list[Image]:
    """Frames from the same noise that `draw` would give the seeds `seed`, `seed + 1` ..."""
    before = model.unet.attn_processors
    shared = {name: SharedAttention() if ".attn1." in name else old for name, old in before.items()}
    model.unet.set_attn_processor(shared)
    try:
        images: list[Image] = []
        for start in range(0, len(prompts), BATCH):
            some = [reference_prompt, *prompts[start : start + BATCH]]
            images += _draw_batch(model, reference, some, seed + start)
        return images
    finally:
        model.unet.set_attn_processor(before)


def _draw_batch(model: DiffusionModel, reference: Image, prompts: Sequence[str], seed: int) -> list[Image]:
    defaults = model.defaults
    scheduler = make_scheduler(model.scheduler, "")
    scheduler.set_timesteps(defaults.steps, device=model.device)
    kept = scheduler.alphas_cumprod.to(model.device)
    clean = model.to_latents(fit(reference, defaults.width, defaults.height)[None])[0]
    noise = _noise(model, seed + 1_000_000, clean)
    latents = torch.stack([_noise(model, seed + i, clean) for i in range(len(prompts) - 1)])
    conditions = [model.condition("", None, negative=True)] * len(prompts)
    conditions += [model.condition(prompt, None) for prompt in prompts]
    hidden = torch.cat([condition.hidden for condition in conditions])
    for timestep in scheduler.timesteps:
        signal = kept[timestep]
        example = signal.sqrt() * clean + (1 - signal).sqrt() * noise
        rows = torch.cat([example[None], latents])
        prediction = model.predict(torch.cat([rows, rows]), timestep, hidden, None)
        without, asked = prediction.chunk(2)
        guided = without + defaults.guidance_scale * (asked - without)
        latents = scheduler.step(guided[1:], timestep, latents, return_dict=False)[0]
    return [image.numpy() for image in model.to_images(latents)]


def _noise(model: DiffusionModel, seed: int, like: Tensor) -> Tensor:
    return torch.randn(like.shape, generator=torch.Generator("cpu").manual_seed(seed)).to(model.device)
