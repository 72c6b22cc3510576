"""Scores of short-video benchmarks over a user's own answers: MSVD-QA, MSRVTT-QA, and Video-ChatGPT's five.

Each line of an answer file is one JSON object. MSVD-QA and MSRVTT-QA: {"question", "answer", "pred"};
Video-ChatGPT: the same, and for consistency {"question1", "question2", "answer", "pred1", "pred2"}.
"""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from reelmill_kit.errors import invalid
from reelmill_llm import Llm, Prompt

from .judging import Bench, Score
from .prompts import prompt_text
from .reading import read_rows
from .statistics import wilson


class Dataset(StrEnum):
    MSVD_QA = "msvd-qa"
    MSRVTT_QA = "msrvtt-qa"
    VIDEO_CHATGPT = "video-chatgpt"


DIMENSIONS = {
    "correctness": "whether what the answer says is right and none of it is made up",
    "detail": "how complete the answer is, and how specific, compared with the reference",
    "context": "whether the answer fits what the video as a whole is about",
    "temporal": "whether the answer has the order of events right",
    "consistency": "whether the two answers agree with each other and with the reference",
}


class Correct(BaseModel):
    correct: Literal["yes", "no"]
    score: Score


class Scored(BaseModel):
    score: Score


class ShortResult(BaseModel):
    """`accuracy` with its 95 % interval where answers are right or wrong; `scores` are means of 0 to 5."""

    dataset: str
    asked: int
    invalid: int
    accuracy: tuple[float, float, float] | None = None
    scores: dict[str, float]


async def score(
    bench: Bench, dataset: Dataset, path: Path, judges: Sequence[Llm], dimensions: Sequence[str] = ()
) -> ShortResult:
    """Judged by all judges; an answer is right where most of them say so.

    Raises INVALID_FIELD naming the line and the field that is missing.
    """
    rows = [_checked(row, f"{path.name}:{number}", dataset) for number, row in read_rows(path)]
    if not rows:
        raise invalid(path.name, "has no answers")
    if dataset is Dataset.VIDEO_CHATGPT:
        return await _dimensions(bench, rows, judges, dimensions or tuple(DIMENSIONS))
    return await _right_or_wrong(bench, dataset, rows, judges)


async def _right_or_wrong(
    bench: Bench, dataset: Dataset, rows: list[dict[str, str]], judges: Sequence[Llm]
) -> ShortResult:
    system = prompt_text("correct")

    async def judged(row: dict[str, str]) -> list[Correct | None]:
        data = {"question": row["question"], "reference": row["answer"], "answer": row["pred"]}
        prompt = Prompt("correct", system, json.dumps(data, ensure_ascii=False))
        return [await bench.ask(judge, prompt, Correct) for judge in judges]

    judged_rows = await bench.all("judging", [judged(row) for row in rows])
    words = [[one for one in row if one is not None] for row in judged_rows]
    usable = [row for row in words if row]
    right = sum(2 * sum(one.correct == "yes" for one in row) > len(row) for row in usable)
    found = wilson(right, len(usable))
    scores = [sum(one.score for one in row) / len(row) for row in usable]
    return ShortResult(
        dataset=dataset.value,
        asked=len(rows),
        invalid=len(rows) - len(usable),
        accuracy=(found.value, found.low, found.high),
        scores={"score": _mean(scores)},
    )


async def _dimensions(
    bench: Bench, rows: list[dict[str, str]], judges: Sequence[Llm], dimensions: Sequence[str]
) -> ShortResult:
    async def judged(name: str, row: dict[str, str]) -> float | None:
        system = prompt_text("dimension", dimension=DIMENSIONS[name])
        prompt = Prompt(name, system, json.dumps(row, ensure_ascii=False))
        words = [await bench.ask(judge, prompt, Scored) for judge in judges]
        scores = [one.score for one in words if one is not None]
        return _mean(scores) if scores else None

    work = [(name, row) for name in dimensions for row in rows if ("pred2" in row) == (name == "consistency")]
    scores = await bench.all("judging", [judged(name, row) for name, row in work])
    found = {
        name: [score for (of, _), score in zip(work, scores, strict=True) if of == name and score is not None]
        for name in dimensions
    }
    return ShortResult(
        dataset=Dataset.VIDEO_CHATGPT.value,
        asked=len(work),
        invalid=sum(score is None for score in scores),
        scores={name: _mean(values) for name, values in found.items() if values},
    )


def _checked(row: dict[str, Any], where: str, dataset: Dataset) -> dict[str, str]:
    names: tuple[str, ...] = ("question", "answer", "pred")
    if dataset is Dataset.VIDEO_CHATGPT and "pred1" in row:
        names = ("question1", "question2", "answer", "pred1", "pred2")
    for name in names:
        if not isinstance(row.get(name), str):
            raise invalid(where, f"{name} is missing or no text")
    return {name: row[name] for name in names}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
