"""What is kept for measuring follows from the words alone."""

import random

from reelmill_world import PLACES, Appearance, Figure, SceneDescription, is_held_out, random_scene


def test_about_one_scene_in_fifteen_is_kept_for_measuring() -> None:
    rng = random.Random(3)
    kept = sum(is_held_out(random_scene(rng)) for _ in range(5000)) / 5000
    assert 0.04 < kept < 0.09


def test_a_kept_combination_of_place_and_weather_is_kept_whatever_stands_there() -> None:
    assert is_held_out(SceneDescription.of("beach", time="evening", weather="fog"))
    dog = SceneDescription.of("beach", time="evening", weather="fog", shot="close", objects=["dog"])
    assert is_held_out(dog)
    assert not is_held_out(SceneDescription.of("beach", time="evening"))


def test_a_kept_figure_is_kept_wherever_it_stands() -> None:
    figure = Figure(Appearance("girl", "yellow", "suit"), verb="talk", side="right")
    other = Figure(Appearance("man", "red"), side="left")
    for place in PLACES:
        assert is_held_out(SceneDescription.of(place, figures=[other, figure]))
