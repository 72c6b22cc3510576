"""Outdoor places, each with its own ground, skyline and landmark."""

import random
from collections.abc import Callable
from typing import Final

from reelmill_starter.drawing.pen import Colour, Pen, mix

_SNOW: Final[Colour] = (240, 244, 250)


def draw_landscape(pen: Pen, place: str, weather: str, rng: random.Random) -> None:
    """Draws an outdoor place under a sky that is already there; snow lies on the ground in snowy weather."""
    _LANDSCAPES[place](pen, weather, rng.uniform(-0.006, 0.006))


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


def _market(pen: Pen, weather: str, shift: float) -> None:
    pen.box(-0.3, 0.36, 1.3, 0.7, (244, 206, 120))
    _ground(pen, 0.68, (190, 150, 116), weather)
    fruit = ((240, 130, 30), (214, 40, 40), (120, 190, 50))
    for left, cloth in ((0.0, (220, 40, 50)), (0.6, (30, 150, 80))):
        left += shift
        for x in (left + 0.03, left + 0.35):
            pen.bare_box(x, 0.36, x + 0.025, 0.76, (110, 72, 40))
        pen.box(left, 0.58, left + 0.4, 0.78, (150, 96, 50))
        for index, colour in enumerate(fruit):
            for step in (0, 1):
                pen.dot(left + 0.05 + index * 0.13 + step * 0.05, 0.56, 0.035, colour)
        for stripe in range(5):
            x = left - 0.02 + stripe * 0.088
            colour = (255, 250, 240) if stripe % 2 else cloth
            pen.box(x, 0.24, x + 0.088, 0.4, colour)
            pen.circle(x + 0.044, 0.4, 0.042, colour)


def _bridge(pen: Pen, weather: str, shift: float) -> None:
    red = (226, 60, 30)
    pen.ellipse(0.5, 0.56, 0.9, 0.1, (96, 130, 120))
    pen.bare_box(-0.6, 0.54, 1.6, 0.8, (60, 150, 160))
    main = [(0.22 + step * 0.07 + shift, 0.1 + 0.44 * (1 - ((step - 4) / 4) ** 2)) for step in range(9)]
    for x, y in main[1:-1:2]:
        pen.stroke([(x, y), (x, 0.66)], 0.014, red)
    pen.stroke(main, 0.03, red)
    pen.stroke([(-0.1 + shift, 0.5), (0.22 + shift, 0.1)], 0.03, red)
    pen.stroke([(1.1 + shift, 0.5), (0.78 + shift, 0.1)], 0.03, red)
    for x in (0.22, 0.78):
        pen.box(x - 0.05 + shift, 0.04, x + 0.05 + shift, 0.72, red)
        for y in (0.14, 0.32, 0.5):
            pen.bare_box(x - 0.02 + shift, y, x + 0.02 + shift, y + 0.1, (140, 30, 20))
    pen.bare_box(-0.6, 0.63, 1.6, 0.67, red)
    for step in range(12):
        pen.bare_box(-0.1 + step * 0.11, 0.66, -0.08 + step * 0.11, 0.76, red)
    _ground(pen, 0.74, (104, 106, 116), weather)
    pen.bare_box(-0.6, 0.74, 1.6, 0.77, red)
    pen.bare_box(-0.6, 0.88, 1.6, 0.905, (246, 220, 90))


def _castle(pen: Pen, weather: str, shift: float) -> None:
    stone, dark = (176, 166, 186), (140, 128, 156)
    for step in range(9):
        pen.box(0.1 + step * 0.1 + shift, 0.34, 0.16 + step * 0.1 + shift, 0.42, dark)
    pen.box(0.1 + shift, 0.4, 0.9 + shift, 0.74, dark)
    for x in (0.2, 0.8):
        x += shift
        pen.box(x - 0.13, 0.26, x + 0.13, 0.76, stone)
        pen.polygon([(x, -0.02), (x + 0.17, 0.27), (x - 0.17, 0.27)], (96, 50, 160))
        pen.polygon([(x, -0.02), (x, 0.07), (x + 0.12, 0.02)], (250, 206, 50))
        pen.box(x - 0.03, 0.34, x + 0.03, 0.46, (60, 50, 80))
    pen.circle(0.5 + shift, 0.56, 0.11, (90, 54, 34))
    pen.box(0.39 + shift, 0.56, 0.61 + shift, 0.76, (90, 54, 34))
    _ground(pen, 0.72, (140, 168, 80), weather)
    pen.polygon([(0.38, 0.72), (0.62, 0.72), (0.8, 1.3), (0.2, 1.3)], (172, 124, 76))


def _farm(pen: Pen, weather: str, shift: float) -> None:
    pen.ellipse(0.3, 0.68, 0.9, 0.2, (120, 180, 70))
    _ground(pen, 0.66, (238, 200, 70), weather)
    for left, right in ((-0.5, 0.1), (0.28, 0.38), (0.55, 0.72), (0.85, 1.4)):
        pen.polygon(
            [(0.3 + left * 0.4, 0.7), (0.3 + right * 0.4, 0.7), (right * 1.6, 1.3), (left * 1.6, 1.3)],
            (170, 116, 50),
        )
    barn = [(0.54, 0.36), (0.6, 0.24), (0.76, 0.14), (0.92, 0.24), (0.98, 0.36), (0.98, 0.74), (0.54, 0.74)]
    pen.polygon([(x + shift, y) for x, y in barn], (196, 34, 36))
    pen.stroke([(x + shift, y) for x, y in barn[:5]], 0.04, (246, 240, 230))
    pen.box(0.66 + shift, 0.5, 0.86 + shift, 0.74, (246, 240, 230))
    for start, end in ((0.68, 0.84), (0.84, 0.68)):
        pen.stroke([(start + shift, 0.52), (end + shift, 0.73)], 0.03, (196, 34, 36))
    pen.box(0.1 + shift, 0.24, 0.28 + shift, 0.72, (206, 214, 222))
    pen.ellipse(0.19 + shift, 0.24, 0.09, 0.08, (90, 130, 170))
    pen.ellipse(0.34 + shift, 0.7, 0.12, 0.09, (250, 220, 110))


def _lake(pen: Pen, weather: str, shift: float) -> None:
    pen.ellipse(0.1 + shift, 0.5, 0.42, 0.24, (40, 110, 110))
    pen.ellipse(0.92 + shift, 0.5, 0.5, 0.3, (56, 134, 116))
    pen.bare_box(-0.6, 0.46, 1.6, 0.86, (110, 210, 226))
    pen.ellipse(0.1 + shift, 0.46, 0.4, 0.08, (60, 150, 160))
    pen.ellipse(0.92 + shift, 0.46, 0.46, 0.1, (76, 168, 164))
    pen.bare_box(-0.6, 0.44, 1.6, 0.465, (40, 110, 80))
    boat = [(0.56, 0.56), (0.86, 0.56), (0.8, 0.65), (0.62, 0.65)]
    pen.polygon([(x + shift, y) for x, y in boat], (250, 190, 40))
    _ground(pen, 0.78, (84, 150, 60), weather)
    for x, top in (
        (0.04, 0.5),
        (0.12, 0.36),
        (0.2, 0.44),
        (0.28, 0.56),
        (0.8, 0.6),
        (0.88, 0.44),
        (0.95, 0.54),
    ):
        pen.stroke([(x + shift, 0.84), (x + shift, top)], 0.022, (60, 120, 40))
        pen.ellipse(x + shift, top, 0.024, 0.07, (120, 66, 30))


def _rooftop(pen: Pen, weather: str, shift: float) -> None:
    towers = ((-0.2, 0.1, 0.3), (0.1, 0.3, 0.42), (0.32, 0.5, 0.26), (0.52, 0.64, 0.44), (0.64, 0.84, 0.1))
    for index, (left, right, top) in enumerate((*towers, (0.86, 1.2, 0.3))):
        pen.box(left + shift, top, right + shift, 0.72, (58, 74, 128) if index % 2 else (90, 110, 170))
        for row in range(3):
            y = top + 0.05 + row * 0.11
            for x in (left + 0.03, right - 0.08):
                pen.bare_box(x + shift, y, x + 0.05 + shift, y + 0.06, (255, 226, 120))
    for x in (0.08, 0.3):
        pen.limb([(x + shift, 0.42), (x + shift, 0.7)], 0.025, (80, 60, 50))
    pen.box(0.04 + shift, 0.22, 0.34 + shift, 0.48, (164, 100, 56))
    pen.polygon([(0.0 + shift, 0.23), (0.19 + shift, 0.08), (0.38 + shift, 0.23)], (80, 60, 60))
    pen.box(-0.3, 0.64, 1.3, 0.76, (190, 78, 58))
    pen.box(-0.3, 0.61, 1.3, 0.66, (226, 210, 190))
    _ground(pen, 0.75, (116, 100, 112), weather)
    pen.box(0.74 + shift, 0.5, 0.92 + shift, 0.82, (190, 78, 58))
    pen.box(0.72 + shift, 0.47, 0.94 + shift, 0.53, (226, 210, 190))


_LANDSCAPES: Final[dict[str, Callable[[Pen, str, float], None]]] = {
    "street": _street,
    "beach": _beach,
    "forest": _forest,
    "mountain": _mountain,
    "desert": _desert,
    "harbour": _harbour,
    "station": _station,
    "garden": _garden,
    "market": _market,
    "bridge": _bridge,
    "castle": _castle,
    "farm": _farm,
    "lake": _lake,
    "rooftop": _rooftop,
}
