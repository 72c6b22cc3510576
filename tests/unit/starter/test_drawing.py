"""Drawings show what the scene says."""

from functools import partial

import numpy as np
import pytest

from reelmill_starter import drawing
from reelmill_world import (
    COLOURS,
    HELD_OBJECTS,
    NAMED_STYLES,
    PLACED_OBJECTS,
    PLACES,
    VERBS,
    Appearance,
    Figure,
    SceneDescription,
    StyleVector,
)

# The tests count pixels.
draw = partial(drawing.draw, size=128)
BOB = Appearance("man", colour="red")


def one(verb: str = "stand", colour: str = "red", place: str = "garden") -> SceneDescription:
    held = "book" if verb == "hold" else None
    figure = Figure(Appearance("man", colour=colour), verb, held=held)
    return SceneDescription.of(place, figures=[figure])


def difference(first: SceneDescription, second: SceneDescription) -> float:
    a, b = (draw(scene, seed=1).pixels.astype(float) for scene in (first, second))
    return float(np.abs(a - b).mean())


def test_the_same_description_style_and_seed_give_the_same_pixels() -> None:
    style = NAMED_STYLES["retro"]
    first, second = (draw(one(), style, seed=4) for _ in range(2))
    assert np.array_equal(first.pixels, second.pixels)
    assert first.pixels.shape == (128, 128, 3)
    assert not np.array_equal(first.pixels, draw(one(), style, seed=5).pixels)


@pytest.mark.parametrize("place", PLACES)
def test_every_place_differs_from_every_other_at_every_time(place: str) -> None:
    for time in ("day", "night"):
        here = SceneDescription.of(place, time=time)
        others = [SceneDescription.of(other, time=time) for other in PLACES if other != place]
        assert min(difference(here, other) for other in others) > 8


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("stand", "hug")])
def test_every_verb_is_seen(verb: str) -> None:
    assert difference(one("stand"), one(verb)) > 0.8


@pytest.mark.parametrize("colour", COLOURS)
def test_the_colour_of_clothes_fills_a_good_part_of_the_figure(colour: str) -> None:
    plain, other = (draw(one(colour=name), seed=1) for name in (colour, "red" if colour != "red" else "blue"))
    changed = np.abs(plain.pixels.astype(int) - other.pixels).max(axis=2) > 12
    assert changed.sum() > 0.4 * plain.mask.sum()


@pytest.mark.parametrize("name", HELD_OBJECTS)
def test_every_held_object_is_seen(name: str) -> None:
    scenes = [
        SceneDescription.of("desert", figures=[Figure(BOB, "hold", held=held)])
        for held in (name, "ball" if name != "ball" else "cup")
    ]
    assert difference(*scenes) > 0.5


@pytest.mark.parametrize("name", PLACED_OBJECTS)
def test_every_placed_object_is_seen(name: str) -> None:
    assert difference(SceneDescription.of("hospital"), SceneDescription.of("hospital", objects=[name])) > 0.8


def test_the_mask_lies_where_the_figure_stands() -> None:
    left = draw(SceneDescription.of("beach", figures=[Figure(BOB, side="left")]), seed=2).mask
    assert left[:, :64].sum() > 5 * left[:, 64:].sum()
    assert left.sum() > 0.1 * left.size
    assert draw(SceneDescription.of("beach"), seed=2).mask.sum() == 0


def test_figures_are_large() -> None:
    rows = np.flatnonzero(draw(one(), seed=1).mask.max(axis=1) > 0.5)
    assert np.ptp(rows) > 0.6 * 128


def test_night_is_darker_and_snow_is_whiter() -> None:
    def brightness(time: str = "day", weather: str = "clear") -> float:
        return float(draw(SceneDescription.of("mountain", time=time, weather=weather), seed=1).pixels.mean())

    assert brightness(time="night") < 0.6 * brightness(time="day")
    assert brightness(weather="snow") > brightness(weather="rain")


def test_style_axes_do_what_their_names_say() -> None:
    scene = one(place="street")

    def pixels(**axes: float) -> np.ndarray:
        return draw(scene, StyleVector(**axes), seed=1).pixels.astype(float)

    plain = pixels()
    assert np.ptp(pixels(saturation=-1), axis=2).mean() < 2
    assert pixels(light=1).mean() > plain.mean() > pixels(light=-1).mean()
    assert pixels(contrast=1).std() > plain.std() > pixels(contrast=-1).std()
    warm, cool = pixels(warmth=1), pixels(warmth=-1)
    assert (warm[..., 0] - warm[..., 2]).mean() > (cool[..., 0] - cool[..., 2]).mean() + 30
    assert pixels(tint=-1)[..., 1].mean() > pixels(tint=1)[..., 1].mean() + 20
    assert (
        np.abs(np.diff(pixels(softness=1), axis=1)).mean()
        < np.abs(np.diff(pixels(softness=-1), axis=1)).mean()
    )
    assert np.abs(pixels(grain=1) - plain).mean() > 1
    assert pixels(vignette=1)[:16, :16].mean() < 0.8 * plain[:16, :16].mean()


@pytest.mark.parametrize("name", NAMED_STYLES)
def test_named_styles_look_different(name: str) -> None:
    scene = one(place="harbour")
    mine = draw(scene, NAMED_STYLES[name], seed=1).pixels.astype(float)
    others = [draw(scene, style, seed=1).pixels for other, style in NAMED_STYLES.items() if other != name]
    assert min(np.abs(mine - other).mean() for other in others) > 6
