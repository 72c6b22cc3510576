"""Questions and answers from files of JSON Lines, read line by line: a large file needs little memory."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelmill_kit.errors import invalid

from .asked_by import AskedBy

LETTERS = "ABCDE"
_LONGEST_LINE = 4 * 1024 * 1024
_NAMED = re.compile(r"\b(?i:answer|choice|option)\b(?i: is)?\W{0,4}([A-E])(?=\W*$|[.):,;*])")


@dataclass(frozen=True, slots=True)
class BenchmarkQuestion:
    id: str
    movie: str
    level: str
    kind: str
    question: str
    answer: str
    choices: tuple[str, ...]
    right_choice: int | None
    frames: tuple[int, ...] = ()
    """Of the part that it is about; none: nobody has said."""
    evidence: frozenset[int] = frozenset()
    """The frames that prove the answer."""


@dataclass(slots=True)
class Answers:
    """What a model answered, by question. `choices` where it named a choice, from 0."""

    name: str
    texts: dict[str, str] = field(default_factory=dict)
    choices: dict[str, int] = field(default_factory=dict)
    unknown: int = 0
    """Answers to questions that are not asked here; they are left out."""
    repeated: int = 0
    """Answers to questions that had one already; the first counts."""
    asked_by: AskedBy | None = None

    def has(self, question: str) -> bool:
        return question in self.texts or question in self.choices


def read_questions(path: Path) -> list[BenchmarkQuestion]:
    """A release's `questions/<split>.jsonl`. Raises INVALID_FIELD naming file, line and field."""
    found = []
    for number, row in read_rows(path):
        where = f"{path.name}:{number}"
        choices = row.get("choices") or []
        if not isinstance(choices, list) or not all(isinstance(one, str) for one in choices):
            raise invalid(where, "choices is no list of texts")
        right = row.get("right_choice")
        if choices and not (isinstance(right, int) and 0 <= right < len(choices)):
            raise invalid(where, f"right_choice {right!r} is none of {len(choices)} choices")
        texts = {name: _text(row, name, where) for name in ("id", "movie", "question", "answer")}
        found.append(
            BenchmarkQuestion(
                **texts,
                level=str(row.get("level", "")),
                kind=str(row.get("kind", "")),
                choices=tuple(choices),
                right_choice=right if choices else None,
                frames=_frames(row, where),
                evidence=_evidence(row, where),
            )
        )
    if not found:
        raise invalid(path.name, "has no questions")
    if len({one.id for one in found}) < len(found):
        raise invalid(path.name, "has a question's id more than once")
    return found


def read_answers(path: Path, questions: list[BenchmarkQuestion], name: str = "") -> Answers:
    """`{"id": .., "answer": ".."}` or `{"id": .., "choice": "B" or 1}` a line; a choice counts from 0.

    Raises INVALID_FIELD naming file, line and field at the first line that cannot be read.
    """
    known = {question.id: question for question in questions}
    answers = Answers(name or path.stem)
    for number, row in read_rows(path):
        where = f"{path.name}:{number}"
        question = known.get(_text(row, "id", where))
        if question is None:
            answers.unknown += 1
        elif answers.has(question.id):
            answers.repeated += 1
        elif (choice := row.get("choice")) is not None:
            answers.choices[question.id] = _choice(choice, question, where)
        else:
            answers.texts[question.id] = _text(row, "answer", where, empty=True)
    return answers


def chosen(question: BenchmarkQuestion, answers: Answers) -> int | None:
    """Which choice an answer names: by number, letter, or its own words."""
    if question.id in answers.choices:
        return answers.choices[question.id]
    return choice_in(answers.texts.get(question.id, ""), question)


def choice_in(said: str, question: BenchmarkQuestion) -> int | None:
    """Which choice is named: by its own words, by its letter in front, or as "the answer is B"."""
    text = " ".join(said.split())
    if not text:
        return None
    alike = [n for n, choice in enumerate(question.choices) if _plain(choice) == _plain(text)]
    if len(alike) == 1:
        return alike[0]
    letters = LETTERS[: len(question.choices)]
    word, *more = text.lstrip("([*").split(" ", 1)
    head = word.rstrip(".):,*").upper()
    # "A man" names no choice.
    if len(head) == 1 and head in letters and not (more and word == "A"):
        return letters.index(head)
    named = set(_NAMED.findall(text)) & set(letters)
    return letters.index(named.pop()) if len(named) == 1 else None


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every line that is not empty, with its number from 1."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE + 1):
                number += 1
                where = f"{path.name}:{number}"
                if len(line) > _LONGEST_LINE:
                    raise invalid(where, f"the line is longer than {_LONGEST_LINE // 2**20} MiB")
                if not line.strip():
                    continue
                yield number, _object(line, where)
    except OSError as error:
        raise invalid(str(path), f"cannot be read: {error.strerror or error}") from error


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except UnicodeDecodeError as error:
        raise invalid(where, f"is not UTF-8 (byte {error.start + 1})") from error
    except (json.JSONDecodeError, RecursionError) as error:
        detail = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "deep"
        raise invalid(where, f"is not valid JSON ({detail})") from error
    if not isinstance(row, dict):
        raise invalid(where, "is not a JSON object")
    return row


def _text(row: dict[str, Any], name: str, where: str, *, empty: bool = False) -> str:
    value = row.get(name)
    if not isinstance(value, str) or (not value.strip() and not empty):
        raise invalid(where, f"{name} is missing or no text")
    return value


def _frames(row: dict[str, Any], where: str) -> tuple[int, ...]:
    frames = row.get("frames") or []
    if not isinstance(frames, list) or not all(isinstance(one, int) and one >= 0 for one in frames):
        raise invalid(where, "frames is no list of frame numbers")
    return tuple(sorted(frames))


def _evidence(row: dict[str, Any], where: str) -> frozenset[int]:
    proofs = row.get("evidence") or []
    try:
        return frozenset(int(proof["frame"]) for proof in proofs)
    except (KeyError, TypeError, ValueError) as error:
        raise invalid(where, "evidence is no list of frames") from error


def _choice(value: Any, question: BenchmarkQuestion, where: str) -> int:
    count = len(question.choices)
    if isinstance(value, str) and len(value.strip()) == 1 and value.strip().upper() in LETTERS[:count]:
        return LETTERS.index(value.strip().upper())
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count:
        return value
    raise invalid(where, f"choice {str(value)[:40]!r} is none of {count} choices")


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(".")
