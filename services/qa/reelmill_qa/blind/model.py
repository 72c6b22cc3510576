"""The blind test with the configured language model as reader."""

import random
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from pydantic import BaseModel, Field

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_kit.progress import Report
from reelmill_llm import Llm, Prompt, Usage

from ..choices import CHOICES, Choices
from ..prompts import prompt_text
from ..together import together
from .trial import luck

Question = qa_pb2.Question
Trial = qa_pb2.BlindTest.Trial
if TYPE_CHECKING:
    View: TypeAlias = Trial.View.ValueType
else:
    View = int  # what protobuf's enums are at run time

READINGS = 4
"""Each question with choices is read so often, its choices in another order each time."""
LEAKED = 3
"""Right so often is no luck: by guessing it happens to one question in 37."""
_BATCH = 20
_SENTENCES = 400
_SYSTEM = prompt_text("blind")
_WORD = re.compile(r"\w+")


class Reading(BaseModel):
    number: int
    answer: str = Field(max_length=2000)


class Readings(BaseModel):
    answers: list[Reading]


Found = dict[tuple[str, View], list[bool]]
"""Whether each reading of a question in a view was right."""


class ModelReader:
    """Reads a movie's questions without the movie. Raises ReelmillError with one of the LLM's reasons."""

    def __init__(self, llm: Llm, script: script_pb2.Script, seed: int) -> None:
        self._llm = llm
        self._script = script
        self._seed = seed
        self.usage = Usage()

    async def test(
        self, questions: list[Question], choices: Choices, keep: Callable[[Question], bool], report: Report
    ) -> tuple[list[Question], qa_pb2.BlindTest]:
        """The questions that are kept; those given away get other choices once, and are read again."""
        report("blind test")
        before = await self._read(questions)
        final = dict(before)
        rewritten = set()
        for question in questions:
            leaks = question.choices and _leaks(before, question, Trial.VIEW_CHOICES)
            if leaks and choices.give(question, attempt=10):
                rewritten.add(question.question)
        if again := [question for question in questions if question.question in rewritten]:
            final.update(await self._read(again))
        kept = []
        for question in questions:
            if any(_leaks(final, question, view) for view in Trial.View.values()):
                if not keep(question):
                    continue
                del question.choices[:]
                question.right_choice = 0
            kept.append(question)
        test = qa_pb2.BlindTest(reader=self._llm.model, dropped=len(questions) - len(kept))
        test.rewritten = sum(question.question in rewritten for question in kept)
        for view in (Trial.VIEW_QUESTION, Trial.VIEW_CHOICES, Trial.VIEW_SHUFFLED):
            asked = [one for one in questions if before.get((one.question, view))]
            left = [one for one in kept if final.get((one.question, view))]
            if view == Trial.VIEW_CHOICES:
                left = [one for one in left if one.choices]
            test.trials.add(
                view=view,
                asked=len(asked),
                right=sum(before[one.question, view][0] for one in asked),
                chance=sum(1 / CHOICES if view == Trial.VIEW_CHOICES else luck(one) for one in asked),
                kept_asked=len(left),
                kept_right=sum(final[one.question, view][0] for one in left),
            )
        return kept, test

    async def _read(self, questions: list[Question]) -> Found:
        found: Found = {}
        work = []
        for start in range(0, len(questions), _BATCH):
            part = questions[start : start + _BATCH]
            work.append(self._ask(part, Trial.VIEW_QUESTION, 0, found))
            chosen = [question for question in part if question.choices]
            work += [self._ask(chosen, Trial.VIEW_CHOICES, n, found) for n in range(READINGS) if chosen]
        for part in self._by_scope([q for q in questions if q.kind == Question.KIND_TEMPORAL]):
            work += [self._ask(part, Trial.VIEW_SHUFFLED, n, found) for n in range(READINGS)]
        await together(work)
        return found

    def _by_scope(self, questions: list[Question]) -> list[list[Question]]:
        """Questions that share the frames which they are asked about."""
        groups: dict[tuple[int, str], list[Question]] = {}
        for question in questions:
            label = re.match(r"In (.*?chapter \d+|the movie)", question.question)
            groups.setdefault((question.level, label[1] if label else ""), []).append(question)
        return [part[n : n + _BATCH] for part in groups.values() for n in range(0, len(part), _BATCH)]

    async def _ask(self, questions: list[Question], view: View, reading: int, found: Found) -> None:
        dice = random.Random(f"{self._seed}/{view}/{reading}/{questions[0].question}")
        rights: dict[int, str] = {}
        lines = self._sentences(questions, dice) if view == Trial.VIEW_SHUFFLED else []
        for number, question in enumerate(questions, 1):
            lines.append(f"{number}. {question.question}")
            if question.choices and view != Trial.VIEW_QUESTION:
                order = dice.sample(list(question.choices), len(question.choices))
                rights[number] = "ABCDE"[order.index(question.answer)]
                lines += [f"   {letter}: {text}" for letter, text in zip("ABCDE", order, strict=True)]

        def check(readings: Readings) -> None:
            if missing := set(range(1, len(questions) + 1)) - {one.number for one in readings.answers}:
                raise ValueError(
                    f"questions {sorted(missing)} are not answered; answer each, if only with ''"
                )

        name = f"blind-{Trial.View.Name(view)[5:].lower()}-{reading}"
        prompt = Prompt(name, _SYSTEM, "\n".join(lines), self._seed)
        answer = await self._llm.ask(prompt, Readings, check)
        self.usage += answer.usage
        said = {one.number: one.answer for one in answer.value.answers}
        for number, question in enumerate(questions, 1):
            if number in rights:
                right = said[number].strip()[:1].upper() == rights[number]
            else:
                right = matches(said[number], question)
            found.setdefault((question.question, view), []).append(right)

    def _sentences(self, questions: list[Question], dice: random.Random) -> list[str]:
        """The part's frames in words, shuffled; of long parts some, with all that the answers need."""
        chapters = list(self._script.chapters)
        if match := re.match(r"In (?:scene (\d+) of )?chapter (\d+)", questions[0].question):
            chapters = chapters[int(match[2]) - 1 : int(match[2])]
        scenes = [scene for chapter in chapters for scene in chapter.scenes]
        if match and match[1]:
            scenes = scenes[int(match[1]) - 1 : int(match[1])]
        needed = {evidence.frame for question in questions for evidence in question.evidence}
        frames = [frame for scene in scenes for frame in scene.frames]
        others = [frame.description for frame in frames if frame.index not in needed]
        told = [frame.description for frame in frames if frame.index in needed]
        told += dice.sample(others, max(0, min(len(others), _SENTENCES - len(told))))
        dice.shuffle(told)
        return ["The movie's sentences, in random order:", *(f"- {text}" for text in told), "", "Questions:"]


def matches(said: str, question: Question) -> bool:
    """Whether an answer in free words has all the words of the right one that the question does not have."""
    asked = set(_WORD.findall(question.question.lower()))
    right = _WORD.findall(question.answer.lower())
    words = _WORD.findall(said.lower())
    if right == words:
        return True
    fresh = set(right) - asked
    return bool(fresh) and fresh <= set(words)


def _leaks(found: Found, question: Question, view: View) -> bool:
    readings = found.get((question.question, view), [])
    if view == Trial.VIEW_QUESTION:
        # A guess at one of the things that the question names is luck.
        return sum(readings) > 0 and luck(question) == 0
    needed = READINGS if luck(question) >= 0.5 and not question.choices else LEAKED
    return sum(readings) >= needed
