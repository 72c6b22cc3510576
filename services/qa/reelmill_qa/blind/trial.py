"""Puts a movie's questions to the offline reader; rewrites or drops what it finds out, and counts."""

import math
import random
from collections.abc import Callable

from reelmill.v1 import qa_pb2

from ..choices import CHOICES, Choices
from .guesser import SURE, Counts, Guesser, other_movies

Question = qa_pb2.Question
Trial = qa_pb2.BlindTest.Trial
_REWRITES = 4


class BlindTester:
    """`choices` finds other wrong answers; `keep` says whether a question must not be dropped (overviews)."""

    def __init__(
        self,
        questions: list[Question],
        choices: Choices,
        keep: Callable[[Question], bool],
        known: Counts | None = None,
    ) -> None:
        """`known`: what choices of other movies give away; those that are shipped where it is not given."""
        self.questions = questions
        self._choices = choices
        self._keep = keep
        self._known = other_movies() if known is None else known

    def run(self, seed: int) -> qa_pb2.BlindTest:
        """Tests until nothing is given away or no way is left; `questions` then holds what is kept."""
        test = qa_pb2.BlindTest(reader="offline")
        guesser = Guesser(self.questions)
        before = rates(self.questions, guesser)
        dropped: set[str] = set()
        rewritten: set[str] = set()
        order = list(self.questions)
        random.Random(f"{seed}/blind").shuffle(order)
        for attempt in range(1, _REWRITES + 1):
            leaks = 0
            for question in order:
                if question.question in dropped or not _given_away(question, guesser):
                    continue
                leaks += 1
                guesser.learn(question, -1)
                if question.choices and attempt < _REWRITES and self._choices.give(question, attempt):
                    rewritten.add(question.question)
                    guesser.learn(question)
                elif self._keep(question):
                    del question.choices[:]
                    question.right_choice = 0
                    guesser.learn(question)
                else:
                    dropped.add(question.question)
            if not leaks:
                break
        self.questions = [question for question in self.questions if question.question not in dropped]
        self._level()
        after = rates(self.questions, Guesser(self.questions))
        for view in (Trial.VIEW_QUESTION, Trial.VIEW_CHOICES):
            (asked, right, chance), (kept_asked, kept_right, _) = before[view], after[view]
            test.trials.add(
                view=view,
                asked=asked,
                right=right,
                chance=chance,
                kept_asked=kept_asked,
                kept_right=kept_right,
            )
        test.dropped = len(dropped)
        test.rewritten = len(rewritten - dropped)
        return test

    def _level(self) -> None:
        """Takes choices away, the surest first, until somebody who knows other movies' guesses no more right
        than by chance; what is left is an open question."""
        guesser = Guesser(self.questions, self._known)
        chosen = [question for question in self.questions if question.choices]
        guesses = [(question, *guesser.choose(question)) for question in chosen]
        right = [(-belief, q.question, q) for q, choice, belief in guesses if choice == q.right_choice]
        # Right guesses and questions get fewer together.
        too_many = max(0, math.ceil((len(right) * CHOICES - len(chosen)) / (CHOICES - 1)))
        for _, _, question in sorted(right, key=lambda one: one[:2])[:too_many]:
            del question.choices[:]
            question.right_choice = 0


def _given_away(question: Question, guesser: Guesser) -> bool:
    if question.choices:
        choice, belief = guesser.choose(question)
        return choice == question.right_choice and belief >= SURE
    right, share = guesser.answer(question)
    return right and share >= SURE


def rates(questions: list[Question], guesser: Guesser) -> dict[int, tuple[int, int, float]]:
    """Asked, answered right and to be expected from guessing, by view."""
    right_open = sum(guesser.answer(question)[0] for question in questions)
    chosen = [question for question in questions if question.choices]
    right = sum(guesser.choose(question)[0] == question.right_choice for question in chosen)
    return {
        Trial.VIEW_QUESTION: (len(questions), right_open, sum(map(luck, questions))),
        Trial.VIEW_CHOICES: (len(chosen), right, len(chosen) / CHOICES),
    }


def luck(question: Question) -> float:
    """How likely a guess at the question alone is right: one of those that the question itself names."""
    text, form = question.question, question.form
    if question.kind != Question.KIND_TEMPORAL:
        return 0.0
    if "before or after" in text:
        return 1 / 2
    if "in what order" in text:
        return 1 / 6
    if form in ("first", "last") and " or " in text:
        if "which happens" not in text or "”" in text.split("which happens")[1]:
            return 1 / 2
        return 1 / (text.split("which happens")[1].count(", ") + 1)
    return 0.0
