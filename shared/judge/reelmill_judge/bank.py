"""What a picture is compared with: other styles and other texts, the same for every judge.

A bank is a directory with `styles.webp`, a sheet of small pictures, one style a row, every row the same
scenes, and `bank.json`: {"tile": pixels, "scenes": columns, "styles": names of the rows, "texts": captions}.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from PIL import Image

from .base import Embeddings, Judge, JudgeError, Pixels, read_settings
from .scores import centroid

SHEET: Final = "styles.webp"
LIST: Final = "bank.json"


@dataclass(frozen=True, slots=True)
class Bank:
    """`style_centroids` `[B, S]` of the styles `styles`, and `texts` `[T, D]` of the captions `captions`."""

    styles: tuple[str, ...]
    captions: tuple[str, ...]
    style_centroids: Embeddings
    texts: Embeddings

    @classmethod
    def load(cls, directory: Path | str, judge: Judge) -> Self:
        """Shows the bank's pictures and captions to `judge`: seconds. Raises JudgeError if it is broken."""
        listed = read_settings(Path(directory) / LIST)
        try:
            styles, captions = tuple(listed["styles"]), tuple(listed["texts"])
            rows = _rows(Path(directory) / SHEET, int(listed["tile"]), len(styles), int(listed["scenes"]))
        except (KeyError, ValueError, TypeError, OSError) as error:
            raise JudgeError(f"{directory} is not a bank: {error!r}") from error
        centroids = np.stack([centroid(judge.styles(row)) for row in rows]).astype(np.float32)
        return cls(styles, captions, centroids, judge.texts(captions))


def _rows(sheet: Path, tile: int, rows: int, columns: int) -> Pixels:
    """Pictures (rows, columns, tile, tile, 3) of a sheet without gaps."""
    with Image.open(sheet) as image:
        pixels: Pixels = np.asarray(image.convert("RGB"))
    if pixels.shape != (rows * tile, columns * tile, 3):
        raise ValueError(f"{sheet} is {pixels.shape}, not {rows} rows of {columns} tiles of {tile} pixels")
    return pixels.reshape(rows, tile, columns, tile, 3).swapaxes(1, 2)
