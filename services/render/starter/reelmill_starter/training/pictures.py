"""Drawn training pictures, made by several processes, the same for the same seed."""

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from reelmill_starter.drawing import Drawing, draw
from reelmill_world import (
    NAMED_STYLES,
    SceneDescription,
    StyleVector,
    caption,
    is_held_out,
    random_scene,
    random_style,
    style_words,
)

Result = TypeVar("Result")

# Side of the pictures that the renderer is trained on, in pixels.
SIZE: Final = 192
# Validation pictures are numbered from here, training pictures from 0.
VALIDATION_START: Final = 1_000_000_000
PLAIN: Final = "plain"
# Stands in a caption where vectors, not words, say the style.
STYLE_TOKEN: Final = "<style>"  # noqa: S105 - a word of captions


@dataclass(frozen=True, slots=True)
class Example:
    """Picture number `index` of a seed: what it shows and how. `style_name` is set where it has a name."""

    scene: SceneDescription
    style: StyleVector
    style_name: str | None
    seed: int

    def draw(self, size: int) -> Drawing:
        """The picture, `size` pixels wide."""
        return draw(self.scene, self.style, seed=self.seed, size=size)

    def caption(self, rng: random.Random, tokens: float = 0.0) -> str:
        """English for this picture; a named style goes by its name, its adjectives or both.

        With a chance of `tokens` (a third of it for named styles) the style is `STYLE_TOKEN`.
        """
        return caption(self.scene, self._style_words(rng, tokens), None if rng.random() < 0.5 else rng)

    def _style_words(self, rng: random.Random, tokens: float) -> str | None:
        if rng.random() < (tokens if self.style_name is None else tokens / 3):
            return STYLE_TOKEN
        words = style_words(self.style, limit=rng.randint(3, 6))
        if self.style_name is None:
            return words
        if self.style_name == PLAIN and rng.random() < 0.5:
            return None
        return rng.choice((self.style_name,) * 3 + (f"{words} {self.style_name}", words))

    def canonical_caption(self) -> str:
        """The prompt that asks for this picture in the usual form."""
        return caption(self.scene, self.style_name or style_words(self.style))


def example(seed: int, index: int) -> Example:
    """Example number `index`: 15 % plain, 35 % in named styles, the rest anywhere in style space.

    Combinations that are held out for measuring never occur.
    """
    rng = random.Random(f"{seed}/{index}")
    scene = random_scene(rng)
    while is_held_out(scene):
        scene = random_scene(rng)
    roll = rng.random()
    name: str | None = None
    if roll < 0.15:
        name, style = PLAIN, StyleVector()
    elif roll < 0.5:
        name = rng.choice(tuple(NAMED_STYLES))
        style = NAMED_STYLES[name]
    else:
        style = random_style(rng)
    return Example(scene, style, name, seed=rng.getrandbits(31))


@dataclass(frozen=True, slots=True)
class PictureBatch:
    """Pictures (N, H, W, 3) uint8 and figure masks (N, H/8, W/8) in 0..1."""

    pixels: NDArray[np.uint8]
    masks: NDArray[np.float16]


def draw_batch(seed: int, start: int, count: int) -> PictureBatch:
    """Draws examples `start` .. `start + count - 1`."""
    drawings = [example(seed, start + offset).draw(SIZE) for offset in range(count)]
    pixels = np.stack([drawing.pixels for drawing in drawings])
    masks = np.stack([drawing.mask for drawing in drawings])
    small = masks.reshape(count, SIZE // 8, 8, SIZE // 8, 8).mean(axis=(2, 4)).astype(np.float16)
    return PictureBatch(pixels, small)


def drawn_pictures(seed: int, start: int, count: int, *, workers: int, batch: int = 128) -> NDArray[np.uint8]:
    """Examples `start` .. `start + count - 1` as (N, SIZE, SIZE, 3), drawn by `workers` processes."""
    starts = range(start, start + count, batch)
    tasks = (partial(draw_batch, seed, first, min(batch, start + count - first)) for first in starts)
    return np.concatenate([drawn.pixels for drawn in in_order(tasks, workers)])


def in_order(tasks: Iterable[Callable[[], Result]], workers: int) -> Iterator[Result]:
    """Results of picklable `tasks`, worked on by processes that do not run far ahead of the reader."""
    waiting: deque[Future[Result]] = deque()
    with ProcessPoolExecutor(workers) as pool:
        for task in tasks:
            waiting.append(pool.submit(task))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
