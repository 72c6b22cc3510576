from typing import Any

import pytest

from reelmill.v1 import script_pb2, style_pb2
from reelmill_kit.errors import ReelmillError
from reelmill_style.domain import (
    TOKEN,
    Defaults,
    StyleRequest,
    references_given,
    references_to_draw,
)

DEFAULTS = Defaults(steps=140, vectors=4, references=10)
NOIR = script_pb2.StyleText(keyword="noir", description="high contrast, hard shadows")


def request(**changes: Any) -> StyleRequest:
    message = style_pb2.LearnStyleRequest(**{"parent": "projects/acme", "style": NOIR, "seed": 7, **changes})
    return StyleRequest.parse(message, DEFAULTS)


def digest(asked: StyleRequest, model: str = "m") -> str:
    return asked.digest(model, references_to_draw(asked))


def test_what_a_request_leaves_out_is_the_services_default() -> None:
    asked = request()
    assert (asked.steps, asked.vectors, asked.references) == (140, 4, 10)
    chosen = request(options=style_pb2.StyleOptions(steps=9, vectors=2, references=3))
    assert (chosen.steps, chosen.vectors, chosen.references) == (9, 2, 3)


def test_the_same_request_for_the_same_model_is_the_same_style() -> None:
    assert digest(request()) == digest(request())
    spelled_out = request(options=style_pb2.StyleOptions(steps=140, vectors=4, references=10))
    assert digest(request()) == digest(spelled_out)
    assert digest(request()) == digest(request(movie="projects/acme/movies/m-1"))


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 8},
        {"style": script_pb2.StyleText(keyword="sepia", description=NOIR.description)},
        {"style": script_pb2.StyleText(keyword="noir")},
        {"options": style_pb2.StyleOptions(steps=141)},
        {"options": style_pb2.StyleOptions(vectors=5)},
        {"options": style_pb2.StyleOptions(references=11)},
    ],
)
def test_anything_that_changes_the_embedding_changes_the_style(changes: dict[str, Any]) -> None:
    assert digest(request(**changes)) != digest(request())


def test_another_model_is_another_style() -> None:
    assert digest(request(), "one") != digest(request(), "other")


def test_given_images_are_part_of_the_style() -> None:
    asked = request(references=[style_pb2.ReferenceImage(content=b"a")])
    of_a, of_b = (asked.digest("m", references_given([image])) for image in (b"a", b"b"))
    told = asked.digest("m", references_given([b"a"], ["a dog"]))
    assert len({of_a, of_b, told, digest(request())}) == 4


def test_references_differ_in_all_but_their_style() -> None:
    drawn = references_to_draw(request())
    assert len({r.drawing_prompt for r in drawn}) == len({r.seed for r in drawn}) == 10
    for reference in drawn:
        assert "in noir high contrast hard shadows style" in reference.drawing_prompt
        assert TOKEN not in reference.drawing_prompt
        assert reference.learning_prompt == reference.drawing_prompt.replace(
            "noir high contrast hard shadows", TOKEN
        )


def test_a_style_that_says_style_does_not_ask_for_a_learned_one() -> None:
    asked = request(style=script_pb2.StyleText(keyword="<style>", description="<style>"))
    assert all(TOKEN not in r.drawing_prompt for r in references_to_draw(asked))


def test_more_references_than_there_are_places_can_be_drawn() -> None:
    drawn = references_to_draw(request(options=style_pb2.StyleOptions(references=64)))
    assert len({r.seed for r in drawn}) == 64


@pytest.mark.parametrize("seed", [0, -(2**63), 2**63 - 1])
def test_any_seed_gives_seeds_that_fit_a_generator(seed: int) -> None:
    drawn = references_to_draw(request(seed=seed))
    assert all(0 <= r.seed < 2**63 for r in drawn)
    assert [r.seed for r in drawn] == [r.seed for r in references_to_draw(request(seed=seed))]


def test_given_references_are_learned_without_knowing_what_is_on_them() -> None:
    prompts = [r.learning_prompt for r in references_given([b"a", b"b", b"c", b"d"])]
    assert all(TOKEN in prompt for prompt in prompts)
    assert len(set(prompts)) == 3


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("parent", {"parent": ""}),
        ("parent", {"parent": "projects/a/../b"}),
        ("movie", {"movie": "projects/acme/movies/m/x"}),
        ("movie", {"movie": "projects/rival/movies/m-1"}),
        ("style.keyword", {"style": script_pb2.StyleText()}),
        ("style.keyword", {"style": script_pb2.StyleText(keyword="no\x00ir")}),
        ("style.keyword", {"style": script_pb2.StyleText(keyword="墨" * 10_000)}),
        ("style.description", {"style": script_pb2.StyleText(keyword="noir", description="x" * 10_000)}),
        ("style.description", {"style": script_pb2.StyleText(keyword="noir", description="x" * 10_000_000)}),
        (
            "references[0].caption",
            {"references": [style_pb2.ReferenceImage(content=b"x", caption="a" * 501)]},
        ),
        ("options.steps", {"options": style_pb2.StyleOptions(steps=5001)}),
        ("options.vectors", {"options": style_pb2.StyleOptions(vectors=-1)}),
        ("options.references", {"options": style_pb2.StyleOptions(references=65)}),
        ("references", {"references": [style_pb2.ReferenceImage(content=b"x")] * 33}),
        (
            "references[1]",
            {"references": [style_pb2.ReferenceImage(content=b"x"), style_pb2.ReferenceImage()]},
        ),
        ("references[0].key", {"references": [style_pb2.ReferenceImage(key="projects/rival/a.png")]}),
        ("references[0].key", {"references": [style_pb2.ReferenceImage(key="projects/acme/../rival/a.png")]}),
        ("references[0].key", {"references": [style_pb2.ReferenceImage(key="projects/acme")]}),
    ],
)
def test_bad_requests_are_refused_by_the_name_of_the_field(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ReelmillError) as refused:
        request(**changes)
    assert refused.value.metadata["field"] == field
    assert refused.value.status.name == "INVALID_ARGUMENT"


def test_a_style_of_given_images_needs_no_words() -> None:
    asked = request(style=script_pb2.StyleText(), references=[style_pb2.ReferenceImage(content=b"x")])
    assert (asked.text, asked.references) == ("", 1)
