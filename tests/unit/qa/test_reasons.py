"""Reasons and wishes that prose gives."""

import pytest

from reelmill_qa.reasons import reasons

NAMES = ["Mara", "Tom", "Tom Reed"]


@pytest.mark.parametrize(
    ("prose", "question", "answer"),
    [
        (
            "Mara leaves the pier because the lamp is out.",
            "why does Mara leave the pier?",
            "because the lamp is out",
        ),
        ("Tom Reed carries it, because it is heavy.", "why does Tom Reed carry it?", "because it is heavy"),
        ("Mara is late because it rains.", "why is Mara late?", "because it rains"),
        ("Mara and Tom run because it rains.", "why do Mara and Tom run?", "because it rains"),
        (
            "That night, because Tom would not let it end, Mara finds him on the beach and asks.",
            "why does Mara find him on the beach?",
            "because Tom would not let it end",
        ),
        (
            "With Tom, the baker, Mara sets out to find the lamp, before dawn.",
            "what does Mara set out to do?",
            "Mara sets out to find the lamp, before dawn",
        ),
        (
            "Mara and Tom want to know why it was hidden, and that leads them on.",
            "what do Mara and Tom want to know?",
            "Mara and Tom want to know why it was hidden",
        ),
    ],
)
def test_a_reason_or_wish_becomes_a_question(prose: str, question: str, answer: str) -> None:
    assert list(reasons(f"It rains. {prose} Nobody sleeps.", NAMES)) == [(question, answer)]


@pytest.mark.parametrize(
    "prose",
    [
        "Mara left because the lamp was out.",
        "Because of the rain, Mara stays.",
        "Nobody knows because nobody asks.",
        "The keeper leaves because the lamp is out.",
        "Mara sets out at dawn.",
        "",
    ],
)
def test_what_is_beyond_the_patterns_is_passed_over(prose: str) -> None:
    assert list(reasons(prose, NAMES)) == []
