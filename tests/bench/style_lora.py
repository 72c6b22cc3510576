"""A style as a LoRA in the UNet, trained as DreamBooth trains a subject (arXiv 2208.12242, 2106.09685).

The style is called by a word that means nothing to the model. Low-rank updates of the weights train on the
references, at our own noise levels and batch size, for as long as they are given. Prior preservation, where
it is asked for: half of each batch are pictures that the model drew beforehand without the style.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from safetensors.torch import save

from reelmill_diffusion import TOKEN, DiffusionModel, Drawing, draw
from reelmill_diffusion.inversion import Reference
from reelmill_diffusion.learning import LatentReferences, NoisyBatch, losses, noise_schedule
from reelmill_world import caption, random_scene

WORD = "sks"
RANK = 8
BATCH = 4
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
# Our UNet has attention at two of its sizes only: a LoRA that may not touch more is held back by that.
EVERYTHING = (*ATTENTION, "conv1", "conv2", "conv_shortcut", "proj_in", "proj_out")


@dataclass(frozen=True, slots=True)
class TrainedLora:
    """`bytes` is the size of the file that it would be kept in."""

    steps: int
    seconds: float
    bytes: int


def train_lora(
    model: DiffusionModel,
    references: Sequence[Reference],
    *,
    seconds: float,
    targets: Sequence[str] = ATTENTION,
    rate: float = 1e-3,
    prior: int = 0,
    seed: int = 0,
) -> TrainedLora:
    """Puts a trained adapter into `model.unet`, where it stays until `remove_lora`. `prior`: pictures."""
    peft: Any = import_module("peft")
    torch.manual_seed(seed)
    begun = time.monotonic()
    schedule, generator = noise_schedule(model), torch.Generator().manual_seed(seed)
    prompts = [reference.prompt.replace(TOKEN, WORD) for reference in references]
    own = LatentReferences.make(model, [reference.image for reference in references], prompts, {})
    ordinary = _ordinary_pictures(model, prior) if prior else None
    model.unet.add_adapter(
        peft.LoraConfig(r=RANK, lora_alpha=RANK, init_lora_weights="gaussian", target_modules=list(targets))
    )
    weights = [weight for weight in model.unet.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=1e-2)
    steps = 0
    while time.monotonic() - begun < seconds:
        parts = [own] if ordinary is None else [own, ordinary]
        batches = [NoisyBatch.draw(p, schedule, BATCH // len(parts), True, generator) for p in parts]
        loss = torch.stack([losses(model, batch, {}).mean() for batch in batches]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        steps += 1
    state = peft.get_peft_model_state_dict(model.unet)
    file = save({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()})
    return TrainedLora(steps, time.monotonic() - begun, len(file))


def remove_lora(model: DiffusionModel) -> None:
    model.unet.delete_adapters("default")
    model.unet.requires_grad_(False)


def _ordinary_pictures(model: DiffusionModel, count: int) -> LatentReferences:
    rng = random.Random(5)
    prompts = [caption(random_scene(rng)) for _ in range(count)]
    drawings = [Drawing(prompt=prompt, seed=i) for i, prompt in enumerate(prompts)]
    images = [image for image in draw(model, drawings, max_batch=8) if image is not None]
    return LatentReferences.make(model, images, prompts, {})
