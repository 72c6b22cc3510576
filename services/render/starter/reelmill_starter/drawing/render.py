"""Puts a scene together: sky or room, fog, things, figures, light, falling weather, style."""

import random
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reelmill_starter.drawing import sky
from reelmill_starter.drawing.figures import draw_figure, figure_places
from reelmill_starter.drawing.finish import finish
from reelmill_starter.drawing.landscapes import draw_landscape
from reelmill_starter.drawing.objects import draw_placed
from reelmill_starter.drawing.pen import INK, Pen, mix
from reelmill_starter.drawing.rooms import draw_room
from reelmill_world import SceneDescription, StyleVector

_OVERSAMPLE: Final = 2


@dataclass(frozen=True, slots=True)
class _Shot:
    zoom: float  # of the place
    height: float  # of a grown figure, in picture heights
    ground: float  # where it stands


_SHOTS: Final = {
    "wide": _Shot(zoom=1.0, height=0.6, ground=0.94),
    "medium": _Shot(zoom=1.15, height=0.76, ground=0.97),
    "close": _Shot(zoom=1.45, height=1.25, ground=1.38),
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture (H, W, 3) uint8 and where its figures are (H, W) in 0..1."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.float32]


def draw(scene: SceneDescription, style: StyleVector | None = None, *, seed: int, size: int) -> Drawing:
    """Draws `scene`; the same arguments give the same pixels. `size` in pixels, at least 32."""
    style = style or StyleVector()
    rng = random.Random(seed)
    shot = _SHOTS[scene.shot]
    canvas = Image.new("RGB", (size * _OVERSAMPLE,) * 2)
    line = 0.0 if style.line < -0.6 else 0.004 + 0.009 * max(0.0, style.line)
    ink = mix(INK, (250, 250, 240), max(0.0, style.ink))
    place_pen = Pen(canvas, line * 0.8, zoom=shot.zoom, centre=(0.5, 0.52), ink=ink)
    if scene.indoor:
        draw_room(place_pen, scene.place, scene.time, scene.weather, rng)
        sky.high_window(Pen(canvas, line * 0.8, ink=ink), scene.time, scene.weather, rng)
    else:
        sky.sky(canvas, scene.time, scene.weather)
        sky.sun_or_moon(Pen(canvas, 0), scene.time, scene.weather, 0.78)
        draw_landscape(place_pen, scene.place, scene.weather, rng)
        if scene.weather == "fog":
            canvas = sky.fog(canvas, scene.time, 0.6)
    pen = Pen(canvas, line, ink=ink)
    _objects(pen, scene, shot, rng)
    before = np.asarray(canvas).copy()
    _figures(pen, scene, shot, rng)
    changed = (np.asarray(canvas) != before).any(axis=2)
    mask = changed.reshape(size, _OVERSAMPLE, size, _OVERSAMPLE).mean(axis=(1, 3), dtype=np.float32)
    if not scene.indoor:
        sky.falling(pen, scene.weather, rng, (0.0, 0.0, 1.06, 1.0))
    pixels: NDArray[np.floating[Any]] = np.asarray(canvas.reduce(_OVERSAMPLE), np.float32) / 255
    pixels = sky.light(pixels, scene.time, indoor=scene.indoor)
    pixels = finish(pixels, mask, style, np.random.default_rng(seed))
    return Drawing((pixels * 255 + 0.5).astype(np.uint8), mask)


def _figures(pen: Pen, scene: SceneDescription, shot: _Shot, rng: random.Random) -> None:
    if not scene.figures:
        return
    two = len(scene.figures) == 2
    height = shot.height * (0.88 if two and scene.shot == "close" else 1.0)
    ground = shot.ground - (shot.height - height)
    places = figure_places(
        tuple(figure.side for figure in scene.figures), scene.figures[0].verb, shot.height / 0.76
    )
    for index, (figure, x) in enumerate(zip(scene.figures, places, strict=True)):
        facing = (1, -1)[index] if two else -1 if figure.side == "right" else 1
        jitter = rng.uniform(-0.006, 0.006)
        drop = 0.0
        if scene.shot == "close":
            # Seated, squatting and small people come up to the camera, which frames faces.
            low = {"sit": 0.16, "squat": 0.26}.get(figure.verb, 0.0)
            child = 0.16 if figure.appearance.kind in ("boy", "girl") else 0.0
            drop = -(low + child) * height
        draw_figure(pen, figure, x + jitter, ground + drop * 0.8, height, facing)


def _objects(pen: Pen, scene: SceneDescription, shot: _Shot, rng: random.Random) -> None:
    taken = {figure.side for figure in scene.figures}
    for name in scene.objects:
        if "left" in taken and "right" in taken:
            x = 0.5
        elif "left" in taken:
            x = 0.76
        elif "right" in taken:
            x = 0.24
        else:
            x = rng.choice((0.16, 0.84)) if taken else 0.5
        size = {"wide": 0.26, "medium": 0.34, "close": 0.42}[scene.shot]
        draw_placed(pen, name, x, min(shot.ground, 0.96), size)
