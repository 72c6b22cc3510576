"""What textual inversion computes: references as latents, noise on them, and how well it is predicted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch

from .drawing import Image
from .embedding import Vectors
from .errors import ModelError
from .model import DiffusionModel
from .text import Tokens

_GRID = 8
"""Noise levels at which each held-out reference is judged."""


@dataclass(frozen=True, slots=True)
class LatentReferences:
    """References with everything constant done once: `latents` `[R, 2, C, h, w]` (plain, flipped), tokens."""

    latents: torch.Tensor
    prompts: Sequence[str]
    tokens: Sequence[list[Tokens]]

    @classmethod
    def make(
        cls,
        model: DiffusionModel,
        images: Sequence[Image],
        prompts: Sequence[str],
        counts: Mapping[str, int],
    ) -> "LatentReferences":
        """`counts`: how many vectors each token in the prompts has.

        Raises ModelError where the autoencoder makes numbers that are not finite of an image.
        """
        latents = []
        for index, image in enumerate(images):
            pixels = fit(image, model.defaults.width, model.defaults.height)
            latents.append(model.to_latents(torch.stack([pixels, pixels.flip(-1)])))
            if not bool(latents[-1].isfinite().all()):
                raise ModelError(
                    f"the autoencoder's latents of references[{index}] are not finite: its weights are "
                    f"damaged or overflow in {model.vae.dtype}; float32 may help"
                )
        return cls(torch.stack(latents), prompts, [model.tokenize(p, counts) for p in prompts])

    def only(self, indices: Sequence[int]) -> "LatentReferences":
        """Some of them."""
        return LatentReferences(
            self.latents[list(indices)],
            [self.prompts[i] for i in indices],
            [self.tokens[i] for i in indices],
        )

    def without(self, token: str, model: DiffusionModel, counts: Mapping[str, int]) -> "LatentReferences":
        """The same with prompts in which `token` does not stand."""
        prompts = [prompt.replace(token, "") for prompt in self.prompts]
        return LatentReferences(self.latents, prompts, [model.tokenize(p, counts) for p in prompts])


@dataclass(frozen=True, slots=True)
class NoiseSchedule:
    """The noise a model was trained with: signal and noise per training timestep, and what it predicts."""

    signal: torch.Tensor
    noise: torch.Tensor
    prediction: str

    def __len__(self) -> int:
        return len(self.signal)


def noise_schedule(model: DiffusionModel) -> NoiseSchedule:
    scheduler: Any = import_module("diffusers").DDPMScheduler.from_config(model.scheduler.config)
    kept = scheduler.alphas_cumprod.to(model.device, torch.float32)
    return NoiseSchedule(kept.sqrt(), (1 - kept).sqrt(), scheduler.config.prediction_type)


@dataclass(frozen=True, slots=True)
class NoisyBatch:
    """`latents` `[B, C, h, w]` with noise on them, their timesteps, what should be predicted, and the
    prompts."""

    latents: torch.Tensor
    timesteps: torch.Tensor
    target: torch.Tensor
    tokens: list[list[Tokens]]

    @classmethod
    def draw(
        cls,
        references: LatentReferences,
        schedule: NoiseSchedule,
        size: int,
        flip: bool,
        generator: torch.Generator,
    ) -> "NoisyBatch":
        """A batch for learning: random references, and timesteps spread evenly, which calms the gradient."""
        chosen = torch.randint(len(references.prompts), (size,), generator=generator)
        flipped = torch.randint(2 if flip else 1, (size,), generator=generator)
        spread = (torch.arange(size) + torch.rand(size, generator=generator)) / size
        timesteps = (spread * len(schedule)).long().clamp_max(len(schedule) - 1)
        clean = references.latents[chosen, flipped]
        tokens = [references.tokens[i] for i in chosen.tolist()]
        return cls._noised(clean, tokens, timesteps, schedule, generator)

    @classmethod
    def grid(
        cls,
        references: LatentReferences,
        schedule: NoiseSchedule,
        size: int,
        generator: torch.Generator,
    ) -> Iterator["NoisyBatch"]:
        """Batches for judging: every reference at the same few timesteps."""
        levels = ((torch.arange(_GRID) + 0.5) * len(schedule) / _GRID).long()
        pairs = [(r, int(t)) for r in range(len(references.prompts)) for t in levels]
        for start in range(0, len(pairs), size):
            some = pairs[start : start + size]
            clean = references.latents[[r for r, _ in some], 0]
            tokens = [references.tokens[r] for r, _ in some]
            yield cls._noised(clean, tokens, torch.tensor([t for _, t in some]), schedule, generator)

    @classmethod
    def _noised(
        cls,
        clean: torch.Tensor,
        tokens: list[list[Tokens]],
        timesteps: torch.Tensor,
        schedule: NoiseSchedule,
        generator: torch.Generator,
    ) -> "NoisyBatch":
        noise = torch.randn(clean.shape, generator=generator).to(clean.device)
        timesteps = timesteps.to(clean.device)
        signal_part = schedule.signal[timesteps].view(-1, 1, 1, 1)
        noise_part = schedule.noise[timesteps].view(-1, 1, 1, 1)
        targets = {
            "epsilon": noise,
            "sample": clean,
            "v_prediction": signal_part * noise - noise_part * clean,
        }
        noisy = signal_part * clean + noise_part * noise
        return cls(noisy, timesteps, targets[schedule.prediction], tokens)


def losses(model: DiffusionModel, batch: NoisyBatch, learned: Mapping[str, Vectors]) -> torch.Tensor:
    """Mean squared error `[B]` of the model's prediction; gradients flow to the tokens' vectors."""
    hidden, pooled = model.encode(batch.tokens, learned)
    prediction = model.predict(batch.latents, batch.timesteps, hidden, pooled)
    return (prediction - batch.target).square().mean(dim=(1, 2, 3))


def fit(image: Image, width: int, height: int) -> torch.Tensor:
    """`[3, height, width]` in -1 .. 1: the middle of an image, scaled to fill."""
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    scale = max(width / pixels.shape[3], height / pixels.shape[2])
    size = (max(height, round(pixels.shape[2] * scale)), max(width, round(pixels.shape[3] * scale)))
    if size != tuple(pixels.shape[2:]):
        pixels = torch.nn.functional.interpolate(pixels, size, mode="bicubic", antialias=True).clamp(-1, 1)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return pixels[0, :, top : top + height, left : left + width]
