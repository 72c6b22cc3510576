"""The whole of a comparison, from files to a report: what the command line and the service share."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any

from reelmill_kit.errors import ReelmillError, invalid
from reelmill_kit.progress import Report
from reelmill_llm import Budget, BudgetedLlm, Llm, Purse

from .asked_by import asked_by
from .choices import accuracy
from .journal import Journal
from .judging import Bench, compare, reference, rows, words_of
from .reading import Answers, BenchmarkQuestion, read_answers
from .report import AUTHORS_KINDS, comparison, page

REFERENCE = "the reference"


class Protocol(StrEnum):
    BALANCED = "balanced"  # both orders, all judges
    AUTHORS = "authors"  # MovieLLM's own: one judge, one order


@dataclass(frozen=True, slots=True)
class Compared:
    report: dict[str, Any]
    page: str
    judgements: str
    """JSON Lines."""


@dataclass(frozen=True, slots=True)
class Contest:
    """What is compared: one model's answers with another's, or with the reference answers."""

    questions: list[BenchmarkQuestion]
    first: Answers
    second: Answers | None
    blind: Sequence[Answers]
    """Of models that had not seen the movies: how many of their choices are right is shown beside."""

    async def judged(
        self,
        judges: Sequence[Llm],
        budget: Budget,
        journal: Journal,
        protocol: Protocol,
        seed: int,
        report: Report,
    ) -> Compared:
        """The budget is of all judges together, with what the journal's answers have cost.

        Raises INVALID_FIELD, BUDGET_EXCEEDED, or the LLM's reasons but for answers of no use.
        """
        authors = protocol is Protocol.AUTHORS
        asked = [q for q in self.questions if not authors or q.kind in AUTHORS_KINDS]
        if not asked:
            raise invalid(
                "protocol", f"the authors' has questions of {', '.join(AUTHORS_KINDS)}; here are none"
            )
        purse = Purse(budget)
        purse.usage += journal.total
        paying = [BudgetedLlm(judge, purse) for judge in (judges[:1] if authors else judges)]
        told = words_of(self.second) if self.second else reference
        bench = Bench(journal, report)
        words = await compare(bench, asked, words_of(self.first), told, paying, both_orders=not authors)
        both = [self.first, *([self.second] if self.second else [])]
        chosen = any(question.choices for question in asked)
        found = comparison(
            (self.first.name, self.second.name if self.second else REFERENCE),
            asked,
            words,
            [accuracy(asked, one) for one in both] if chosen else [],
            both,
            bench.spent,
            blind=[accuracy(asked, one) for one in self.blind] if chosen else [],
            protocol=protocol.value,
            seed=seed,
        )
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(words))
        return Compared(found, page(found, asked, words), lines)


def read_contest(
    questions: list[BenchmarkQuestion],
    answers: Sequence[tuple[str, Path]],
    blind: Sequence[tuple[str, Path]] = (),
    called: Mapping[Path, str] | None = None,
) -> Contest:
    """`answers`: one or two files, `blind` any number, each with the field that its user named it in.

    `called`: what users call them, where that is not their path.

    Raises INVALID_FIELD naming field, file and line.
    """
    files = [*answers, *blind]
    read = [_read(field, path, questions) for field, path in files]
    paths = [PurePath((called or {}).get(path, path)) for _, path in files]
    for one, path in zip(read, paths, strict=True):
        # `reelmill-benchmark answer --out ours` writes ours/answers.jsonl.
        one.name = path.stem if path.stem != "answers" else path.parent.name or path.stem
    if len({one.name for one in read}) < len(read):
        for one, path in zip(read, paths, strict=True):
            one.name = str(path) if called else "/".join(path.parts[-2:])
    second = read[1] if len(answers) > 1 else None
    return Contest(questions, read[0], second, read[len(answers) :])


def _read(field: str, path: Path, questions: list[BenchmarkQuestion]) -> Answers:
    try:
        found = read_answers(path, questions)
    except ReelmillError as error:
        raise invalid(field, error.message) from error
    found.asked_by = asked_by(path)
    return found
