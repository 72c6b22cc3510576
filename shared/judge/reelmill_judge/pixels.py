"""Pictures of any size as a network takes them, with PyTorch alone (torchvision is not needed)."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .base import Pixels, check_pixels

_BATCH = 64


def choose_device(name: str) -> torch.device:
    """`auto` is a GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def squares(pixels: Pixels, side: int, device: torch.device) -> Iterator[Tensor]:
    """Batches `[n, 3, side, side]` in 0..1: the shorter side becomes `side`, of the longer the middle stays.

    Bicubic and antialiased, as CLIP's own preprocessing is. Raises ValueError for anything but pictures.
    """
    check_pixels(pixels)
    for first in range(0, len(pixels), _BATCH):
        some = torch.from_numpy(np.ascontiguousarray(pixels[first : first + _BATCH]))
        batch = some.to(device).permute(0, 3, 1, 2).float() / 255
        height, width = batch.shape[-2:]
        if (height, width) != (side, side):
            scale = side / min(height, width)
            size = (max(side, round(height * scale)), max(side, round(width * scale)))
            batch = interpolate(batch, size=size, mode="bicubic", antialias=True).clamp(0, 1)
            top, left = (size[0] - side) // 2, (size[1] - side) // 2
            batch = batch[..., top : top + side, left : left + side]
        yield batch
