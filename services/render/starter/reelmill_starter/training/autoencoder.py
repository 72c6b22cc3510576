"""The autoencoder: 128 px pictures to latents of 16 x 16 x 6 and back, trained on crops.

Three of the six channels are held near the picture's colours at an eighth of its size. Without that an
autoencoder as small as this, trained for minutes, learns edges first and colours late; and a diffusion model
learns such latents faster, because composition and colour lie open in them.
"""

import time

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from reelmill_starter.training.adopting import adopted
from reelmill_starter.training.parts import new_autoencoder
from reelmill_starter.training.pictures import VALIDATION_START, picture_batches
from reelmill_starter.training.run import RunFolder, cosine, say, update_average
from reelmill_starter.training.shortcut import COLOUR_SCALE

# Most of what an autoencoder learns is local, and small crops make many more steps in the same time.
_CROPS = ((0.6, 32), (1.0, 64))
_BATCH = 12
RATE = 1e-3
STAGE = "autoencoder"


def to_tensor(pixels: np.ndarray) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) in -1..1."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


def reconstruction_loss(output: Tensor, target: Tensor) -> Tensor:
    """Absolute and squared error of the pixels, and absolute error of their differences, which keep edges."""
    loss = functional.l1_loss(output, target) + functional.mse_loss(output, target)
    for axis in (2, 3):
        loss = loss + 0.25 * functional.l1_loss(output.diff(dim=axis), target.diff(dim=axis))
    return loss


def train_autoencoder(folder: RunFolder, *, seed: int, minutes: float, pictures: int) -> None:
    """Trains for `minutes` of work in all, over as many starts as it takes, on `pictures` drawings."""
    torch.manual_seed(seed)
    model, average = new_autoencoder(), new_autoencoder()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=1e-4)
    step, worked = 0, 0.0
    if state := folder.load(STAGE):
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, worked = state["step"], state["worked"]
    else:
        if begun := adopted(folder):
            model.load_state_dict(begun["autoencoder"])
        average.load_state_dict(model.state_dict())
    if worked >= minutes * 60:
        say(f"autoencoder: already trained ({step} steps, {worked / 60:.1f} min)")
        return
    size = sum(p.numel() for p in model.parameters()) / 1e6
    say(f"autoencoder: {size:.2f} M parameters; drawing {pictures} pictures")
    drawn = np.concatenate([batch.pixels for batch in picture_batches(seed, 0, pictures)])
    validation = to_tensor(np.concatenate([b.pixels for b in picture_batches(seed, VALIDATION_START, 64)]))
    say("autoencoder: training")
    last, saved = time.monotonic(), time.monotonic()
    # What was adopted needs no small crops first, nor large steps.
    crops, rate = (_CROPS[-1:], RATE / 2) if adopted(folder) else (_CROPS, RATE)
    while worked < minutes * 60:
        crop = next(size for end, size in crops if worked <= end * minutes * 60)
        target = _crops(drawn, crop, np.random.default_rng((seed, step)))
        factor = min(1.0, (step + 1) / 200) * cosine(worked / (minutes * 60))
        for group in optimiser.param_groups:
            group["lr"] = rate * factor
        posterior = model.encode(target).latent_dist
        output = model.decode(posterior.sample()).sample
        colours = functional.mse_loss(posterior.mean[:, :3], COLOUR_SCALE * functional.avg_pool2d(target, 8))
        spread = posterior.kl().mean() / posterior.mean[0].numel()
        loss = reconstruction_loss(output, target) + 0.2 * colours + 1e-3 * spread
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        update_average(average, model, min(0.998, (step + 1) / (step + 10)))
        step += 1
        now = time.monotonic()
        worked, last = worked + now - last, now
        if step % 100 == 0:
            say(f"autoencoder: step {step}, {worked / 60:.1f} of {minutes} min, loss {loss.item():.4f}")
        if now - saved > 60 or worked >= minutes * 60:
            state = {"model": model.state_dict(), "average": average.state_dict()}
            folder.save(STAGE, {**state, "optimiser": optimiser.state_dict(), "step": step, "worked": worked})
            say(f"autoencoder: saved; validation {psnr(average, validation):.2f} dB")
            saved = time.monotonic()
        folder.wait_while_paused()
        last = time.monotonic()


def _crops(drawn: np.ndarray, size: int, rng: np.random.Generator) -> Tensor:
    corners = rng.integers(0, drawn.shape[1] - size + 1, (_BATCH, 2))
    chosen = rng.integers(0, len(drawn), _BATCH)
    crops = [drawn[i, y : y + size, x : x + size] for i, (y, x) in zip(chosen, corners, strict=True)]
    return to_tensor(np.stack(crops))


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
