"""All frames of a movie on one picture, a row for each scene."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from reelmill.v1 import script_pb2

BACKGROUND, TITLE_COLOUR, TEXT_COLOUR, DIM_COLOUR = "#14161a", "#f4f1ea", "#c9c6bf", "#85827c"
MARGIN, GAP = 36, 14
LABEL_LINES = 2
LARGE, MEDIUM, SMALL = 208, 128, 64
"""Sides of a frame on the sheet in pixels, for movies up to 150, up to 400, and of more frames."""


def contact_sheet(script: script_pb2.Script, frames: Mapping[int, Path]) -> Image.Image:
    """Draws the sheet.

    Args:
        script: The movie's script; its chapters and scenes give the order and the labels.
        frames: The picture of each frame by its index; one that is missing stays an empty box.

    Returns: An RGB image.
    """
    count = sum(len(scene.frames) for chapter in script.chapters for scene in chapter.scenes)
    side = LARGE if count <= 150 else MEDIUM if count <= 400 else SMALL
    columns = max(len(scene.frames) for chapter in script.chapters for scene in chapter.scenes)
    fonts = {size: ImageFont.load_default(size) for size in (12, 13, 15, 19, 30)}
    label = LABEL_LINES * 16 + 8 if side == LARGE else 0
    width = max(2 * MARGIN + columns * (side + GAP) - GAP, 640)
    rows = sum(len(chapter.scenes) for chapter in script.chapters)
    height = MARGIN + 92 + len(script.chapters) * 44 + rows * (26 + side + label + GAP) + MARGIN
    sheet = Image.new("RGB", (width, height), BACKGROUND)
    pen = ImageDraw.Draw(sheet)

    pen.text((MARGIN, MARGIN), script.title, TITLE_COLOUR, fonts[30])
    style = f"  ·  {script.style.keyword}" if script.style.keyword else ""
    pen.text((MARGIN, MARGIN + 44), f"{count} frames{style}", DIM_COLOUR, fonts[15])
    y = MARGIN + 92
    for chapter in script.chapters:
        heading = f"{chapter.index + 1}  {chapter.title}"
        pen.text((MARGIN, y + 6), _fitting(heading, fonts[19], width - 2 * MARGIN), TITLE_COLOUR, fonts[19])
        y += 44
        for scene in chapter.scenes:
            place = " · ".join(part for part in (scene.title, scene.location) if part)
            pen.text((MARGIN, y), _fitting(place, fonts[13], width - 2 * MARGIN), TEXT_COLOUR, fonts[13])
            y += 26
            for column, frame in enumerate(scene.frames):
                x = MARGIN + column * (side + GAP)
                _place(sheet, frames.get(frame.index), (x, y), side)
                if label:
                    _label(pen, frame, (x, y + side + 4), side, fonts[12])
            y += side + label + GAP
    return sheet


Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _place(sheet: Image.Image, file: Path | None, corner: tuple[int, int], side: int) -> None:
    x, y = corner
    if file is None:
        ImageDraw.Draw(sheet).rectangle((x, y, x + side - 1, y + side - 1), outline=DIM_COLOUR)
        return
    with Image.open(file) as stored:
        scale = side / max(stored.size)
        size = (round(stored.width * scale), round(stored.height * scale))
        picture = stored.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    sheet.paste(picture, (x + (side - picture.width) // 2, y + (side - picture.height) // 2))


def _label(
    pen: ImageDraw.ImageDraw, frame: script_pb2.Frame, corner: tuple[int, int], side: int, font: Font
) -> None:
    x, y = corner
    number = f"{frame.index:03d}  "
    pen.text((x, y), number, DIM_COLOUR, font)
    indent = pen.textlength(number, font)
    lines: list[str] = []
    words = frame.description.split()
    while words and len(lines) < LABEL_LINES:
        room = side - (indent if not lines else 0)
        if len(lines) == LABEL_LINES - 1:  # the last one takes what is left, cut where it is too long
            lines.append(_fitting(" ".join(words), font, room))
            break
        fitting = max(1, sum(font.getlength(" ".join(words[: n + 1])) <= room for n in range(len(words))))
        lines.append(_fitting(" ".join(words[:fitting]), font, room))
        words = words[fitting:]
    for row, line in enumerate(lines):
        pen.text((x + (indent if row == 0 else 0), y + 16 * row), line, TEXT_COLOUR, font)


def _fitting(text: str, font: Font, width: float) -> str:
    """The text, cut with an ellipsis where it is wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip(" .,…") + "…"
