"""A Renderer without a diffusion model: paints a picture's digest."""

import asyncio

import numpy as np
from numpy.typing import NDArray

from reelmill_render.domain import Drawing, Model, Picture
from reelmill_render.ports import Drawn

MODEL = Model("a" * 64, Drawing(steps=20, guidance_scale=4.0, scheduler="DDIMScheduler", width=64, height=64))


class Painter:
    def __init__(self) -> None:
        self.now = MODEL
        self.drawn: list[Picture] = []
        self.embeddings: list[bytes] = []
        self.at_once = 0
        self.most_at_once = 0
        self.cancelled = 0
        self.seconds = 0.0
        self.failure: Exception | None = None
        self._known: Model | None = None

    async def model(self) -> Model:
        self._known = self._known or self.now
        return self._known

    def forget_model(self) -> None:
        self._known = None

    async def draw(self, picture: Picture, embedding: bytes) -> Drawn:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
            if self.failure is not None:
                raise self.failure
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1
        self.drawn.append(picture)
        self.embeddings.append(embedding)
        return Drawn(paint(picture), self.now.digest)

    async def check(self) -> None:
        return None


def paint(picture: Picture) -> NDArray[np.uint8]:
    row = np.frombuffer(bytes.fromhex(picture.input_digest), np.uint8)
    height, width = picture.drawing.height, picture.drawing.width
    return np.resize(row, (height, width, 3))
