"""Wears drawings out, so that the judge reads pictures that a model has drawn, whose edges are less sure."""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, pad

_SHIFT = 3


def shifted(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """`pixels` (N, 3, H, W) moved by up to three pixels, each on its own; the edge is repeated."""
    height, width = pixels.shape[-2:]
    wide = pad(pixels, (_SHIFT,) * 4, mode="replicate")
    moves = torch.randint(0, 2 * _SHIFT + 1, (len(pixels), 2), generator=generator).tolist()
    return torch.stack(
        [one[:, y : y + height, x : x + width] for one, (y, x) in zip(wide, moves, strict=True)]
    )


def worn(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """`pixels` (N, 3, H, W) in 0..1 bent a little, blurred, and with colours that are not quite right."""
    count, _, height, width = pixels.shape
    base = torch.stack(
        torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="xy"), dim=-1
    )
    coarse = torch.randn(count, 2, 10, 10, generator=generator)
    strength = torch.rand(count, 1, 1, 1, generator=generator) * 0.025
    bend = interpolate(coarse * strength, size=(height, width), mode="bicubic").permute(0, 2, 3, 1)
    bent = grid_sample(pixels, base + bend, padding_mode="border", align_corners=True)
    side = int(torch.randint(height // 2, height + 1, (1,), generator=generator))
    small = interpolate(bent, size=(side, side), mode="bilinear", antialias=True)
    blurred = interpolate(small, size=(height, width), mode="bilinear")
    blend = torch.rand(count, 1, 1, 1, generator=generator)
    mixed = bent + blend * (blurred - bent)
    gain = 1 + 0.05 * torch.randn(count, 3, 1, 1, generator=generator)
    stains = interpolate(
        torch.randn(count, 3, 16, 16, generator=generator), size=(height, width), mode="bilinear"
    )
    stained = mixed * gain + 0.02 * torch.rand(count, 1, 1, 1, generator=generator) * stains
    return stained.clamp(0, 1)
