"""Who draws and who judges."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .domain import Model, Picture
from .gate import Scores

Pixels = NDArray[np.uint8]
"""Height x width x 3, RGB."""
Vector = NDArray[np.float32]
"""A direction in a judge's space of styles, of length 1."""


@dataclass(frozen=True, slots=True)
class Drawn:
    pixels: Pixels
    model_digest: str
    """Of the model that drew it: by then it may be another than the one asked about."""


class Renderer(Protocol):
    """Raises RENDERER_UNAVAILABLE where trying again may help, MODEL_REJECTED where it will not."""

    async def model(self) -> Model:
        """The model that draws now; asked for once and remembered."""

    async def draw(self, picture: Picture, embedding: bytes) -> Drawn:
        """Draws one picture. `embedding`: the style's safetensors file, b"" for none. Cancelling ends it."""

    def forget_model(self) -> None:
        """Another model was seen to draw: the next `model()` asks anew."""

    async def check(self) -> None:
        """Returns if frames can be drawn now."""


@dataclass(frozen=True, slots=True)
class Verdict:
    scores: Scores
    style: Vector
    """Where the picture's style lies."""
    judge_digest: str
    """Of the judge that said so: by then it may be another than the one asked about."""


class Judge(Protocol):
    """Raises RENDERER_UNAVAILABLE where trying again may help, MODEL_REJECTED where it will not."""

    async def digest(self) -> str:
        """Of the judge that judges now; asked for once and remembered."""

    async def judge(self, pixels: Pixels, text: str, own_style: Vector | None) -> Verdict:
        """Scores a picture for its text and against its movie's style; "" and None: not for that."""

    def forget(self) -> None:
        """Another judge was seen: the next `digest()` asks anew."""

    async def check(self) -> None:
        """Returns if frames can be judged now."""


class Replaced(Exception):
    """Triton answered with another model, or judge, than the one asked about: ask again, and do it anew."""

    def __init__(self, what: str, asked: str, answered: str) -> None:
        super().__init__(f"another {what}")
        self.what = what
        self.asked = asked
        self.answered = answered
