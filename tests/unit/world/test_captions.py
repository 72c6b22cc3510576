"""Captions say what a scene shows, in words the model was taught."""

import random
import re
from dataclasses import replace

import pytest

from reelmill_world import (
    NAMED_STYLES,
    Appearance,
    Figure,
    SceneDescription,
    appearance_phrase,
    caption,
    figure_phrase,
    random_scene,
    random_style,
    style_words,
)

MARA = Appearance("woman", colour="green", garment="coat", hair="red", build="slim")
TOM = Appearance("boy", colour="orange", garment="shirt", hair="black")


def test_the_canonical_caption_names_shot_figures_place_time_weather_and_style_in_this_order() -> None:
    scene = SceneDescription.of(
        "street",
        time="evening",
        weather="rain",
        figures=[
            Figure(MARA, "walk", "sad", side="left"),
            Figure(TOM, "hold", side="right", held="umbrella"),
        ],
        objects=["dog"],
    )
    assert caption(scene, "noir") == (
        "medium shot of a sad slim woman with red hair in a green coat walking on the left and a boy "
        "with black hair in an orange shirt holding an umbrella on the right, in the street, evening, rain, "
        "with a dog, in noir style"
    )


def test_an_empty_place_is_the_subject_of_its_caption() -> None:
    assert caption(SceneDescription.of("beach", shot="wide")) == "wide shot of the beach, day, clear weather"


def test_two_people_hugging_are_one_phrase() -> None:
    scene = SceneDescription.of(
        "garden", figures=[Figure(MARA, "hug", side="left"), Figure(TOM, "hug", side="right")]
    )
    assert "in a green coat hugging a boy with black hair" in caption(scene)


def test_a_learned_style_keeps_its_token_untouched() -> None:
    scene = SceneDescription.of("library")
    assert caption(scene, "<style>").endswith(", in <style> style")
    assert all("<style> style" in caption(scene, "<style>", random.Random(seed)) for seed in range(3))


def test_appearance_leaves_the_mood_out_and_the_figure_phrase_adds_it() -> None:
    assert appearance_phrase(MARA) == "a slim woman with red hair in a green coat"
    assert (
        figure_phrase(Figure(MARA, "sit", "angry"))
        == "an angry slim woman with red hair in a green coat sitting"
    )


def test_varied_captions_differ_and_never_contradict_the_scene() -> None:
    rng = random.Random(5)
    for _ in range(300):
        scene = random_scene(rng)
        texts = {caption(scene, "noir", random.Random(seed)) for seed in range(12)}
        assert len(texts) > 2
        told = {figure.appearance.colour for figure in scene.figures}
        for text in texts:
            clothes = set(re.findall(r"in an? (\w+) (?:coat|shirt|sweater|suit|dress)", text))
            assert clothes <= told
            assert text.count("noir") <= 1


def test_the_same_seed_writes_the_same_caption() -> None:
    scene = random_scene(random.Random(1))
    assert caption(scene, "neon", random.Random(2)) == caption(scene, "neon", random.Random(2))


def test_canonical_captions_tell_any_two_different_scenes_apart() -> None:
    scene = SceneDescription.of("cafe", figures=[Figure(MARA)])
    changed = [
        replace(scene, place="office"),
        replace(scene, time="night"),
        replace(scene, weather="fog"),
        replace(scene, shot="close"),
        replace(scene, objects=("lamp",)),
        replace(scene, figures=(Figure(TOM),)),
        replace(scene, figures=(Figure(MARA, mood="happy"),)),
        replace(scene, figures=(Figure(MARA, side="left"),)),
        replace(scene, figures=(Figure(MARA, verb="squat"),)),
    ]
    assert len({caption(one) for one in [scene, *changed]}) == len(changed) + 1


@pytest.mark.parametrize("name", NAMED_STYLES)
def test_named_styles_have_words_of_their_own(name: str) -> None:
    others = {style_words(style) for other, style in NAMED_STYLES.items() if other != name}
    assert style_words(NAMED_STYLES[name]) not in others | {"plain"}


def test_style_words_name_strong_axes_first() -> None:
    rng = random.Random(3)
    for _ in range(50):
        words = style_words(random_style(rng))
        strengths = [part for part in re.split(r" (?=very )|(?<!very) ", words) if part]
        very = [part.startswith("very") for part in strengths]
        assert very == sorted(very, reverse=True)
