"""Reading what language models write: schemas, repairs, closed lists."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from reelmill_llm.reading import UnreadableAnswer, is_refusal, read_answer, strict_schema
from reelmill_script.llm.answers import ActionAnswer, FrameAnswer, OutlineAnswer
from reelmill_script.llm.collecting import collect
from reelmill_script.llm.names import Names


class Thing(BaseModel):
    name: str
    parts: list[str]


class Things(BaseModel):
    things: list[Thing]


GOOD = '{"name": "lamp", "parts": ["wick", "oil"]}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Here you are [as asked]: {GOOD} Anything else?",
        '{"name": "lamp", "parts": ["wick", "oil",],}',
        f"<think>maybe {{this}}</think>{GOOD}",
        f"{GOOD}\n{GOOD}",
        '{"name": "lamp",\n"parts": ["wick", "oil"], "more": 1}',
    ],
)
def test_small_slips_are_mended(text: str) -> None:
    assert read_answer(text, Thing) == Thing(name="lamp", parts=["wick", "oil"])


def test_a_bare_list_stands_for_the_only_field() -> None:
    assert read_answer(f"[{GOOD}]", Things).things[0].name == "lamp"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("A lamp.", "no JSON"),
        (GOOD[:-12], "not valid JSON"),
        ('{"name": "lamp"}', "parts"),
        ('{"name": 5, "parts": []}', "name"),
        ('{"a":' * 100_000, "nested|JSON"),
    ],
)
def test_what_cannot_be_mended_says_why(text: str, why: str) -> None:
    with pytest.raises(UnreadableAnswer, match=why):
        read_answer(text, Thing)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I cannot write this story.", True),
        ("“Sorry, no.”", True),
        ("Sorry is a good title: " + GOOD, False),
        ("The lamp is lit.", False),
    ],
)
def test_refusals_in_words_are_told_from_answers(text: str, refused: bool) -> None:
    assert is_refusal(text) is refused


def test_schemas_are_strict_everywhere_and_without_unsupported_words() -> None:
    def objects(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, list):
            return [found for item in node for found in objects(item)]
        if not isinstance(node, dict):
            return []
        here = [node] if node.get("type") == "object" else []
        return here + [found for value in node.values() for found in objects(value)]

    schema = strict_schema(OutlineAnswer)
    assert len(objects(schema)) == 6
    for found in objects(schema):
        assert found["additionalProperties"] is False
        assert set(found["required"]) == set(found["properties"])
    assert "maxLength" not in str(schema)
    assert "title" in schema["properties"]


def action(verb: str) -> ActionAnswer:
    return ActionAnswer(character="Mara", verb=verb, target="", expression="calm")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "drawn"),
    [
        ("stand", "stand"),
        ("Sitting", "sit"),
        ("looks at", "look"),
        ("hugged", "hug"),
        ("hugging", "hug"),
        ("whispers", "talk"),
        ("running", "walk"),
        ("crouches", "squat"),
        ("carries", "hold"),
        ("takes", "hold"),
        ("embracing", "hug"),
    ],
)
def test_verbs_become_those_that_can_be_drawn(said: str, drawn: str) -> None:
    assert action(said).verb == drawn


def test_a_verb_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValidationError):
        action("philosophise")


@pytest.mark.parametrize(
    ("said", "time"),
    [("Night", "night"), ("late afternoon", "day"), ("at dawn", "morning"), ("dusk", "evening")],
)
def test_times_of_day_become_the_four_that_are_known(said: str, time: str) -> None:
    frame = FrameAnswer(description="x", time_of_day=said, actions=[], dialogue=[])  # type: ignore[arg-type]
    assert frame.time_of_day == time


def test_names_are_found_in_spite_of_case_articles_and_surnames() -> None:
    names = Names(["Mara Lund", "Tomas", "old mill"], "names")
    assert names.get("mara") == "Mara Lund"
    assert names.get("TOMAS Berg") == "Tomas"
    assert names.get("the Old Mill") == "old mill"


def test_a_name_that_could_be_two_people_is_refused() -> None:
    with pytest.raises(ValueError, match="not one of the characters"):
        Names(["Mara Lund", "Eva Lund"], "characters").get("Lund")


async def test_missing_items_are_asked_for_and_excess_is_left_out() -> None:
    wanted: list[int] = []

    async def two_at_a_time(missing: int, so_far: Any) -> list[int]:
        wanted.append(missing)
        return [len(so_far), len(so_far) + 1]

    assert await collect("things", 5, two_at_a_time) == [0, 1, 2, 3, 4]
    assert wanted == [5, 3, 1]
