"""Ways to make a picture other than by colouring it in: outlines on paper, a palette, tiles."""

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from reelmill_world import StyleVector

Pixels = NDArray[np.floating[Any]]

_LUMA: Final = np.array((0.3, 0.59, 0.11), np.float32)
# Twice the side of the blocks that the autoencoder sees as one: a grid that it can hold.
_TILE: Final = 8


def hollow(pixels: Pixels, amount: float, ink: float) -> Pixels:
    """Edges as lines of `ink` (below 0 dark on white paper, above 0 light on dark) in place of the fills."""
    steps = [
        np.abs(np.diff(pixels, axis=axis, append=np.take(pixels, [-1], axis=axis))).max(axis=2)
        for axis in (0, 1)
    ]
    edges = np.clip(3.0 * np.maximum(*steps) - 0.12, 0, 1)[..., None]
    paper, line = (np.float32(0.1), np.float32(0.96)) if ink > 0 else (np.float32(0.97), np.float32(0.08))
    # A trace of the fill stays, so that a dark coat is not a white one.
    ground = paper + 0.16 * (pixels - 0.5)
    lined: Pixels = ground + (line - ground) * edges
    return pixels + np.float32(amount) * (lined - pixels)


def toned(pixels: Pixels, style: StyleVector) -> Pixels:
    """Every brightness in its colour of the style's palette."""
    brightness = np.clip(pixels, 0, 1) @ _LUMA
    palette = np.array(
        [
            [(getattr(style, f"{part}_{colour}") + 1) / 2 for colour in ("red", "green", "blue")]
            for part in ("dark", "middle", "light")
        ],
        np.float32,
    )
    colours = [np.interp(brightness, (0.0, 0.5, 1.0), palette[:, channel]) for channel in range(3)]
    return pixels + np.float32(style.toned) * (np.stack(colours, axis=2).astype(np.float32) - pixels)


def tiled(pixels: Pixels, amount: float, ragged: float, grout: float) -> Pixels:
    """Tiles of one colour each, square or (`ragged` above 0) irregular, with gaps from dark to light."""
    labels, gaps = _shards(pixels.shape[0]) if ragged > 0 else _squares(pixels.shape[0])
    flat = pixels.reshape(-1, 3)
    counts = np.maximum(np.bincount(labels.ravel()), 1)
    means = np.stack(
        [np.bincount(labels.ravel(), flat[:, channel]) / counts for channel in range(3)], axis=1
    ).astype(np.float32)
    # Tiles of one flat colour would hide what a small picture shows.
    pixels = pixels + np.float32(0.5 * amount) * (means[labels] - pixels)
    gap = np.float32(amount) * gaps[..., None]
    return pixels + gap * (np.float32(0.5 + 0.45 * grout) - pixels)


@lru_cache(maxsize=4)
def _squares(size: int) -> tuple[NDArray[np.int64], Pixels]:
    place = np.arange(size)
    numbers = place // _TILE
    labels = numbers[:, None] * (size // _TILE + 1) + numbers[None, :]
    edge = (place % _TILE == 0).astype(np.float32)
    return labels, np.maximum(edge[:, None], edge[None, :]) * np.float32(0.75)


@lru_cache(maxsize=4)
def _shards(size: int) -> tuple[NDArray[np.int64], Pixels]:
    """The same shards in every picture: a pattern that changed each time could not be learned."""
    rng = np.random.default_rng(0)
    pitch = 1.5 * _TILE
    rows = np.arange(pitch / 2, size + pitch, pitch)
    seeds = np.stack(np.meshgrid(rows, rows, indexing="ij"), axis=-1).reshape(-1, 2)
    seeds += rng.uniform(-0.38 * pitch, 0.38 * pitch, seeds.shape)
    place = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), axis=-1).reshape(-1, 2)
    distance = np.linalg.norm(place[:, None] - seeds[None], axis=2)
    nearest, second = np.partition(distance, 1, axis=1)[:, :2].T
    labels = distance.argmin(axis=1).reshape(size, size)
    gaps = np.clip(1.5 - (second - nearest), 0, 1).astype(np.float32).reshape(size, size)
    return labels, gaps
