"""What diffusion is trained on: pictures as latents, and their captions as tokens, made once and kept."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Final, Self

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor
from transformers import CLIPTokenizer

from reelmill_starter.training.adopting import adopted
from reelmill_starter.training.autoencoder import load_autoencoder, to_tensor
from reelmill_starter.training.parts import mixed_precision
from reelmill_starter.training.pictures import VALIDATION_START, PictureBatch, draw_batch, example, in_order
from reelmill_starter.training.run import RunFolder, say
from reelmill_starter.training.words import encode_styled, load_tokenizer

SHARD: Final = 1024
VALIDATION_COUNT: Final = 128
# Every picture has this many captions; the numbers say over how many vectors a style in them is spread.
CAPTION_VECTORS: Final = (4, 4, 4, 1)
# How often vectors stand for a style in place of words.
_STYLE_TOKENS: Final = 0.7
_TASK: Final = 128


@dataclass(frozen=True, slots=True)
class Cached:
    """N pictures: unscaled `latents` (N, 8, 24, 24) and figure `masks` (N, 24, 24) in 0..1, both float16;
    `tokens` (N, captions, length) int16 and `places` int8, see `encode_styled`; style coordinates `styles`
    (N, axes) float32; and whether the style has a name, `named` (N)."""

    latents: Tensor
    masks: Tensor
    tokens: Tensor
    places: Tensor
    styles: Tensor
    named: Tensor

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `cache_latents` wrote."""
        with np.load(path) as stored:
            return cls(*(torch.from_numpy(stored[field.name]) for field in fields(cls)))

    def write(self, path: Path) -> None:
        """A crash leaves no file or a whole one."""
        draft = path.with_suffix(".draft.npz")
        np.savez(draft, **{field.name: getattr(self, field.name).numpy() for field in fields(self)})
        draft.replace(path)

    def to(self, device: torch.device) -> "Cached":
        """The same on `device`."""
        return Cached(*(getattr(self, field.name).to(device) for field in fields(self)))

    @classmethod
    def joined(cls, parts: "list[Cached]") -> Self:
        """All of `parts` in order."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What a drawing process makes: everything but the latents."""

    pictures: PictureBatch
    tokens: NDArray[np.int16]
    places: NDArray[np.int8]
    styles: NDArray[np.float32]
    named: NDArray[np.bool_]


_tokenizer = cache(load_tokenizer)


def captions(
    tokenizer: CLIPTokenizer, seed: int, start: int, count: int
) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Tokens and places (N, captions, length) of examples `start` .. `start + count - 1`."""
    tokens, places = [], []
    for number, vectors in enumerate(CAPTION_VECTORS):
        texts = [
            example(seed, index).caption(Random(f"{seed}/{index}/{number}"), _STYLE_TOKENS)
            for index in range(start, start + count)
        ]
        ids, where = encode_styled(tokenizer, texts, vectors)
        tokens.append(ids.numpy().astype(np.int16))
        places.append(where.numpy().astype(np.int8))
    return np.stack(tokens, axis=1), np.stack(places, axis=1)


def _draw(tokenizer: Path, seed: int, start: int, count: int) -> _Drawn:
    examples = [example(seed, index) for index in range(start, start + count)]
    return _Drawn(
        draw_batch(seed, start, count),
        *captions(_tokenizer(tokenizer), seed, start, count),
        np.array([one.style.values() for one in examples], np.float32),
        np.array([one.style_name is not None for one in examples]),
    )


@torch.no_grad()
def encode(autoencoder: AutoencoderKL, pixels: NDArray[np.uint8]) -> Tensor:
    """(N, H, W, 3) uint8 to unscaled latents (N, 8, H/8, W/8) in float16, on the processor."""
    device = autoencoder.device
    parts = []
    with mixed_precision(device):
        for part in torch.split(torch.from_numpy(pixels), 16 if device.type == "cpu" else _TASK):
            parts.append(autoencoder.encode(to_tensor(part.to(device))).latent_dist.mode().half().cpu())
    return torch.cat(parts)


def cache_latents(
    folder: RunFolder, *, seed: int, shards: int, workers: int = 1, device: torch.device | None = None
) -> None:
    """Writes validation latents and `shards` files of 1,024 training latents; skips those already there.

    A run that adopted a model draws pictures that this one has not seen.
    """
    target = folder.path / "latents"
    target.mkdir(exist_ok=True)
    starts = {target / "validation.npz": (VALIDATION_START, VALIDATION_COUNT)}
    source = adopted(folder)
    seen = int(source["record"]["images"]) if source else 0
    starts |= {target / f"{number:05}.npz": (seen + number * SHARD, SHARD) for number in range(shards)}
    missing = {path: span for path, span in starts.items() if not path.exists()}
    tokenizer = folder.path / "tokenizer"
    tasks = (
        partial(_draw, tokenizer, seed, start, min(_TASK, count))
        for first, count in missing.values()
        for start in range(first, first + count, _TASK)
    )
    drawn = in_order(tasks, workers)
    autoencoder = load_autoencoder(folder).to(device or torch.device("cpu"))
    for path, (_, count) in missing.items():
        begun = time.monotonic()
        Cached.joined([_cached(autoencoder, next(drawn)) for _ in range(-(-count // _TASK))]).write(path)
        say(f"latents: {path.stem} of {shards}, {count / (time.monotonic() - begun):.0f} pictures/s")
        folder.wait_while_paused()


def _cached(autoencoder: AutoencoderKL, drawn: _Drawn) -> Cached:
    return Cached(
        encode(autoencoder, drawn.pictures.pixels),
        *map(
            torch.from_numpy,
            (drawn.pictures.masks, drawn.tokens, drawn.places, drawn.styles, drawn.named),
        ),
    )


class LatentPool:
    """All training latents on disk, on `device`; `refresh` takes up files that appeared since."""

    def __init__(self, folder: RunFolder, device: torch.device) -> None:
        self._path = folder.path / "latents"
        self._device = device
        self._shards = 0
        self._all: Cached | None = None
        self.refresh()

    def __len__(self) -> int:
        return self._shards * SHARD

    @property
    def all(self) -> Cached:
        """Every example so far; raises FileNotFoundError before the first file is there."""
        if self._all is None:
            raise FileNotFoundError(f"{self._path}: make latents first")
        return self._all

    def refresh(self) -> None:
        """Reads new files, in order of their numbers."""
        parts = [part.to(self._device) for part in self._new()]
        if parts:
            self._shards += len(parts)
            self._all = Cached.joined([self._all, *parts] if self._all else parts)
            self.named = self._all.named.cpu().numpy()

    def _new(self) -> Iterator[Cached]:
        number = self._shards
        while (path := self._path / f"{number:05}.npz").exists():
            yield Cached.read(path)
            number += 1

    def deviation(self) -> float:
        """Standard deviation of the first file's latents: their inverse scales latents to one."""
        return float(self.all.latents[:SHARD].float().std())
