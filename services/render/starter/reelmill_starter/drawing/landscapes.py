"""Outdoor places, each with its own ground, skyline and landmark."""

import random
from collections.abc import Callable
from typing import Final

from reelmill_starter.drawing.pen import Colour, Pen, mix

_SNOW: Final[Colour] = (240, 244, 250)


def draw_landscape(pen: Pen, place: str, weather: str, rng: random.Random) -> None:
    """Draws an outdoor place under a sky that is already there; snow lies on the ground in snowy weather."""
    _LANDSCAPES[place](pen, weather, rng.uniform(-0.03, 0.03))


def _ground(pen: Pen, top: float, colour: Colour, weather: str) -> None:
    pen.bare_box(-0.6, top, 1.6, 1.6, mix(colour, _SNOW, 0.75) if weather == "snow" else colour)


def _street(pen: Pen, weather: str, shift: float) -> None:
    _ground(pen, 0.66, (150, 146, 142), weather)
    houses = (
        (-0.2, 0.24, 0.14, (186, 84, 62)),
        (0.24, 0.44, 0.3, (214, 176, 120)),
        (0.58, 0.8, 0.24, (124, 130, 150)),
    )
    for left, right, top, colour in (*houses, (0.8, 1.2, 0.1, (168, 96, 76))):
        pen.box(left + shift, top, right + shift, 0.68, colour)
        x = left + 0.04
        while x + 0.06 < right:
            for y in (0.2, 0.34, 0.48):
                if y > top + 0.02:
                    pen.bare_box(x + shift, y, x + 0.055 + shift, y + 0.08, (255, 232, 150))
            x += 0.1
    pen.polygon([(0.42, 0.68), (0.58, 0.68), (1.0, 1.3), (0.0, 1.3)], (82, 84, 92))
    for y in (0.72, 0.82, 0.95):
        pen.bare_box(0.49, y, 0.51, y + 0.06, (240, 236, 220))


def _beach(pen: Pen, weather: str, shift: float) -> None:
    pen.bare_box(-0.6, 0.5, 1.6, 0.7, (30, 140, 190))
    pen.bare_box(-0.6, 0.64, 1.6, 0.69, (120, 210, 224))
    _ground(pen, 0.68, (244, 214, 140), weather)
    pen.limb([(0.86 + shift, 0.76), (0.82 + shift, 0.5), (0.86 + shift, 0.26)], 0.035, (140, 92, 48))
    for x, y in ((-0.2, 0.04), (-0.14, -0.1), (0.16, -0.09), (0.2, 0.06), (0.02, -0.14)):
        pen.polygon(
            [(0.86 + shift, 0.24), (0.86 + x * 0.5 + shift, 0.19 + y * 0.6), (0.86 + x + shift, 0.27 + y)],
            (40, 150, 60),
        )
    pen.polygon(
        [(0.1 + shift, 0.52), (0.2 + shift, 0.52), (0.18 + shift, 0.56), (0.12 + shift, 0.56)], (200, 60, 50)
    )
    pen.polygon([(0.15 + shift, 0.36), (0.15 + shift, 0.51), (0.22 + shift, 0.51)], (255, 255, 255))


def _forest(pen: Pen, weather: str, shift: float) -> None:
    pen.bare_box(-0.6, 0.3, 1.6, 0.75, (26, 78, 50))
    _ground(pen, 0.68, (72, 110, 48), weather)
    leaves = (36, 120, 62) if weather != "snow" else (150, 186, 176)
    for x, scale in ((0.06, 1.0), (0.27, 0.8), (0.72, 0.85), (0.94, 1.05), (0.5, 0.65)):
        foot = 0.62 + 0.12 * scale
        pen.box(x - 0.025 * scale + shift, foot - 0.3 * scale, x + 0.025 * scale + shift, foot, (98, 62, 36))
        for level in range(3):
            top, half = foot - (0.82 - level * 0.2) * scale, (0.09 + level * 0.03) * scale
            pen.polygon(
                [
                    (x + shift, top),
                    (x + half + shift, top + 0.28 * scale),
                    (x - half + shift, top + 0.28 * scale),
                ],
                leaves,
            )


def _mountain(pen: Pen, weather: str, shift: float) -> None:
    for x, top, half, colour in ((0.2, 0.26, 0.42, (110, 116, 146)), (0.72, 0.14, 0.5, (92, 100, 130))):
        pen.polygon([(x + shift, top), (x + half + shift, 0.74), (x - half + shift, 0.74)], colour)
        cap = 0.14
        slope = half / (0.74 - top) * cap
        points = [
            (x + shift, top),
            (x + slope + shift, top + cap),
            (x + slope * 0.3 + shift, top + cap * 0.8),
        ]
        pen.polygon(
            [*points, (x - slope * 0.3 + shift, top + cap * 1.1), (x - slope + shift, top + cap)],
            (250, 252, 255),
        )
    _ground(pen, 0.7, (116, 168, 76), weather)
    pen.polygon([(0.3, 1.2), (0.46, 0.7), (0.5, 0.7), (0.6, 1.2)], (196, 176, 130))


def _desert(pen: Pen, weather: str, shift: float) -> None:
    pen.ellipse(0.2 + shift, 0.8, 0.55, 0.22, mix((226, 150, 70), _SNOW, 0.5 if weather == "snow" else 0))
    pen.ellipse(0.9 + shift, 0.8, 0.5, 0.18, mix((240, 174, 90), _SNOW, 0.5 if weather == "snow" else 0))
    _ground(pen, 0.74, (236, 166, 84), weather)
    green = (60, 130, 64)
    for x, foot, scale in ((0.2, 0.8, 1.0), (0.8, 0.76, 0.8)):
        x += shift
        pen.limb([(x, foot), (x, foot - 0.36 * scale)], 0.07 * scale, green)
        pen.limb(
            [
                (x, foot - 0.14 * scale),
                (x - 0.1 * scale, foot - 0.14 * scale),
                (x - 0.1 * scale, foot - 0.26 * scale),
            ],
            0.05 * scale,
            green,
        )
        pen.limb(
            [
                (x, foot - 0.18 * scale),
                (x + 0.1 * scale, foot - 0.18 * scale),
                (x + 0.1 * scale, foot - 0.32 * scale),
            ],
            0.05 * scale,
            green,
        )


def _harbour(pen: Pen, weather: str, shift: float) -> None:
    pen.bare_box(-0.6, 0.5, 1.6, 0.84, (28, 92, 140))
    for y in (0.57, 0.65, 0.72):
        pen.stroke([(-0.1, y), (1.1, y)], 0.008, (90, 160, 196))
    for x, hull in ((0.22, (196, 44, 44)), (0.78, (240, 240, 240))):
        x += shift
        pen.stroke([(x, 0.6), (x, 0.14)], 0.018, (90, 60, 40))
        pen.polygon([(x + 0.015, 0.16), (x + 0.015, 0.54), (x + 0.17, 0.54)], (250, 246, 232))
        pen.polygon([(x - 0.19, 0.57), (x + 0.2, 0.57), (x + 0.14, 0.68), (x - 0.14, 0.68)], hull)
    _ground(pen, 0.78, (156, 106, 62), weather)
    for y in (0.84, 0.92, 1.0):
        pen.stroke([(-0.2, y), (1.2, y)], 0.01, (106, 68, 38))


def _station(pen: Pen, weather: str, shift: float) -> None:
    pen.box(-0.2, 0.26, 0.94 + shift, 0.64, (34, 110, 90))
    pen.bare_box(-0.2, 0.52, 0.94 + shift, 0.56, (244, 214, 90))
    for x in (0.02, 0.24, 0.46, 0.68):
        pen.box(x + shift, 0.32, x + 0.16 + shift, 0.48, (206, 230, 246))
    for x in (0.08, 0.3, 0.56, 0.78):
        pen.circle(x + shift, 0.66, 0.04, (50, 50, 56))
    pen.bare_box(-0.2, 0.69, 1.3, 0.71, (70, 70, 76))
    pen.box(-0.3, 0.08, 1.3, 0.15, (150, 54, 50))
    for x in (0.12, 0.9):
        pen.box(x, 0.15, x + 0.03, 0.76, (110, 116, 120))
    _ground(pen, 0.74, (190, 184, 176), weather)
    pen.bare_box(-0.2, 0.74, 1.3, 0.77, (250, 206, 60))


def _garden(pen: Pen, weather: str, shift: float) -> None:
    pen.bare_box(-0.6, 0.42, 1.6, 0.7, (58, 134, 60))
    for x in (0.1, 0.5, 0.92):
        pen.circle(x + shift, 0.34, 0.16, (88, 170, 70))
        for dot_x, dot_y in ((-0.06, -0.04), (0.05, 0.03), (0.0, -0.1), (-0.05, 0.08), (0.08, -0.08)):
            pen.dot(x + dot_x + shift, 0.34 + dot_y, 0.022, (240, 90, 120))
    for step in range(16):
        x = -0.3 + step * 0.1 + shift
        pen.polygon(
            [(x, 0.54), (x + 0.03, 0.5), (x + 0.06, 0.54), (x + 0.06, 0.72), (x, 0.72)], (250, 250, 246)
        )
    pen.bare_box(-0.3, 0.6, 1.3, 0.63, (250, 250, 246))
    _ground(pen, 0.72, (120, 196, 84), weather)
    colours = ((236, 60, 70), (250, 210, 60), (240, 130, 200), (150, 90, 210))
    for step in range(14):
        pen.dot(-0.2 + step * 0.1 + shift, 0.77 + 0.03 * (step % 2), 0.024, colours[step % 4])


_LANDSCAPES: Final[dict[str, Callable[[Pen, str, float], None]]] = {
    "street": _street,
    "beach": _beach,
    "forest": _forest,
    "mountain": _mountain,
    "desert": _desert,
    "harbour": _harbour,
    "station": _station,
    "garden": _garden,
}
