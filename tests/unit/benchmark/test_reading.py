"""Files of questions and answers: what is taken, and which line is named when one is broken."""

import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from reelmill_benchmark.choices import accuracy, baselines, chance
from reelmill_benchmark.reading import BenchmarkQuestion, chosen, read_answers, read_questions
from reelmill_kit.errors import Reason, ReelmillError

CHOICES = ["At dawn.", "At noon.", "At dusk.", "At night.", "Never, as far as anybody can tell."]


def question(number: int, **fields: Any) -> dict[str, Any]:
    row = {
        "id": f"m-1/q-{number}",
        "movie": "m-1",
        "level": "scene",
        "kind": "temporal",
        "question": "When?",
        "answer": CHOICES[2],
        "choices": CHOICES,
        "right_choice": 2,
    }
    return row | fields


def written(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


@pytest.fixture
def asked(tmp_path: Path) -> list[BenchmarkQuestion]:
    return read_questions(written(tmp_path / "questions.jsonl", [question(n) for n in range(5)]))


@pytest.mark.parametrize(
    ("row", "choice"),
    [
        ({"choice": "C"}, 2),
        ({"choice": "c"}, 2),
        ({"choice": 0}, 0),
        ({"answer": "C"}, 2),
        ({"answer": "(B) At noon."}, 1),
        ({"answer": "D. At night."}, 3),
        ({"answer": "at dusk"}, 2),
        ({"answer": "I do not know"}, None),
        ({"answer": ""}, None),
    ],
)
def test_choices_are_read_by_letter_number_or_words(
    row: dict[str, Any], choice: int | None, asked: list[BenchmarkQuestion], tmp_path: Path
) -> None:
    answers = read_answers(written(tmp_path / "a.jsonl", [{"id": "m-1/q-0", **row}]), asked)
    assert chosen(asked[0], answers) == choice


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{broken", "not valid JSON"),
        ("[1]", "not a JSON object"),
        ('{"answer": "x"}', "id is missing"),
        ('{"id": "m-1/q-1"}', "answer is missing"),
        ('{"id": "m-1/q-1", "choice": "F"}', "none of 5 choices"),
        ('{"id": "m-1/q-1", "choice": 5}', "none of 5 choices"),
        ('{"id": "m-1/q-1", "choice": true}', "none of 5 choices"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_broken_line_is_named_by_its_number(
    line: str, said: str, asked: list[BenchmarkQuestion], tmp_path: Path
) -> None:
    rows = [{"id": "m-1/q-0", "answer": "x"}, "", line]
    with pytest.raises(ReelmillError, match=said) as caught:
        read_answers(written(tmp_path / "a.jsonl", rows), asked)
    assert (caught.value.reason, caught.value.metadata["field"]) == (Reason.INVALID_FIELD, "a.jsonl:3")


def test_bytes_that_are_no_text_are_named_by_their_line(
    asked: list[BenchmarkQuestion], tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": "m-1/q-0", "answer": "x"}\n{"id": "m-1/q-1", "answer": "\xff"}\n')
    with pytest.raises(ReelmillError, match="UTF-8") as caught:
        read_answers(path, asked)
    assert caught.value.metadata["field"] == "a.jsonl:2"


def test_a_large_file_with_a_broken_line_is_refused_in_little_memory(
    asked: list[BenchmarkQuestion], tmp_path: Path
) -> None:
    path, line = tmp_path / "large.jsonl", json.dumps({"id": "m-9/other", "answer": "x" * 2000}) + "\n"
    with path.open("w") as file:
        for _ in range(10_000):  # 20 MB
            file.write(line)
        file.write("{broken\n")
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(ReelmillError, match="not valid JSON") as caught:
        read_answers(path, asked)
    assert time.monotonic() - began < 20
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.metadata["field"] == "large.jsonl:10001"
    assert peak < 2_000_000


def test_strange_repeated_and_missing_answers_are_counted(
    asked: list[BenchmarkQuestion], tmp_path: Path
) -> None:
    rows = [
        {"id": "m-1/q-0", "choice": 2},
        {"id": "m-1/q-0", "choice": 1},
        {"id": "m-7/q-0", "answer": "x"},
        {"id": "m-1/q-1", "choice": 1},
    ]
    answers = read_answers(written(tmp_path / "a.jsonl", rows), asked)
    assert (answers.unknown, answers.repeated) == (1, 1)
    found = accuracy(asked, answers).all
    assert (found.right, found.asked, found.unanswered) == (1, 5, 3)


def test_blind_baselines_stand_beside_a_models_accuracy(asked: list[BenchmarkQuestion]) -> None:
    (longest,) = baselines(asked)
    assert longest.all.right == 0  # the longest is "Never, .."
    assert chance(asked) == pytest.approx(0.2)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [question(1), question(1)],
        [question(1, right_choice=5)],
        [question(1, choices="ABCDE")],
        [{"id": "x"}],
    ],
)
def test_questions_that_cannot_be_asked_are_refused(rows: list[Any], tmp_path: Path) -> None:
    with pytest.raises(ReelmillError) as caught:
        read_questions(written(tmp_path / "questions.jsonl", rows))
    assert caught.value.reason is Reason.INVALID_FIELD
