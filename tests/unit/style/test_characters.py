"""Characters as the style stage is asked for them: which portraits, which digest, what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from reelmill.v1 import script_pb2, style_pb2
from reelmill_kit.errors import ReelmillError
from reelmill_kit.names import ProjectName
from reelmill_style.characters import Character, characters, given_style
from reelmill_style.domain import Defaults
from reelmill_world import PLACES

DEFAULTS = Defaults(steps=100, vectors=4, references=10, portraits=10, character_steps=60)
MARA = style_pb2.CharacterLook(token="<character-1>", appearance="an old woman with red hair in a blue coat")
TOMAS = style_pb2.CharacterLook(token="<character-2>", appearance="a slim man with grey hair in a brown suit")
STYLE = "projects/acme/styles/" + "0a" * 32


def request(**changes: Any) -> style_pb2.LearnStyleRequest:
    return style_pb2.LearnStyleRequest(
        **{"parent": "projects/acme", "seed": 7, "characters": [MARA, TOMAS], **changes}
    )


def mara(**changes: Any) -> Character:
    return characters(request(**changes), DEFAULTS)[0]


def test_portraits_say_the_words_and_are_learned_with_the_token_in_their_place() -> None:
    for portrait in mara().drawn_from():
        assert "old woman with red hair in a blue coat" in portrait.drawing_prompt
        said, learned = portrait.drawing_prompt, portrait.learning_prompt
        assert said.replace("an old woman", "a old woman").replace(mara().words, "<character-1>") == learned
        assert "<style>" in learned


def test_portraits_share_nothing_but_the_character() -> None:
    prompts = [portrait.drawing_prompt for portrait in mara().drawn_from()]
    assert len({place for place in PLACES for prompt in prompts if f"the {place}," in prompt}) == 10
    verbs = ("standing", "sitting", "looking", "talking", "holding", "squatting", "walking")
    assert all(any(verb in prompt for prompt in prompts) for verb in verbs)
    for words in (("on the left", "on the right"), ("morning", "night"), ("close", "medium")):
        assert all(any(word in prompt for prompt in prompts) for word in words)


def test_the_same_request_has_the_same_portraits_and_each_character_its_own() -> None:
    assert mara().drawn_from() == mara().drawn_from()
    assert mara(seed=8).drawn_from() != mara().drawn_from()
    tomas = characters(request(), DEFAULTS)[1]
    assert [p.seed for p in tomas.drawn_from()] != [p.seed for p in mara().drawn_from()]


@pytest.mark.parametrize(
    "change",
    [
        lambda: mara(seed=8).digest("model", "style"),
        lambda: mara(characters=[TOMAS]).digest("model", "style"),
        lambda: mara().digest("other", "style"),
        lambda: mara().digest("model", "other"),
    ],
)
def test_anything_that_changes_the_vectors_changes_the_digest(change: Callable[[], str]) -> None:
    assert mara().digest("model", "style") == mara(movie="projects/acme/movies/m-1").digest("model", "style")
    assert change() != mara().digest("model", "style")


@pytest.mark.parametrize(
    ("field", "looks"),
    [
        ("characters[0].token", [style_pb2.CharacterLook(token="<style>", appearance="a man")]),
        ("characters[0].token", [style_pb2.CharacterLook(token="<character-1000>", appearance="a man")]),
        ("characters[1].token", [MARA, MARA]),
        ("characters[1].appearance", [MARA, style_pb2.CharacterLook(token="<character-2>")]),
        (
            "characters[0].appearance",
            [style_pb2.CharacterLook(token="<character-1>", appearance="a <style>")],
        ),
        ("characters[0].appearance", [style_pb2.CharacterLook(token="<character-1>", appearance="x" * 201)]),
        ("characters", [MARA] * 9),
    ],
)
def test_what_is_no_character_is_refused_by_its_field(
    field: str, looks: list[style_pb2.CharacterLook]
) -> None:
    with pytest.raises(ReelmillError) as refused:
        characters(request(characters=looks), DEFAULTS)
    assert refused.value.metadata["field"] == field


@pytest.mark.parametrize(
    "changes",
    [
        {"learned_style": "projects/rival/styles/" + "0a" * 32},
        {"learned_style": "projects/acme/styles/../x"},
        {"learned_style": STYLE, "style": script_pb2.StyleText(keyword="noir")},
        {"learned_style": STYLE, "references": [style_pb2.ReferenceImage(content=b"x")]},
    ],
)
def test_a_style_that_was_learned_before_is_one_of_the_projects_and_nothing_else_is_given(
    changes: dict[str, Any],
) -> None:
    assert given_style(request(learned_style=STYLE), ProjectName("acme")) == "0a" * 32
    with pytest.raises(ReelmillError) as refused:
        given_style(request(**changes), ProjectName("acme"))
    assert refused.value.metadata["field"] == "learned_style"
