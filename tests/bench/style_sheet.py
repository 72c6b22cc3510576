"""A contact sheet: rows of pictures, a name at the left of each and headings on top."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont

from reelmill_diffusion import Image

_GAP, _LABEL, _HEAD = 4, 120, 22
_INK = (40, 40, 40)


def write_sheet(
    file: Path, headings: Sequence[tuple[str, int]], rows: Sequence[tuple[str, Sequence[Image]]], tile: int
) -> None:
    """`headings`: a text and how many columns it stands over; `rows`: a name and as many pictures."""
    columns = sum(count for _, count in headings)
    width = _LABEL + columns * (tile + _GAP) + (len(headings) - 1) * _GAP
    page = PilImage.new("RGB", (width, _HEAD + len(rows) * (tile + _GAP)), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    lefts: list[int] = []
    for number, (text, count) in enumerate(headings):
        first = _LABEL + len(lefts) * (tile + _GAP) + number * _GAP
        pen.text((first, 3), text, _INK, font)
        lefts += [first + i * (tile + _GAP) for i in range(count)]
    for number, (name, pictures) in enumerate(rows):
        top = _HEAD + number * (tile + _GAP)
        pen.multiline_text((4, top + tile // 3), name.replace(" ", "\n", 1), _INK, font)
        for left, picture in zip(lefts, pictures, strict=True):
            page.paste(PilImage.fromarray(picture).resize((tile, tile)), (left, top))
    file.parent.mkdir(parents=True, exist_ok=True)
    page.save(file, optimize=True)
