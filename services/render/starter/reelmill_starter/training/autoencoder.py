"""The autoencoder: 192 px pictures to latents of 24 x 24 x 8 and back, trained on crops.

Three of the eight channels are held near the picture's colours at an eighth of its size. Without that an
autoencoder as small as this, trained for minutes, learns edges first and colours late; and a diffusion model
learns such latents faster, because composition and colour lie open in them.
"""

import time

import numpy as np
import torch
from diffusers import AutoencoderKL
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor
from torch.nn import functional

from reelmill_starter.training.adopting import adopted, is_kept
from reelmill_starter.training.parts import mixed_precision, new_autoencoder
from reelmill_starter.training.pictures import VALIDATION_START, drawn_pictures
from reelmill_starter.training.run import RunFolder, cosine, device_name, say, update_average
from reelmill_starter.training.shortcut import COLOUR_SCALE

# Most of what an autoencoder learns is local, and small crops make more steps in the same time.
_CROP = 96
# Drawings that no training sees, to measure on.
WATCHED = 64
RATE = 1e-3
STAGE = "autoencoder"


def to_tensor(pixels: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) in -1..1."""
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1


def reconstruction_loss(output: Tensor, target: Tensor) -> Tensor:
    """Absolute and squared error of the pixels, and absolute error of their differences, which keep edges."""
    loss = functional.l1_loss(output, target) + functional.mse_loss(output, target)
    for axis in (2, 3):
        loss = loss + 0.25 * functional.l1_loss(output.diff(dim=axis), target.diff(dim=axis))
    return loss


def train_autoencoder(
    folder: RunFolder,
    *,
    seed: int,
    minutes: float,
    pictures: int,
    batch: int = 6,
    workers: int = 1,
    device: torch.device | None = None,
) -> None:
    """Trains for `minutes` of work in all, over as many starts as it takes, on `pictures` drawings.

    A step takes `batch` crops; `workers` processes draw.
    """
    torch.manual_seed(seed)
    device = device or torch.device("cpu")
    state = folder.load(STAGE) or {"step": 0, "worked": 0.0}
    if is_kept(state):
        say("autoencoder: kept as it was adopted")
        return
    step, worked = state["step"], state["worked"]
    if worked >= minutes * 60:
        say(f"autoencoder: already trained ({step} steps, {worked / 60:.1f} min)")
        return
    say(f"autoencoder: drawing {pictures} pictures")
    drawn = torch.from_numpy(drawn_pictures(seed, 0, pictures, workers=workers)).to(device)
    watched = torch.from_numpy(drawn_pictures(seed, VALIDATION_START, WATCHED, workers=workers))
    validation = to_tensor(watched.to(device))
    model, average = new_autoencoder(), new_autoencoder()
    begun = _adopted(folder, model)
    if "model" in state:
        model.load_state_dict(state["model"])
    elif begun:
        model.load_state_dict(begun)
    average.load_state_dict(state.get("average", model.state_dict()))
    for module in (model, average):
        module.to(device=device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=1e-4, fused=True
    )
    if "optimiser" in state:
        optimiser.load_state_dict(state["optimiser"])
    # What was adopted needs no large steps.
    rate = RATE / 2 if begun else RATE
    size = sum(p.numel() for p in model.parameters()) / 1e6
    say(f"autoencoder: {size:.2f} M parameters; training on {device_name(device)}")
    last = saved = time.monotonic()
    while worked < minutes * 60:
        target = _crops(drawn, batch, np.random.default_rng((seed, step)))
        factor = min(1.0, (step + 1) / 200) * cosine(worked / (minutes * 60))
        for group in optimiser.param_groups:
            group["lr"] = rate * factor
        with mixed_precision(device):
            moments = model.encode(target).latent_dist.parameters
        posterior = DiagonalGaussianDistribution(moments.float())
        with mixed_precision(device):
            output = model.decode(posterior.sample()).sample.float()
        colours = functional.mse_loss(posterior.mean[:, :3], COLOUR_SCALE * functional.avg_pool2d(target, 8))
        spread = posterior.kl().mean() / posterior.mean[0].numel()
        loss = reconstruction_loss(output, target) + 0.2 * colours + 1e-3 * spread
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        update_average(average, model, min(0.998, (step + 1) / (step + 10)))
        step += 1
        if step % 100 == 0:
            say(f"autoencoder: step {step}, {worked / 60:.1f} of {minutes} min, loss {loss.item():.4f}")
        now = time.monotonic()
        worked, last = worked + now - last, now
        if now - saved > 60 or worked >= minutes * 60:
            state = {"model": model.state_dict(), "average": average.state_dict()}
            record = {"step": step, "worked": worked, "batch": batch, "hardware": device_name(device)}
            folder.save(STAGE, {**state, "optimiser": optimiser.state_dict(), **record})
            say(f"autoencoder: saved; validation {psnr(average, validation):.2f} dB")
            saved = time.monotonic()
        folder.wait_while_paused()
        last = time.monotonic()


def _adopted(folder: RunFolder, model: AutoencoderKL) -> dict[str, Tensor] | None:
    """The adopted weights, unless they are of another shape than `model`."""
    begun = adopted(folder)
    if begun is None:
        return None
    weights: dict[str, Tensor] = begun["autoencoder"]
    shapes = {name: weight.shape for name, weight in model.state_dict().items()}
    return weights if {name: weight.shape for name, weight in weights.items()} == shapes else None


def _crops(drawn: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    corners = rng.integers(0, drawn.shape[1] - _CROP + 1, (count, 2)).tolist()
    chosen = rng.integers(0, len(drawn), count).tolist()
    crops = [drawn[i, y : y + _CROP, x : x + _CROP] for i, (y, x) in zip(chosen, corners, strict=True)]
    return to_tensor(torch.stack(crops)).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def psnr(model: AutoencoderKL, pictures: Tensor) -> float:
    """Peak signal to noise ratio of `pictures` (N, 3, H, W) through the autoencoder, in dB."""
    errors = []
    for part in torch.split(pictures, 16):
        output = model.decode(model.encode(part).latent_dist.mode()).sample.clamp(-1, 1)
        errors.append(((output - part) / 2).square().mean(dim=(1, 2, 3)))
    return float(-10 * torch.cat(errors).log10().mean())


def load_autoencoder(folder: RunFolder) -> AutoencoderKL:
    """The averaged autoencoder; raises FileNotFoundError before `train_autoencoder` has saved one."""
    state = folder.load(STAGE)
    if state is None:
        raise FileNotFoundError(f"{folder.checkpoint(STAGE)}: train the autoencoder first")
    model = new_autoencoder()
    model.load_state_dict(state["average"])
    return model.eval().requires_grad_(False)
