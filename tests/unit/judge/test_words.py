"""Words of style are no words of content."""

import pytest

from reelmill_judge import content_words
from reelmill_world import SceneDescription, caption

_SCENE = SceneDescription.of("beach", time="evening", shot="wide", objects=["dog"])


@pytest.mark.parametrize("words", ["noir", "<style>", "very warm grainy comic", "<style> soft", None])
def test_a_prompt_says_the_same_in_every_style(words: str | None) -> None:
    assert content_words(caption(_SCENE, words)) == caption(_SCENE)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("in noir style: a street, night", "a street, night"),
        ("a street, in <style> style, night", "a street, night"),
        ("<style> a street", "a street"),
        ("a man in a red coat, in the street", "a man in a red coat, in the street"),
        ("a man in a style of his own", "a man in a style of his own"),
        ("in noir style", "in noir style"),
    ],
)
def test_only_the_words_of_style_are_taken_away(text: str, left: str) -> None:
    assert content_words(text) == left
