"""Who draws."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .domain import Model, Picture


@dataclass(frozen=True, slots=True)
class Drawn:
    pixels: NDArray[np.uint8]
    """Height x width x 3, RGB."""
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
