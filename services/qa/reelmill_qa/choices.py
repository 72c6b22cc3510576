"""Five choices: the right answer and four of the same movie's that are proved wrong."""

import random
import re
from collections import defaultdict

from reelmill.v1 import qa_pb2

from .sheet import Sheet

Question = qa_pb2.Question
CHOICES = 5
_TRIED = 60


class Choices:
    """Finds wrong answers for a sheet's questions.

    A candidate's own `choices` are answers that its writer held for likely and wrong; those of
    questions of the same level and form come after. What the proof cannot refute is not used.
    """

    def __init__(self, sheet: Sheet, seed: int) -> None:
        self._sheet = sheet
        self._seed = seed
        self._own = {question.question: list(question.choices) for question in sheet.questions}
        self._alike: dict[tuple[int, int, str], list[str]] = defaultdict(list)
        for question in sheet.questions:
            if not question.choices and _free(question):
                self._alike[_kind(question)].append(question.answer)

    def give(self, question: Question, attempt: int = 0) -> bool:
        """Sets `choices` and `right_choice`; False, and neither, where four wrong answers cannot be found.

        Another `attempt` gives other wrong answers. How many are longer, or greater, is thrown by dice:
        the right one is not found by its length.
        """
        del question.choices[:]
        question.right_choice = 0
        dice = random.Random(f"{self._seed}/{question.question}/{attempt}")
        pool = self._own.get(question.question) or self._alike[_kind(question)]
        pool = [one for one in dict.fromkeys(pool) if _words(one) != _words(question.answer)]
        dice.shuffle(pool)
        wrong: list[str] = []
        for one in pool[:_TRIED]:
            if self._sheet.wrong(question, one) and _words(one) not in map(_words, wrong):
                wrong.append(one)
            if len(wrong) == 4 * (CHOICES - 1):
                break
        if len(wrong) < CHOICES - 1:
            return False
        chosen = self._chosen(question, wrong, dice)
        question.choices.extend(dice.sample([*chosen, question.answer], CHOICES))
        question.right_choice = list(question.choices).index(question.answer)
        return True

    def _chosen(self, question: Question, wrong: list[str], dice: random.Random) -> list[str]:
        size = _number if question.kind == Question.KIND_COUNT else len
        own = size(question.answer)
        more = [one for one in wrong if size(one) > own]
        less = [one for one in wrong if size(one) <= own]
        if question.kind == Question.KIND_COUNT:
            more.sort(key=size)
            less.sort(key=size, reverse=True)
        above = dice.randrange(CHOICES)
        above = max(min(above, len(more)), CHOICES - 1 - len(less))
        return more[:above] + less[: CHOICES - 1 - above]


def balance(questions: list[Question], seed: int) -> None:
    """Puts right answers into each of the five positions equally often, one more or less, in random order."""
    chosen = [question for question in questions if question.choices]
    dice = random.Random(f"{seed}/positions")
    positions: list[int] = []
    while len(positions) < len(chosen):
        positions += dice.sample(range(CHOICES), CHOICES)
    for question, position in zip(chosen, positions, strict=False):
        wrong = [one for one in question.choices if one != question.answer]
        dice.shuffle(wrong)
        del question.choices[:]
        question.choices.extend([*wrong[:position], question.answer, *wrong[position:]])
        question.right_choice = position


def _free(question: Question) -> bool:
    """Answers whose form says nothing of their question, so that those of others fit."""
    return question.kind in (Question.KIND_OVERVIEW, Question.KIND_PLOT) and question.form in (
        "what",
        "why",
        "how",
    )


def _kind(question: Question) -> tuple[int, int, str]:
    first = question.answer.split(" ")[0] if question.answer.startswith(("Because", "The main")) else ""
    return question.level, question.kind, f"{question.form} {first} {_asks(question)}"


def _asks(question: Question) -> str:
    """The question without names, titles and numbers: only answers to the same one fit."""
    text = re.sub(r"“[^”]*”|\d+", "", question.question)
    return re.sub(r"\W+", " ", re.sub(r"\b[A-Z]\w*", "", text)) if question.form == "what" else ""


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _number(text: str) -> int:
    found = re.search(r"\d+", text)
    return int(found[0]) if found else 0
