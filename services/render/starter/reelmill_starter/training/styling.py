"""Teaches the text space what styles are: a style's coordinates become vectors that stand in captions.

Words reach a few styles only. In training `<style>` in a caption is replaced by vectors that a small network
makes of the picture's style, so the UNet learns to draw what vectors say, all over the style space. The
network itself is for training alone: textual inversion later finds the vectors of a style from pictures, and
finds them fast, because there is a place for every style.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel

from reelmill_starter.training.parts import TEXT_WIDTH
from reelmill_world import STYLE_AXES

# How many vectors a style is spread over: most often four, and one, so that either form can be learned.
VECTOR_COUNTS: Final = (4, 1)
_HIDDEN: Final = 256


class StyleVectors(nn.Module):
    """Style coordinates (N, axes) to vectors (N, count, width) as long as the model's ordinary tokens."""

    def __init__(self, length: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(len(STYLE_AXES), _HIDDEN), nn.SiLU(), nn.Linear(_HIDDEN, _HIDDEN), nn.SiLU()
        )
        self.heads = nn.ModuleDict(
            {str(count): nn.Linear(_HIDDEN, count * TEXT_WIDTH) for count in VECTOR_COUNTS}
        )
        self.length = nn.Parameter(torch.tensor(length), requires_grad=False)

    def forward(self, styles: Tensor, count: int) -> Tensor:
        """Vectors for `count` places."""
        made: Tensor = self.heads[str(count)](self.body(styles)).unflatten(-1, (count, TEXT_WIDTH))
        return nn.functional.normalize(made, dim=-1) * self.length


def token_length(encoder: CLIPTextModel) -> float:
    """Median length of the encoder's token vectors."""
    weight = encoder.get_input_embeddings().weight.detach()
    return float(weight.norm(dim=1).median())


@contextmanager
def styled(encoder: CLIPTextModel, places: Tensor, vectors: Tensor) -> Iterator[None]:
    """Inside, `encoder` sees `vectors` (N, count, width) where `places` (N, tokens) holds their numbers."""
    which = places.clamp(min=0)[:, :, None].expand(-1, -1, vectors.shape[-1])
    here = (places >= 0)[:, :, None]

    def replace(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        return torch.where(here, vectors.gather(1, which).to(output.dtype), output)

    handle = encoder.get_input_embeddings().register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()
