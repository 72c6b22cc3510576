"""Choice accuracy: no judge, and blind baselines beside it."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from pydantic import BaseModel

from .reading import Answers, BenchmarkQuestion, chosen
from .statistics import Interval, wilson


class Share(BaseModel):
    """Right answers among questions asked, with Wilson's 95 % interval; unanswered ones are wrong."""

    right: int
    asked: int
    unanswered: int
    value: float
    low: float
    high: float


class Accuracy(BaseModel):
    model: str
    all: Share
    by_kind: dict[str, Share]
    by_level: dict[str, Share]


def accuracy(questions: Sequence[BenchmarkQuestion], answers: Answers) -> Accuracy:
    """Of the questions that have choices."""
    asked = [question for question in questions if question.choices]
    return _accuracy(answers.name, asked, lambda question: chosen(question, answers))


def baselines(questions: Sequence[BenchmarkQuestion]) -> list[Accuracy]:
    """What is right without any model: always the longest choice."""
    asked = [question for question in questions if question.choices]
    longest = _accuracy(
        "the longest choice", asked, lambda q: max(range(len(q.choices)), key=lambda n: len(q.choices[n]))
    )
    return [longest]


def chance(questions: Sequence[BenchmarkQuestion]) -> float:
    """The share of questions that is right by guessing."""
    asked = [question for question in questions if question.choices]
    return sum(1 / len(question.choices) for question in asked) / len(asked) if asked else 0.0


def _accuracy(
    name: str, asked: Sequence[BenchmarkQuestion], pick: Callable[[BenchmarkQuestion], int | None]
) -> Accuracy:
    picked = [(question, pick(question)) for question in asked]
    kinds: dict[str, list[tuple[BenchmarkQuestion, int | None]]] = defaultdict(list)
    levels: dict[str, list[tuple[BenchmarkQuestion, int | None]]] = defaultdict(list)
    for question, choice in picked:
        kinds[question.kind].append((question, choice))
        levels[question.level].append((question, choice))
    return Accuracy(
        model=name,
        all=_share(picked),
        by_kind={kind: _share(kinds[kind]) for kind in sorted(kinds)},
        by_level={level: _share(levels[level]) for level in sorted(levels)},
    )


def _share(picked: Sequence[tuple[BenchmarkQuestion, int | None]]) -> Share:
    right = sum(choice == question.right_choice for question, choice in picked)
    found: Interval = wilson(right, len(picked))
    return Share(
        right=right,
        asked=len(picked),
        unanswered=sum(choice is None for _, choice in picked),
        value=found.value,
        low=found.low,
        high=found.high,
    )
