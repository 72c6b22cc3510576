"""Puts pairs of answers to judges, once each: what was judged is kept in a journal and not paid for again."""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, Field

from reelmill_kit import tasks
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.progress import Report
from reelmill_llm import Check, Llm, Prompt, Usage

from .journal import Journal
from .prompts import prompt_text, prompt_version
from .reading import Answers, BenchmarkQuestion
from .statistics import Judgement

T = TypeVar("T", bound=BaseModel)
Score = Annotated[float, Field(ge=0, le=5)]
# The judge's own failing, after the retries that reelmill_llm makes; other reasons end the run.
_NONSENSE = (Reason.LLM_BAD_ANSWER, Reason.LLM_REFUSED)
_IN_FLIGHT = 16


class Verdict(BaseModel):
    first_score: Score
    second_score: Score
    winner: Literal["first", "second", "tie"]


@dataclass(slots=True)
class Spent:
    """What this run has asked of models, and what an earlier one had."""

    usage: Usage = field(default_factory=Usage)
    remembered: int = 0
    before: Usage = field(default_factory=Usage)
    """What was paid before, for answers that are remembered and for those that could not be used."""
    invalid: int = 0

    @property
    def total(self) -> Usage:
        return self.usage + self.before

    def report(self) -> dict[str, Any]:
        """For a report: this run, and what answers from before had cost."""
        return asdict(self.usage) | {"remembered": self.remembered, "before": asdict(self.before)}


class Bench:
    """Asks models questions that a journal has no answer to."""

    def __init__(self, journal: Journal, report: Report) -> None:
        self._journal = journal
        self._report = report
        self.spent = Spent()
        self._slots = asyncio.Semaphore(_IN_FLIGHT)
        self._ended: Exception | None = None
        self._asking: dict[str, asyncio.Lock] = {}

    async def ask(
        self, judge: Llm, prompt: Prompt, answer: type[T], check: Check[T] | None = None
    ) -> T | None:
        """None where the judge gave no usable answer. Raises the LLM's other reasons."""
        key = _key(judge.model, prompt)
        if key not in self._asking:
            self._asking[key] = asyncio.Lock()
            self.spent.before += self._journal.cost(key)
        # Questions can be the same word for word: who asks second waits for the first one's answer.
        async with self._asking[key]:
            if (known := self._journal.find(key, answer)) is not None:
                self.spent.remembered += 1
                return known
            return await self._asked(judge, prompt, answer, check, key)

    async def _asked(
        self, judge: Llm, prompt: Prompt, answer: type[T], check: Check[T] | None, key: str
    ) -> T | None:
        async with self._slots:
            if self._ended:
                raise self._ended
            try:
                given = await judge.ask(prompt, answer, check)
            except ReelmillError as error:
                usage = Usage.of(error.usage) if error.usage is not None else Usage()
                self.spent.usage += usage
                if error.reason not in _NONSENSE:
                    raise
                self.spent.invalid += 1
                await self._journal.keep(key, None, usage)
                return None
        self.spent.usage += given.usage
        await self._journal.keep(key, given.value, given.usage)
        return given.value

    async def all(self, doing: str, work: Sequence[Any]) -> list[Any]:
        """The results of coroutines, in order.

        After a failure nothing is asked any more, but what is under way is waited for and kept: it has to be
        paid for. Then the failure is raised.
        """
        done = 0

        async def counted(one: Any) -> Any:
            nonlocal done
            try:
                result = await one
            except Exception as error:
                self._ended = self._ended or error
                raise
            done += 1
            self._report(doing, done, len(work))
            return result

        running = [asyncio.create_task(counted(one)) for one in work]
        try:
            results = await asyncio.gather(*running, return_exceptions=True)
        finally:
            await tasks.end(running)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results


class Told(Protocol):
    """How a model answers a question in words."""

    def __call__(self, question: BenchmarkQuestion) -> str: ...


def words_of(answers: Answers) -> Told:
    """A choice is told in its own words; nothing where there is no answer."""

    def told(question: BenchmarkQuestion) -> str:
        if question.id in answers.choices:
            return question.choices[answers.choices[question.id]]
        return answers.texts.get(question.id, "").strip()

    return told


def reference(question: BenchmarkQuestion) -> str:
    return question.answer


async def compare(
    bench: Bench,
    questions: Sequence[BenchmarkQuestion],
    a: Told,
    b: Told,
    judges: Sequence[Llm],
    *,
    both_orders: bool,
) -> list[Judgement]:
    """Every judge's word on every question. A missing answer loses unjudged; two are a tie."""
    system = prompt_text("compare")
    orders = (True, False) if both_orders else (True,)

    async def judged(question: BenchmarkQuestion, judge: Llm, a_first: bool) -> Judgement:
        texts = (a(question), b(question)) if a_first else (b(question), a(question))
        about = (question.id, question.movie, question.level, question.kind, judge.model, a_first)
        if not all(texts):
            winner = "tie" if not any(texts) else "first" if texts[0] else "second"
            return Judgement(*about, winner, asked=False)  # type: ignore[arg-type]
        data = {
            "question": question.question,
            "reference": question.answer,
            "first": texts[0],
            "second": texts[1],
        }
        prompt = Prompt("compare", system, json.dumps(data, ensure_ascii=False))
        verdict = await bench.ask(judge, prompt, Verdict)
        if verdict is None:
            return Judgement(*about, None)
        return Judgement(*about, verdict.winner, verdict.first_score, verdict.second_score)

    work = [judged(q, judge, order) for q in questions for judge in judges for order in orders]
    return await bench.all("judging", work)


def used_prompts(*names: str) -> list[dict[str, str]]:
    return [prompt_version(name) for name in names]


def rows(judgements: Sequence[Judgement]) -> Iterator[dict[str, Any]]:
    """For a report's file of judgements."""
    return (asdict(one) for one in judgements)


def _key(model: str, prompt: Prompt) -> str:
    asked: list[Any] = [model, prompt.system, prompt.user]
    asked += [hashlib.sha256(image).hexdigest() for image in prompt.images]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()
