"""The vocabulary is closed: what cannot be drawn cannot be described."""

import random

import pytest

from reelmill_world import (
    AXIS_WORDS,
    HELD_OBJECTS,
    HELD_OUT_DISTANCE,
    HELD_OUT_STYLES,
    INDOOR_PLACES,
    NAMED_STYLES,
    OBJECTS,
    OUTDOOR_PLACES,
    PALETTE_AXES,
    PLACED_OBJECTS,
    PLACES,
    PRESENT_PARTICIPLES,
    STYLE_AXES,
    VERBS,
    Appearance,
    Figure,
    SceneDescription,
    StyleVector,
    is_indoor,
    nearest_named_style,
    random_scene,
    random_style,
)

ANN = Appearance("woman", colour="red")


def test_every_place_is_either_indoor_or_outdoor() -> None:
    assert len(PLACES) >= 24
    assert {place for place in PLACES if is_indoor(place)} == set(INDOOR_PLACES)
    assert not set(INDOOR_PLACES) & set(OUTDOOR_PLACES)


def test_there_are_many_things_and_each_is_either_held_or_placed() -> None:
    assert len(OBJECTS) >= 20
    assert len(set(OBJECTS)) == len(OBJECTS)
    assert set(OBJECTS) == set(HELD_OBJECTS) | set(PLACED_OBJECTS)


def test_every_verb_has_its_participle() -> None:
    assert set(PRESENT_PARTICIPLES) == set(VERBS)


def test_every_axis_has_words_but_a_palettes_colours_and_what_tiles_are_like() -> None:
    wordless = {axis for axis in STYLE_AXES if axis not in AXIS_WORDS}
    assert wordless == {axis for axis in STYLE_AXES if axis in PALETTE_AXES} | {"ragged", "grout"}
    assert [axis for axis in STYLE_AXES if axis in AXIS_WORDS] == list(AXIS_WORDS)


@pytest.mark.parametrize(
    ("field", "build"),
    [
        ("place", lambda: SceneDescription.of("moon")),
        ("time", lambda: SceneDescription.of("beach", time="noonish")),
        ("weather", lambda: SceneDescription.of("beach", weather="hail")),
        ("shot", lambda: SceneDescription.of("beach", shot="aerial")),
        ("objects", lambda: SceneDescription.of("beach", objects=["sword"])),
        ("figures", lambda: SceneDescription.of("beach", figures=[Figure(ANN)] * 3)),
        ("figures", lambda: SceneDescription.of("beach", figures=[Figure(ANN), Figure(ANN)])),
        ("figures", lambda: SceneDescription.of("beach", figures=[Figure(ANN, "hug")])),
        ("kind", lambda: Appearance("robot", colour="red")),
        ("colour", lambda: Appearance("man", colour="beige")),
        ("held", lambda: Figure(ANN, "hold")),
        ("held", lambda: Figure(ANN, "stand", held="book")),
        ("held", lambda: Figure(ANN, "hold", held="piano")),
        ("verb", lambda: Figure(ANN, "fly")),
        ("mood", lambda: Figure(ANN, mood="bored")),
        ("warmth", lambda: StyleVector(warmth=1.5)),
    ],
)
def test_what_is_not_in_the_vocabulary_is_refused_by_the_name_of_its_field(field: str, build: object) -> None:
    assert callable(build)
    with pytest.raises(ValueError, match=field):
        build()


def test_random_scenes_reach_the_whole_vocabulary_and_repeat_with_their_seed() -> None:
    scenes = [random_scene(random.Random(seed)) for seed in range(800)]
    assert {scene.place for scene in scenes} == set(PLACES)
    assert {name for scene in scenes for name in scene.objects} == set(PLACED_OBJECTS)
    assert {figure.held for scene in scenes for figure in scene.figures} == {*HELD_OBJECTS, None}
    assert {figure.verb for scene in scenes for figure in scene.figures} == set(VERBS)
    assert {len(scene.figures) for scene in scenes} == {0, 1, 2}
    assert scenes == [random_scene(random.Random(seed)) for seed in range(800)]


def test_random_styles_spread_over_every_axis() -> None:
    rng = random.Random(0)
    columns = dict(
        zip(STYLE_AXES, zip(*(random_style(rng).values() for _ in range(400)), strict=True), strict=True)
    )
    assert all(max(column) > 0.8 for axis, column in columns.items() if axis not in PALETTE_AXES)
    assert all(max(columns[axis]) - min(columns[axis]) > 0.8 for axis in PALETTE_AXES)


def test_random_styles_keep_away_from_the_held_out_ones() -> None:
    rng = random.Random(0)
    styles = [random_style(rng) for _ in range(400)]
    nearest = min(style.distance(other) for style in styles for other in HELD_OUT_STYLES.values())
    assert nearest > HELD_OUT_DISTANCE


def test_held_out_styles_are_beyond_the_words_of_captions() -> None:
    """Written out as well as words can and read back, each is still far from what it is."""
    for name, style in HELD_OUT_STYLES.items():
        told = {axis: getattr(style, axis) for axis in AXIS_WORDS}
        assert StyleVector(**told).distance(style) > 0.15, name


@pytest.mark.parametrize("name", NAMED_STYLES)
def test_a_named_style_is_nearest_to_itself_and_apart_from_the_others(name: str) -> None:
    assert nearest_named_style(NAMED_STYLES[name]) == name
    assert all(
        NAMED_STYLES[name].distance(style) > 0.2 for other, style in NAMED_STYLES.items() if other != name
    )
