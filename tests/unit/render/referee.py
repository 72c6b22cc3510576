"""A Judge without a network: what it says of a picture follows from the picture's bytes."""

import asyncio
import hashlib
import random
from collections.abc import Callable

import numpy as np

from reelmill_render.gate import Score, Scores
from reelmill_render.ports import Pixels, Vector, Verdict

Opinion = Callable[[random.Random], Scores]


def by_luck(rng: random.Random) -> Scores:
    """Style and text each right in about half of the pictures."""
    style, text = rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3)
    return Scores(Score(style, _rank(style)), Score(text, _rank(text)))


def never(rng: random.Random) -> Scores:
    style = rng.uniform(-0.4, -0.1)
    return Scores(Score(style, _rank(style)), Score(0.2, 1))


def always(rng: random.Random) -> Scores:
    return Scores(Score(0.1, 1), Score(rng.uniform(0, 0.2), 1))


def _rank(margin: float) -> int:
    return 1 if margin > 0 else 2 + int(-margin * 30)


class Referee:
    def __init__(self) -> None:
        self.now = "e" * 64
        self.opinion: Opinion = by_luck
        self.texts: list[str] = []
        self.own_styles: list[Vector | None] = []
        self.failure: Exception | None = None
        self.seconds = 0.0
        self.at_once = 0
        self._known: str | None = None

    @property
    def judged(self) -> int:
        """Pictures judged for their text: frames, not references."""
        return sum(bool(text) for text in self.texts)

    async def digest(self) -> str:
        if self.failure is not None:
            raise self.failure
        self._known = self._known or self.now
        return self._known

    def forget(self) -> None:
        self._known = None

    async def judge(self, pixels: Pixels, text: str, own_style: Vector | None) -> Verdict:
        self.at_once += 1
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.at_once -= 1
        if self.failure is not None:
            raise self.failure
        self.texts.append(text)
        self.own_styles.append(own_style)
        found = self.opinion(random.Random(hashlib.sha256(pixels.tobytes()).digest()))
        scores = Scores(found.style if own_style is not None else None, found.text if text else None)
        mean = pixels.reshape(-1, 3).mean(axis=0) + 1
        return Verdict(scores, (mean / np.linalg.norm(mean)).astype(np.float32), self.now)

    async def check(self) -> None:
        return None
