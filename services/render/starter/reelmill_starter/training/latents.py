"""Latents of drawn pictures, encoded once and kept in files, so that diffusion training only reads."""

import time
from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray

from reelmill_starter.training.autoencoder import load_autoencoder, to_tensor
from reelmill_starter.training.pictures import VALIDATION_START, picture_batches
from reelmill_starter.training.run import RunFolder, say

SHARD: Final = 1024
VALIDATION_COUNT: Final = 128


def encode(autoencoder: AutoencoderKL, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
    """(N, H, W, 3) uint8 to unscaled latents (N, 6, H/8, W/8)."""
    with torch.no_grad():
        parts = [autoencoder.encode(part).latent_dist.mode() for part in torch.split(to_tensor(pixels), 16)]
    return torch.cat(parts).half().numpy()


def cache_latents(folder: RunFolder, *, seed: int, shards: int) -> None:
    """Writes validation latents and `shards` files of 1,024 training latents; skips those already there."""
    autoencoder = load_autoencoder(folder)
    target = folder.path / "latents"
    target.mkdir(exist_ok=True)
    if not (target / "validation.npz").exists():
        _write_shard(autoencoder, target / "validation.npz", seed, VALIDATION_START, VALIDATION_COUNT)
    for number in range(shards):
        path = target / f"{number:05}.npz"
        if not path.exists():
            start = time.monotonic()
            _write_shard(autoencoder, path, seed, number * SHARD, SHARD)
            rate = SHARD / (time.monotonic() - start)
            say(f"latents: {number + 1} of {shards} files, {rate:.0f} pictures/s")
        folder.wait_while_paused()


def _write_shard(autoencoder: AutoencoderKL, path: Path, seed: int, start: int, count: int) -> None:
    latents, masks = [], []
    for batch in picture_batches(seed, start, count, workers=1):
        latents.append(encode(autoencoder, batch.pixels))
        masks.append(batch.masks)
    draft = path.with_suffix(".draft.npz")
    np.savez(draft, latents=np.concatenate(latents), masks=np.concatenate(masks))
    draft.replace(path)


class LatentPool:
    """All training latents on disk, in memory; `refresh` takes up files that appeared since."""

    def __init__(self, folder: RunFolder) -> None:
        self._path = folder.path / "latents"
        self._latents: list[NDArray[np.float16]] = []
        self._masks: list[NDArray[np.float16]] = []
        self.refresh()

    def __len__(self) -> int:
        return len(self._latents) * SHARD

    def refresh(self) -> None:
        """Reads new files, in order of their numbers."""
        while (path := self._path / f"{len(self._latents):05}.npz").exists():
            latents, masks = read_shard(path)
            self._latents.append(latents)
            self._masks.append(masks)

    def take(self, indices: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """Unscaled latents (N, 6, 16, 16) and figure masks (N, 1, 16, 16) of these examples."""
        places = [divmod(int(index), SHARD) for index in indices]
        latents = np.stack([self._latents[shard][row] for shard, row in places])
        masks = np.stack([self._masks[shard][row] for shard, row in places])
        return torch.from_numpy(latents).float(), torch.from_numpy(masks).float()[:, None]

    def deviation(self) -> float:
        """Standard deviation of the first file's latents: their inverse scales latents to one."""
        return float(self._latents[0].astype(np.float32).std())


def read_shard(path: Path) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Latents and masks of one file."""
    with np.load(path) as stored:
        return stored["latents"], stored["masks"]
