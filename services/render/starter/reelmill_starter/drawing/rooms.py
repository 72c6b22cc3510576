"""Indoor places: wall and floor of their own colours, a window with the weather, large furniture."""

import random
from collections.abc import Callable
from typing import Final

from reelmill_starter.drawing.pen import Colour, Pen
from reelmill_starter.drawing.sky import falling, sky_colours

_FLOOR_TOP: Final = 0.7
_WALLS: Final[dict[str, tuple[Colour, Colour]]] = {
    "kitchen": (((250, 226, 130)), (214, 206, 196)),
    "bedroom": ((196, 176, 226), (150, 112, 84)),
    "office": ((176, 196, 214), (104, 112, 126)),
    "classroom": ((244, 230, 200), (190, 140, 86)),
    "library": ((128, 76, 42), (92, 54, 34)),
    "cafe": ((206, 122, 92), (126, 82, 54)),
    "hospital": ((206, 240, 228), (226, 232, 236)),
    "theatre": ((110, 18, 30), (196, 138, 78)),
    "workshop": ((132, 136, 70), (128, 124, 116)),
    "museum": ((36, 58, 124), (232, 206, 156)),
    "church": ((132, 122, 148), (84, 72, 92)),
    "bathroom": ((70, 190, 206), (44, 84, 128)),
}


def draw_room(pen: Pen, place: str, time: str, weather: str, rng: random.Random) -> None:
    """Draws an indoor place."""
    wall, floor = _WALLS[place]
    pen.bare_box(-0.5, -0.5, 1.5, _FLOOR_TOP, wall)
    pen.bare_box(-0.5, _FLOOR_TOP, 1.5, 1.5, floor)
    shift = rng.uniform(-0.006, 0.006)
    _ROOMS[place](pen, time, weather, rng, shift)


def _window(
    pen: Pen, x: float, y: float, width: float, height: float, time: str, weather: str, rng: random.Random
) -> None:
    top, low = sky_colours(time, weather)
    pen.box(x - 0.015, y - 0.015, x + width + 0.015, y + height + 0.015, (250, 246, 236))
    pen.bare_box(x, y, x + width, y + height / 2, top)
    pen.bare_box(x, y + height / 2, x + width, y + height, low)
    if weather == "clear":
        colour = {"night": (250, 246, 210), "evening": (255, 90, 50)}.get(time, (255, 246, 160))
        pen.dot(x + width * 0.7, y + height * (0.3 if time in ("day", "night") else 0.65), 0.035, colour)
    elif weather == "fog":
        pen.bare_box(x, y, x + width, y + height, (214, 218, 222) if time != "night" else (110, 116, 128))
    else:
        falling(pen, weather, rng, (x + 0.02, y, x + width, y + height))
    pen.stroke([(x + width / 2, y), (x + width / 2, y + height)], 0.012, (250, 246, 236))


def _kitchen(pen: Pen, time: str, weather: str, rng: random.Random, shift: float) -> None:
    for row in range(2):
        for column in range(10):
            if (row + column) % 2:
                pen.bare_box(
                    column * 0.2 - 0.5,
                    0.7 + row * 0.15,
                    column * 0.2 - 0.3,
                    0.85 + row * 0.15,
                    (150, 160, 170),
                )
    _window(pen, 0.36 + shift, 0.12, 0.28, 0.26, time, weather, rng)
    pen.box(0.02, 0.2, 0.24, 0.74, (236, 240, 244))
    pen.stroke([(0.02, 0.4), (0.24, 0.4)], 0.01, (150, 156, 164))
    pen.box(0.24, 0.5, 1.2, 0.74, (226, 110, 60))
    pen.box(0.24, 0.47, 1.2, 0.52, (250, 250, 250))
    pen.box(0.72 + shift, 0.52, 0.94 + shift, 0.74, (70, 74, 82))
    pen.box(0.76 + shift, 0.4, 0.88 + shift, 0.47, (200, 50, 50))


def _bedroom(pen: Pen, time: str, weather: str, rng: random.Random, shift: float) -> None:
    _window(pen, 0.1 + shift, 0.12, 0.26, 0.3, time, weather, rng)
    pen.box(0.46, 0.34, 1.1, 0.62, (120, 72, 44))
    pen.box(0.46, 0.55, 1.1, 0.8, (90, 120, 200))
    pen.ellipse(0.62 + shift, 0.55, 0.12, 0.06, (252, 250, 246))
    pen.ellipse(0.9 + shift, 0.55, 0.12, 0.06, (252, 250, 246))
    pen.box(0.62, 0.12, 0.86, 0.26, (250, 220, 150))


def _office(pen: Pen, time: str, weather: str, rng: random.Random, shift: float) -> None:
    _window(pen, 0.06 + shift, 0.1, 0.4, 0.3, time, weather, rng)
    pen.box(0.7, 0.14, 0.98, 0.72, (86, 96, 114))
    for row in range(3):
        pen.box(0.74, 0.18 + row * 0.18, 0.94, 0.32 + row * 0.18, (150, 160, 176))
    pen.box(0.04, 0.56, 0.66, 0.62, (60, 66, 80))
    pen.box(0.08, 0.62, 0.14, 0.8, (60, 66, 80))
    pen.box(0.56, 0.62, 0.62, 0.8, (60, 66, 80))
    pen.box(0.2 + shift, 0.4, 0.44 + shift, 0.55, (30, 34, 44))
    pen.bare_box(0.22 + shift, 0.42, 0.42 + shift, 0.53, (110, 200, 250))


def _classroom(pen: Pen, time: str, weather: str, rng: random.Random, shift: float) -> None:
    pen.box(0.2 + shift, 0.12, 0.8 + shift, 0.5, (150, 96, 50))
    pen.bare_box(0.22 + shift, 0.14, 0.78 + shift, 0.48, (34, 100, 70))
    pen.stroke([(0.28 + shift, 0.24), (0.5 + shift, 0.24)], 0.012, (230, 240, 230))
    pen.stroke([(0.28 + shift, 0.33), (0.62 + shift, 0.33)], 0.012, (230, 240, 230))
    _window(pen, 0.88, 0.12, 0.24, 0.34, time, weather, rng)
    _window(pen, -0.1, 0.12, 0.24, 0.34, time, weather, rng)
    for x in (0.04, 0.38, 0.72):
        pen.box(x, 0.64, x + 0.24, 0.69, (214, 160, 90))
        pen.box(x + 0.03, 0.69, x + 0.06, 0.84, (110, 76, 50))
        pen.box(x + 0.18, 0.69, x + 0.21, 0.84, (110, 76, 50))


def _library(pen: Pen, time: str, weather: str, rng: random.Random, shift: float) -> None:
    books = ((190, 50, 50), (60, 110, 70), (50, 80, 150), (220, 180, 90), (130, 70, 130), (230, 220, 200))
    for row in range(4):
        top = 0.02 + row * 0.18
        pen.bare_box(-0.2, top + 0.15, 1.2, top + 0.18, (64, 36, 22))
        for column in range(30):
            x = -0.16 + column * 0.045
            height = 0.11 + 0.02 * ((column * 7 + row * 3) % 3)
            pen.bare_box(x, top + 0.15 - height, x + 0.04, top + 0.15, books[(column * 5 + row * 2) % 6])
    _window(pen, 0.4 + shift, 0.08, 0.2, 0.4, time, weather, rng)


def _cafe(pen: Pen, time: str, weather: str, rng: random.Random, shift: float) -> None:
    _window(pen, 0.06 + shift, 0.14, 0.46, 0.32, time, weather, rng)
    pen.box(0.62, 0.46, 1.2, 0.74, (92, 52, 34))
    pen.box(0.6, 0.43, 1.2, 0.48, (236, 206, 160))
    pen.box(0.66, 0.14, 0.96, 0.34, (44, 40, 40))
    for x in (0.2, 0.58, 0.9):
        pen.stroke([(x + shift, -0.2), (x + shift, 0.06)], 0.01, (50, 40, 40))
        pen.circle(x + shift, 0.08, 0.045, (255, 220, 110))
    pen.ellipse(0.26, 0.64, 0.2, 0.045, (240, 236, 226))
    pen.box(0.245, 0.66, 0.275, 0.84, (60, 44, 40))


def _hospital(pen: Pen, time: str, weather: str, rng: random.Random, shift: float) -> None:
    _window(pen, 0.62 + shift, 0.12, 0.3, 0.3, time, weather, rng)
    pen.box(0.18 + shift, 0.1, 0.42 + shift, 0.34, (255, 255, 255))
    pen.bare_box(0.275 + shift, 0.13, 0.325 + shift, 0.31, (224, 30, 40))
    pen.bare_box(0.21 + shift, 0.195, 0.39 + shift, 0.245, (224, 30, 40))
    pen.box(0.02, 0.54, 0.6, 0.7, (250, 252, 255))
    pen.box(0.02, 0.42, 0.06, 0.82, (130, 150, 160))
    pen.box(0.57, 0.5, 0.6, 0.82, (130, 150, 160))
    pen.box(0.22, 0.56, 0.6, 0.7, (100, 196, 190))


def _theatre(pen: Pen, time: str, weather: str, rng: random.Random, shift: float) -> None:
    pen.bare_box(0.16, 0.0, 0.84, 0.7, (50, 30, 60))
    _window(pen, 0.39 + shift, 0.16, 0.22, 0.24, time, weather, rng)
    for start, step in ((-0.2, 1), (0.8, 1)):
        for fold in range(5):
            colour = (196, 24, 40) if fold % 2 else (160, 14, 30)
            x = start + fold * 0.08 * step
            pen.box(x, -0.1, x + 0.08, 0.74, colour)
    for fold in range(12):
        x = -0.1 + fold * 0.1
        pen.ellipse(x + 0.05, -0.02, 0.06, 0.1, (214, 34, 48) if fold % 2 else (170, 18, 34))
    for line in (0.78, 0.87, 0.96):
        pen.stroke([(-0.2, line), (1.2, line)], 0.008, (140, 92, 48))


def _workshop(pen: Pen, time: str, weather: str, rng: random.Random, shift: float) -> None:
    _window(pen, 0.39 + shift, 0.16, 0.22, 0.22, time, weather, rng)
    for left in (0.0, 0.66):
        pen.box(left, 0.16, left + 0.34, 0.5, (222, 176, 108))
    steel, handle = (206, 212, 220), (190, 40, 40)
    pen.stroke([(0.17 + shift, 0.24), (0.17 + shift, 0.46)], 0.04, handle)
    pen.box(0.09 + shift, 0.2, 0.27 + shift, 0.28, (70, 76, 86))
    pen.polygon([(0.7 + shift, 0.3), (0.92 + shift, 0.22), (0.92 + shift, 0.36), (0.7 + shift, 0.36)], steel)
    pen.box(0.88 + shift, 0.22, 0.98 + shift, 0.38, handle)
    pen.stroke([(0.74 + shift, 0.43), (0.94 + shift, 0.43)], 0.035, (60, 90, 180))
    pen.box(-0.2, 0.58, 1.2, 0.65, (240, 160, 60))
    for x in (0.1, 0.84):
        pen.box(x, 0.65, x + 0.08, 0.86, (150, 92, 40))
    pen.box(0.78 + shift, 0.49, 0.92 + shift, 0.58, (60, 90, 180))


def _museum(pen: Pen, time: str, weather: str, rng: random.Random, shift: float) -> None:
    gold = (232, 184, 60)
    _window(pen, 0.42 + shift, 0.16, 0.16, 0.2, time, weather, rng)
    pen.box(0.02 + shift, 0.16, 0.36 + shift, 0.52, gold)
    pen.bare_box(0.07 + shift, 0.21, 0.31 + shift, 0.36, (240, 150, 90))
    pen.bare_box(0.07 + shift, 0.35, 0.31 + shift, 0.47, (60, 130, 80))
    pen.dot(0.19 + shift, 0.35, 0.06, (252, 240, 150))
    pen.box(0.66 + shift, 0.16, 0.96 + shift, 0.42, gold)
    pen.bare_box(0.71 + shift, 0.2, 0.91 + shift, 0.38, (190, 40, 60))
    pen.dot(0.81 + shift, 0.29, 0.07, (250, 246, 240))
    pen.bare_box(-0.5, 0.66, 1.5, 0.71, (246, 242, 232))
    pen.box(0.74, 0.64, 0.94, 0.88, (246, 242, 232))
    pen.ellipse(0.84, 0.57, 0.07, 0.08, (196, 96, 50))
    pen.box(0.81, 0.45, 0.87, 0.53, (196, 96, 50))


def _church(pen: Pen, time: str, weather: str, rng: random.Random, shift: float) -> None:
    glass = ((214, 40, 60), (250, 200, 50), (40, 110, 220), (50, 170, 90))
    _window(pen, 0.42 + shift, 0.16, 0.16, 0.16, time, weather, rng)
    for index, left in enumerate((0.06, 0.7)):
        left += shift
        stone = [(left, 0.6), (left, 0.27), (left + 0.12, 0.13), (left + 0.24, 0.27), (left + 0.24, 0.6)]
        pen.polygon(stone, (236, 226, 206))
        pen.polygon([(left + 0.03, 0.29), (left + 0.12, 0.18), (left + 0.21, 0.29)], glass[1])
        for row in range(2):
            for column in range(2):
                x, y = left + 0.03 + column * 0.09, 0.29 + row * 0.14
                pen.bare_box(x, y, x + 0.09, y + 0.14, glass[(row * 2 + column * 3 + index) % 4])
    pen.box(0.475 + shift, 0.34, 0.525 + shift, 0.66, (240, 196, 70))
    pen.box(0.39 + shift, 0.42, 0.61 + shift, 0.47, (240, 196, 70))
    pen.polygon([(0.42, 0.7), (0.58, 0.7), (0.8, 1.3), (0.2, 1.3)], (176, 26, 44))
    for left, right in ((-0.3, 0.34), (0.66, 1.3)):
        for top in (0.68, 0.84):
            pen.box(left, top, right, top + 0.11, (124, 72, 38))


def _bathroom(pen: Pen, time: str, weather: str, rng: random.Random, shift: float) -> None:
    for step in range(-2, 9):
        pen.stroke([(-0.5, step * 0.14 + 0.12), (1.5, step * 0.14 + 0.12)], 0.012, (190, 236, 240))
        pen.stroke([(step * 0.14, -0.5), (step * 0.14, _FLOOR_TOP)], 0.012, (190, 236, 240))
    pen.bare_box(-0.5, _FLOOR_TOP, 1.5, 1.5, _WALLS["bathroom"][1])
    _window(pen, 0.42 + shift, 0.16, 0.2, 0.2, time, weather, rng)
    for fold in range(4):
        x = 0.02 + fold * 0.08 + shift
        pen.box(x, 0.12, x + 0.08, 0.56, (250, 120, 160) if fold % 2 else (255, 190, 206))
    pen.box(-0.2, 0.54, 0.58, 0.6, (255, 255, 255))
    pen.polygon([(-0.2, 0.6), (0.56, 0.6), (0.5, 0.82), (-0.2, 0.82)], (244, 246, 250))
    pen.circle(0.8 + shift, 0.3, 0.12, (240, 200, 90))
    pen.dot(0.8 + shift, 0.3, 0.09, (222, 240, 252))
    pen.box(0.66, 0.52, 0.94, 0.61, (255, 255, 255))
    pen.box(0.76, 0.61, 0.84, 0.84, (244, 246, 250))


_ROOMS: Final[dict[str, Callable[[Pen, str, str, random.Random, float], None]]] = {
    "kitchen": _kitchen,
    "bedroom": _bedroom,
    "office": _office,
    "classroom": _classroom,
    "library": _library,
    "cafe": _cafe,
    "hospital": _hospital,
    "theatre": _theatre,
    "workshop": _workshop,
    "museum": _museum,
    "church": _church,
    "bathroom": _bathroom,
}
