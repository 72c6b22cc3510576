"""Trains the decoder further, on what the diffusion model makes: it learns to draw clean edges from that.

Latents that were drawn by diffusion are smoother than those of pictures, and a decoder that never saw such
smears them. Here pictures are noised half-way and denoised again by the trained model with their captions,
which keeps their content; the decoder learns to give back the picture. Cached latents stay valid.
"""

import time
from typing import Final

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler
from torch import Tensor

from reelmill_starter.training import autoencoder
from reelmill_starter.training.autoencoder import RATE, STAGE, psnr, reconstruction_loss, to_tensor
from reelmill_starter.training.diffusion import Denoiser, Prompts, load_denoiser
from reelmill_starter.training.parts import mixed_precision, new_autoencoder, noise_schedule
from reelmill_starter.training.pictures import VALIDATION_START, drawn_pictures, example
from reelmill_starter.training.run import RunFolder, cosine, say, update_average
from reelmill_starter.training.words import load_tokenizer

_FIRST: Final = 500_000
# Side of a crop in latents, an eighth of its side in pixels.
_CROP: Final = 12
_STEPS: Final = 8
_GUIDANCE: Final = 3.0


def tune_decoder(
    folder: RunFolder,
    *,
    seed: int,
    minutes: float,
    pictures: int,
    batch: int = 6,
    workers: int = 1,
    device: torch.device | None = None,
) -> None:
    """Trains the decoder alone for `minutes` more on `pictures` drawings, `batch` crops a step.

    Raises FileNotFoundError before the autoencoder and the diffusion model are trained.
    """
    torch.manual_seed(seed)
    device = device or torch.device("cpu")
    state = folder.load(STAGE)
    if state is None:
        raise FileNotFoundError(f"{folder.checkpoint(STAGE)}: train the autoencoder first")
    pixels = torch.from_numpy(drawn_pictures(seed, _FIRST, pictures, workers=workers)).to(device)
    watched = torch.from_numpy(drawn_pictures(seed, VALIDATION_START, autoencoder.WATCHED, workers=workers))
    validation = to_tensor(watched.to(device))
    model, average = new_autoencoder(), new_autoencoder()
    for module in (model, average):
        module.load_state_dict(state["average"])
        module.to(device=device, memory_format=torch.channels_last)
    model.encoder.requires_grad_(False)
    model.quant_conv.requires_grad_(False)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=RATE / 2, betas=(0.9, 0.99), weight_decay=1e-4, fused=True)
    say(f"decoder: from {psnr(average, validation):.2f} dB; drawing {pictures} pictures again by diffusion")
    with torch.no_grad():
        parts = [model.encode(to_tensor(part)).latent_dist.mode() for part in torch.split(pixels, 16)]
        exact = torch.cat(parts)
    redrawn = _redrawn(folder, seed, exact)
    step, worked = state.get("decoder_step", 0), 0.0
    while worked < minutes * 60:
        start = time.monotonic()
        for group in optimiser.param_groups:
            group["lr"] = RATE / 2 * cosine(worked / (minutes * 60))
        latents, target = _crops(exact, redrawn, pixels, batch, np.random.default_rng((seed, 1, step)))
        with mixed_precision(device):
            output = model.decode(latents).sample.float()
        loss = reconstruction_loss(output, target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        update_average(average, model, 0.995)
        step += 1
        if step % 100 == 0:
            say(f"decoder: step {step}, {worked / 60:.1f} of {minutes} min, loss {loss.item():.4f}")
        worked += time.monotonic() - start
        folder.wait_while_paused()
    worked += state.get("decoder_worked", 0.0)
    folder.save(
        STAGE, {**state, "average": average.state_dict(), "decoder_step": step, "decoder_worked": worked}
    )
    say(f"decoder: saved; validation {psnr(average, validation):.2f} dB")


@torch.no_grad()
def _redrawn(folder: RunFolder, seed: int, exact: Tensor) -> Tensor:
    """The latents after noise of an early to a late step and denoising from there."""
    denoiser, scale = load_denoiser(folder)
    denoiser.to(exact.device)
    tokenizer = load_tokenizer(folder.path / "tokenizer")
    parts = []
    size = 16 if exact.device.type == "cpu" else 256
    for number, first in enumerate(range(0, len(exact), size)):
        part = exact[first : first + size] * scale
        examples = [example(seed, _FIRST + first + offset) for offset in range(len(part))]
        captions = [one.canonical_caption() for one in examples]
        prompts = Prompts.of(tokenizer, [*captions, *[""] * len(part)], examples * 2, exact.device)
        parts.append(_denoise(denoiser, part, prompts, begin=2 + number % 4) / scale)
    return torch.cat(parts)


def _denoise(denoiser: Denoiser, latents: Tensor, prompts: Prompts, begin: int) -> Tensor:
    scheduler = DPMSolverMultistepScheduler.from_config(noise_schedule().config)
    scheduler.set_timesteps(_STEPS, device=latents.device)
    scheduler.set_begin_index(begin)
    times = scheduler.timesteps[begin:]
    latents = scheduler.add_noise(latents, torch.randn_like(latents), times[:1].expand(len(latents)))
    for moment in times:
        both = denoiser(torch.cat([latents, latents]), moment.expand(2 * len(latents)), prompts)
        told, untold = both.chunk(2)
        latents = scheduler.step(untold + _GUIDANCE * (told - untold), moment, latents).prev_sample
    return latents


def _crops(
    exact: Tensor, redrawn: Tensor, pixels: Tensor, count: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Crops of latents, two thirds of them redrawn, and the pixels that they are of."""
    latents, target = [], []
    for number in range(count):
        index = int(rng.integers(len(exact)))
        y, x = (int(corner) for corner in rng.integers(0, exact.shape[-1] - _CROP + 1, 2))
        source = exact if number % 3 == 0 else redrawn
        latents.append(source[index, :, y : y + _CROP, x : x + _CROP])
        target.append(pixels[index, 8 * y : 8 * (y + _CROP), 8 * x : 8 * (x + _CROP)])
    crops = torch.stack(latents)
    return crops + 0.05 * torch.randn_like(crops), to_tensor(torch.stack(target))
