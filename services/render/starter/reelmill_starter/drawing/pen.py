"""A thin layer over ImageDraw: coordinates from 0 to 1, zoom, and outlines as the style asks."""

from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

INK: Final[Colour] = (25, 22, 28)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` with `share` (0..1) of `b`."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


class Pen:
    """Draws on a square image; (0, 0) is the upper left, (1, 1) the lower right of the unzoomed picture."""

    def __init__(
        self,
        image: Image.Image,
        line: float,
        zoom: float = 1.0,
        centre: Point = (0.5, 0.5),
        ink: Colour = INK,
    ) -> None:
        """`line` is the outline's width as a share of the picture's width, 0 draws none; `ink` its colour."""
        self.image = image
        self._draw = ImageDraw.Draw(image)
        self._size = image.width
        self._zoom = zoom
        self._centre = centre
        self.line = round(line * image.width)
        self.ink = ink

    def _at(self, point: Point) -> Point:
        x = ((point[0] - self._centre[0]) * self._zoom + 0.5) * self._size
        y = ((point[1] - self._centre[1]) * self._zoom + 0.5) * self._size
        return x, y

    def _length(self, value: float) -> float:
        return value * self._zoom * self._size

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        """A filled rectangle."""
        corners = [self._at((left, top)), self._at((right, bottom))]
        if corners[0][0] < corners[1][0] and corners[0][1] < corners[1][1]:
            self._draw.rectangle(corners, fill=fill, outline=self.ink if self.line else None, width=self.line)

    def bare_box(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        """A filled rectangle without outline: skies, walls, floors."""
        self._draw.rectangle([self._at((left, top)), self._at((right, bottom))], fill=fill)

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """A filled polygon."""
        path = [self._at(point) for point in points]
        self._draw.polygon(path, fill=fill)
        if self.line:
            self._draw.line([*path, path[0], path[1]], fill=self.ink, width=self.line, joint="curve")

    def ellipse(self, x: float, y: float, width: float, height: float, fill: Colour) -> None:
        """A filled ellipse around (x, y); `width` and `height` are radii."""
        corners = [self._at((x - width, y - height)), self._at((x + width, y + height))]
        self._draw.ellipse(corners, fill=fill, outline=self.ink if self.line else None, width=self.line)

    def circle(self, x: float, y: float, radius: float, fill: Colour) -> None:
        """A filled circle."""
        self.ellipse(x, y, radius, radius, fill)

    def dot(self, x: float, y: float, radius: float, fill: Colour) -> None:
        """A small filled circle without outline."""
        self._draw.ellipse(
            [self._at((x - radius, y - radius)), self._at((x + radius, y + radius))], fill=fill
        )

    def limb(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """A thick round line, outlined."""
        path = [self._at(point) for point in points]
        inner = max(1, round(self._length(width)))
        passes = ((self.ink, inner + 2 * self.line), (fill, inner)) if self.line else ((fill, inner),)
        for colour, thick in passes:
            self._draw.line(path, fill=colour, width=thick, joint="curve")
            for x, y in path:
                self._draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=colour)

    def stroke(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """A line without outline."""
        path = [self._at(point) for point in points]
        self._draw.line(path, fill=fill, width=max(1, round(self._length(width))), joint="curve")

    def arc(
        self, x: float, y: float, radius: float, start: float, end: float, width: float, fill: Colour
    ) -> None:
        """A piece of a circle, degrees clockwise from three o'clock."""
        corners = [self._at((x - radius, y - radius)), self._at((x + radius, y + radius))]
        self._draw.arc(corners, start, end, fill=fill, width=max(1, round(self._length(width))))
