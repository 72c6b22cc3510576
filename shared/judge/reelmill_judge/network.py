"""The networks of our own judge: one looks at pictures, one reads captions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

SIDE: Final = 128
_CELLS: Final = 8 * 8


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes that the weights depend on. `answers` is the number of answers of each question, in order."""

    answers: tuple[int, ...]
    axes: int
    tokens: int
    longest: int = 64
    channels: tuple[int, int, int] = (48, 96, 192)
    squeezed: int = 32
    gazes: int = 16
    gaze: int = 96
    features: int = 512
    content: int = 128
    style: int = 64
    text: int = 128
    text_layers: int = 2

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """From a JSON object, where tuples are lists."""
        sizes: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in settings.items()}
        return cls(**sizes)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in N pictures.

    `answers`: logits (N, answers) for every question; `content` (N, C) and `style` (N, S): unit length;
    `style_values` (N, axes).
    """

    answers: Sequence[Tensor]
    content: Tensor
    style: Tensor
    style_values: Tensor


def _convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Block(nn.Module):
    """A residual block that is narrow inside, for a CPU's sake."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            _convolution(width, width // 2, 1),
            _convolution(width // 2, width // 2),
            nn.Conv2d(width // 2, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return torch.relu(maps + self.change(maps))


class _Gazes(nn.Module):
    """Several looks at places of their own choice: what is small, a face or a thing in a hand, is seen there.

    Each is a mean over the 16 x 16 cells with weights that follow from what is in them and where they are.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        _, middle, far = shape.channels
        self.where = nn.Conv2d(middle + far, shape.gazes, 1)
        self.habit = nn.Parameter(torch.randn(shape.gazes, 4 * _CELLS) * 0.3)
        self.what = _convolution(middle + far, shape.gaze, 1)

    def forward(self, middle: Tensor, far: Tensor) -> Tensor:
        """Maps of 16 x 16 and 8 x 8 cells to (N, gazes * gaze)."""
        maps = torch.cat([middle, interpolate(far, scale_factor=2.0)], dim=1)
        where = (self.where(maps).flatten(2) + self.habit).softmax(dim=2)
        return torch.bmm(where, self.what(maps).flatten(2).transpose(1, 2)).flatten(1)


class Eye(nn.Module):
    """Looks at pictures (N, 3, 128, 128) in 0..1.

    What is where is kept: the last maps go on cell by cell, so that left and right never mix, and what is
    small is looked at where it is, in finer maps. How a picture is drawn is read off the first maps' means
    and deviations alone, which know little of what is where.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        near, middle, far = shape.channels
        self.sizes = list(shape.answers)
        self.near = nn.Sequential(nn.PixelUnshuffle(2), _convolution(12, near, stride=2), _Block(near))
        self.middle = nn.Sequential(_convolution(near, middle, stride=2), _Block(middle), _Block(middle))
        self.far = nn.Sequential(_convolution(middle, far, stride=2), _Block(far), _Block(far))
        self.layout = nn.Sequential(_convolution(far, shape.squeezed, 1), nn.Flatten(), nn.Dropout(0.1))
        self.gazes = _Gazes(shape)
        self.features = nn.Sequential(
            nn.Linear(_CELLS * shape.squeezed + shape.gazes * shape.gaze, shape.features),
            nn.BatchNorm1d(shape.features),
            nn.ReLU(inplace=True),
        )
        self.answers = nn.Linear(shape.features, sum(shape.answers))
        self.content = nn.Linear(shape.features, shape.content)
        self.manner = nn.Sequential(nn.Linear(2 * (near + middle), 256), nn.ReLU(inplace=True))
        self.style = nn.Linear(256, shape.style)
        self.style_values = nn.Linear(256, shape.axes)

    def forward(self, pixels: Tensor) -> Seen:
        near = self.near((pixels - 0.5) * 4)
        middle = self.middle(near)
        far = self.far(middle)
        features = self.features(torch.cat([self.layout(far), self.gazes(middle, far)], dim=1))
        manner = self.manner(torch.cat([*_statistics(near), *_statistics(middle)], dim=1))
        return Seen(
            answers=torch.split(self.answers(features), self.sizes, dim=1),
            content=normalize(self.content(features), dim=1),
            style=normalize(self.style(manner), dim=1),
            style_values=self.style_values(manner),
        )


def _statistics(maps: Tensor) -> tuple[Tensor, Tensor]:
    # Variance by the mean of squares: several times faster than torch.var on these.
    mean = maps.mean(dim=(2, 3))
    variance = maps.square().mean(dim=(2, 3)) - mean.square()
    return mean, (variance.clamp(min=0) + 1e-4).sqrt()


class Reader(nn.Module):
    """Reads captions as token numbers (N, L), 0 where there is none."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.longest = shape.longest
        self.words = nn.Embedding(shape.tokens, shape.text, padding_idx=0)
        self.places = nn.Parameter(torch.randn(shape.longest, shape.text) * 0.02)
        layer = nn.TransformerEncoderLayer(
            shape.text, 4, 2 * shape.text, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, shape.text_layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(shape.text)
        self.content = nn.Linear(shape.text, shape.content)

    def states(self, tokens: Tensor) -> Tensor:
        """What was read, (N, text), before it is brought to the pictures' space."""
        nothing = tokens == 0
        states = self.words(tokens) + self.places[: tokens.shape[1]]
        states = self.norm(self.layers(states, src_key_padding_mask=nothing))
        there = (~nothing).unsqueeze(-1).float()
        mean: Tensor = (states * there).sum(dim=1) / there.sum(dim=1)
        return mean

    def forward(self, tokens: Tensor) -> Tensor:
        """Unit vectors (N, C) in the space of `Seen.content`."""
        return normalize(self.content(self.states(tokens)), dim=1)


class Network(nn.Module):
    """Both, as they are trained and stored together."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.eye = Eye(shape)
        self.reader = Reader(shape)
