"""Ways to make a picture that change more than its colours."""

from functools import partial

import numpy as np
import pytest

from reelmill_starter import drawing
from reelmill_starter.drawing.techniques import hollow, tiled, toned
from reelmill_world import HELD_OUT_STYLES, Appearance, Figure, SceneDescription, StyleVector

# The tests count pixels.
draw = partial(drawing.draw, size=128)
SCENE = SceneDescription.of("beach", figures=[Figure(Appearance("woman", colour="red"))])
PICTURE = draw(SCENE, seed=1).pixels.astype(np.float32) / 255


def test_hollow_pictures_are_mostly_paper_with_lines_of_the_ink() -> None:
    dark_on_white, white_on_dark = hollow(PICTURE, 1.0, ink=-1.0), hollow(PICTURE, 1.0, ink=1.0)
    assert np.median(dark_on_white) > 0.8
    assert dark_on_white.min() < 0.2
    assert np.median(white_on_dark) < 0.3
    assert white_on_dark.max() > 0.8


def test_toned_pictures_have_the_colours_of_their_palette_and_no_others() -> None:
    style = HELD_OUT_STYLES["night vision"]
    out = toned(PICTURE, style)
    assert (out[..., 1] >= out[..., 0] - 0.01).all(), (
        "green outweighs red at every brightness of this palette"
    )
    assert (out[..., 1] >= out[..., 2] - 0.01).all()


@pytest.mark.parametrize("ragged", [-1.0, 1.0])
def test_gaps_between_tiles_are_dark_or_light_as_the_grout_says(ragged: float) -> None:
    dark, light = (tiled(PICTURE, 1.0, ragged, grout) for grout in (-1.0, 1.0))
    gaps = np.abs(light - dark).max(axis=2) > 0.5
    assert 0.1 < gaps.mean() < 0.5
    assert light[gaps].mean() > dark[gaps].mean() + 0.5


def test_a_silhouette_darkens_the_figure_and_nothing_else() -> None:
    drawn = draw(SCENE, seed=1)
    dark = draw(SCENE, StyleVector(silhouette=1.0), seed=1).pixels
    inside, outside = drawn.mask > 0.99, drawn.mask < 0.01
    assert dark[inside].mean() < 0.2 * drawn.pixels[inside].mean()
    assert np.array_equal(dark[outside], drawn.pixels[outside])


def test_the_window_of_every_room_tells_the_weathers_apart() -> None:
    strips = {
        weather: draw(SceneDescription.of("kitchen", weather=weather), seed=1).pixels[2:15, 8:120].astype(int)
        for weather in ("clear", "rain", "snow", "fog")
    }
    names = list(strips)
    for position, one in enumerate(names):
        for other in names[position + 1 :]:
            assert np.abs(strips[one] - strips[other]).mean() > 12, (one, other)


def test_every_mood_but_calm_has_its_sign() -> None:
    def picture(mood: str) -> np.ndarray:
        figure = Figure(Appearance("man", colour="blue"), mood=mood)
        return draw(SceneDescription.of("desert", figures=[figure]), seed=1).pixels.astype(int)

    beside_the_head = (slice(20, 50), slice(20, 46))
    calm = picture("calm")[beside_the_head]
    signs = {
        mood: picture(mood)[beside_the_head] for mood in ("happy", "sad", "angry", "surprised", "afraid")
    }
    for mood, sign in signs.items():
        assert np.abs(sign - calm).max() > 60, mood
