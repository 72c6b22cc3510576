"""Sky, light and weather."""

import random
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reelmill_starter.drawing.pen import Colour, Pen, mix

Pixels = NDArray[np.floating[Any]]

# Sky at the top and at the horizon.
SKIES: Final[dict[str, tuple[Colour, Colour]]] = {
    "morning": ((168, 204, 240), (255, 232, 196)),
    "day": ((72, 150, 236), (176, 216, 250)),
    "evening": ((96, 60, 130), (255, 142, 62)),
    "night": ((10, 14, 44), (36, 46, 92)),
}
_OVERCAST: Final[dict[str, Colour]] = {
    "morning": (196, 196, 200),
    "day": (158, 168, 182),
    "evening": (140, 104, 110),
    "night": (30, 34, 52),
}
# What the light does to every colour below the sky.
_OUTDOOR_LIGHT: Final = {
    "morning": (1.06, 1.0, 0.88),
    "day": (1.0, 1.0, 1.0),
    "evening": (1.0, 0.72, 0.58),
    "night": (0.5, 0.56, 0.8),
}
_INDOOR_LIGHT: Final = {
    "morning": (1.05, 1.0, 0.9),
    "day": (1.0, 1.0, 1.0),
    "evening": (1.0, 0.82, 0.66),
    "night": (0.62, 0.6, 0.66),
}


def sky_colours(time: str, weather: str) -> tuple[Colour, Colour]:
    """The sky's colours at its top and at the horizon."""
    top, low = SKIES[time]
    if weather == "clear":
        return top, low
    grey = _OVERCAST[time]
    share = {"rain": 0.75, "snow": 0.65, "fog": 0.8}[weather]
    return mix(top, grey, share), mix(low, grey, share)


def sky(image: Image.Image, time: str, weather: str) -> None:
    """Fills the whole image with sky."""
    size = image.width
    top, low = (np.array(colour, np.float32) for colour in sky_colours(time, weather))
    share = np.clip(np.linspace(0, 1.5, size, dtype=np.float32), 0, 1)[:, None]
    column = (top * (1 - share) + low * share).astype(np.uint8)
    image.paste(Image.fromarray(np.repeat(column[:, None, :], size, axis=1)))


def sun_or_moon(pen: Pen, time: str, weather: str, x: float) -> None:
    """The sun or the moon with stars, where the weather lets one see them."""
    if weather != "clear":
        return
    if time == "night":
        for star_x, star_y in (
            (0.1, 0.1),
            (0.25, 0.2),
            (0.45, 0.08),
            (0.6, 0.16),
            (0.88, 0.22),
            (0.34, 0.04),
        ):
            pen.dot(star_x, star_y, 0.009, (255, 255, 230))
        pen.dot(x, 0.14, 0.07, (250, 246, 210))
        pen.dot(x + 0.03, 0.125, 0.058, (16, 20, 52))
    elif time == "day":
        pen.dot(x, 0.12, 0.07, (255, 244, 150))
    elif time == "morning":
        pen.dot(x, 0.3, 0.075, (255, 246, 190))
    else:
        pen.dot(x, 0.36, 0.09, (255, 90, 50))


def light(pixels: Pixels, time: str, *, indoor: bool) -> Pixels:
    """Colours as the hour shows them; pixels in 0..1."""
    factors = (_INDOOR_LIGHT if indoor else _OUTDOOR_LIGHT)[time]
    return np.minimum(pixels * np.array(factors, np.float32), np.float32(1))


def fog(image: Image.Image, time: str, share: float) -> Image.Image:
    """`image` behind fog."""
    haze = Image.new("RGB", image.size, mix(_OVERCAST["day"], (255, 255, 255), 0.45))
    if time == "evening":
        haze = Image.new("RGB", image.size, (232, 196, 180))
    return Image.blend(image, haze, share)


def high_window(pen: Pen, time: str, weather: str, rng: random.Random) -> None:
    """A strip of window under a room's ceiling: it shows the weather whatever stands before the wall."""
    left, top, right, bottom = 0.04, 0.015, 0.96, 0.125
    upper, lower = sky_colours(time, weather)
    pen.box(left - 0.015, -0.05, right + 0.015, bottom + 0.015, (246, 240, 226))
    pen.bare_box(left, top, right, bottom, mix(upper, lower, 0.35))
    if weather == "clear":
        colour = {"night": (250, 246, 210), "evening": (255, 90, 50)}.get(time, (255, 246, 160))
        pen.dot(0.84, 0.07, 0.04, colour)
    elif weather == "fog":
        pen.bare_box(left, top, right, bottom, mix(_OVERCAST[time], (226, 230, 232), 0.6))
    elif weather == "rain":
        for step in range(23):
            x = left + 0.03 + step * 0.04
            pen.stroke([(x, top), (x - 0.02, bottom)], 0.0085, (206, 222, 246))
    else:
        for step in range(17):
            pen.dot(left + 0.03 + step * 0.054, top + 0.025 + 0.03 * (step % 2), 0.0125, (255, 255, 255))
        pen.bare_box(left, bottom - 0.035, right, bottom, (255, 255, 255))
    for x in (0.27, 0.5, 0.73):
        pen.stroke([(x, top), (x, bottom)], 0.014, (246, 240, 226))


def falling(pen: Pen, weather: str, rng: random.Random, area: tuple[float, float, float, float]) -> None:
    """Rain or snow over `area` (left, top, right, bottom)."""
    left, top, right, bottom = area
    span = (right - left) * (bottom - top)
    if weather == "rain":
        for _ in range(round(75 * span) + 4):
            x, y = rng.uniform(left, right), rng.uniform(top, bottom - 0.06)
            pen.stroke([(x, y), (x - 0.022, y + 0.075)], 0.0095, (206, 222, 246))
    elif weather == "snow":
        for _ in range(round(85 * span) + 5):
            x, y = rng.uniform(left, right), rng.uniform(top, bottom)
            pen.dot(x, y, rng.choice((0.011, 0.014)), (255, 255, 255))
