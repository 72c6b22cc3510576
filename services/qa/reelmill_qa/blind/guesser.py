"""A reader that knows only questions and choices: learns what gives answers away from the other questions."""

import json
import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from reelmill.v1 import qa_pb2

Question = qa_pb2.Question
SURE = 0.5
"""The share of its belief at which a right guess is no luck; a fifth would be chance."""
_WORD = re.compile(r"\w+")
_FEW = 5


@dataclass(slots=True)
class Counts:
    """How often choices with a cue are right and wrong."""

    right: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    rights: int = 0
    wrongs: int = 0

    def to_json(self, least: int) -> str:
        """Without cues that fewer than `least` choices have."""
        both = self.right + self.wrong
        cues = sorted(cue for cue, count in both.items() if count >= least)
        rows = [[*cue, self.right[cue], self.wrong[cue]] for cue in cues]
        return json.dumps({"rights": self.rights, "wrongs": self.wrongs, "cues": rows}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Counts":
        found = json.loads(text)
        counts = cls(rights=found["rights"], wrongs=found["wrongs"])
        for form, value, right, wrong in found["cues"]:
            counts.right[form, value], counts.wrong[form, value] = right, wrong
        return counts


@cache
def other_movies() -> Counts:
    """What choices of sixty other movies give away; `make bench-blind LEARN=1` counts anew."""
    return Counts.from_json(files(__package__).joinpath("other_movies.json").read_text("utf-8"))


class Guesser:
    """Naive Bayes over cues of choices, and the commonest answers of each kind of open question.

    Everything is counted over all questions but the one that is asked (leave one out), and over those of
    `known` before.
    """

    def __init__(self, questions: list[Question], known: Counts | None = None) -> None:
        known = known or Counts()
        self._right, self._wrong = known.right.copy(), known.wrong.copy()
        self._rights, self._wrongs = known.rights, known.wrongs
        self._open: dict[str, Counter[str]] = defaultdict(Counter)
        self._cues: dict[str, tuple[tuple[str, ...], list[list[tuple[str, str]]]]] = {}
        for question in questions:
            self.learn(question)

    def learn(self, question: Question, times: int = 1) -> None:
        """`times` -1 forgets it."""
        for number, cues in enumerate(self._cues_of(question)):
            right = number == question.right_choice
            counter = self._right if right else self._wrong
            for cue in cues:
                counter[cue] += times
            if right:
                self._rights += times
            else:
                self._wrongs += times
        self._open[_asked(question)][masked(question, question.answer)] += times

    @property
    def counts(self) -> Counts:
        return Counts(self._right, self._wrong, self._rights, self._wrongs)

    def choose(self, question: Question) -> tuple[int, float]:
        """The choice it would take and the share of its belief, from 0 to 1. Position tells it nothing."""
        self.learn(question, -1)
        scores = [sum(map(self._tells, cues)) for cues in self._cues_of(question)]
        self.learn(question)
        top = max(scores)
        weights = [math.exp(score - top) for score in scores]
        return scores.index(top), 1 / sum(weights)

    def answer(self, question: Question) -> tuple[bool, float]:
        """Whether the commonest answer to such questions is the right one here, and its share among them."""
        own = masked(question, question.answer)
        others = self._open[_asked(question)].copy()
        others[own] -= 1
        total = sum(others.values())
        if total < _FEW:
            return False, 0.0
        common, count = max(others.items(), key=lambda item: (item[1], item[0]))
        return common == own, count / total

    def _tells(self, cue: tuple[str, str]) -> float:
        """The log of how much oftener right choices have the cue than wrong ones; near 0 if seldom seen."""
        right, wrong = self._right[cue], self._wrong[cue]
        return math.log((right + 1) / (wrong + 4) / ((self._rights + 1) / (self._wrongs + 4)))

    def _cues_of(self, question: Question) -> list[list[tuple[str, str]]]:
        key = tuple(question.choices)
        known = self._cues.get(question.question)
        if known is None or known[0] != key:
            known = (key, cues(question))
            self._cues[question.question] = known
        return known[1]


def cues(question: Question) -> list[list[tuple[str, str]]]:
    """For each choice: its rank by length, by words shared with question and other choices, and by number;
    the choice itself, and with whom the question is about."""
    words = [set(_WORD.findall(choice.lower())) for choice in question.choices]
    asked = set(_WORD.findall(question.question.lower()))
    lengths = [len(choice) for choice in question.choices]
    shared = [len(own & asked) / (len(own) or 1) for own in words]
    alike = [
        sum(len(own & other) / (len(own | other) or 1) for m, other in enumerate(words) if m != n)
        for n, own in enumerate(words)
    ]
    numbers = [int(found[0]) if (found := re.findall(r"\d+", choice)) else 0 for choice in question.choices]
    form = _asked(question)
    who = next(iter(re.findall(r"\b(?!In|What|Who|How|Where|Which)[A-Z]\w+", question.question)), "")
    result = []
    for n, choice in enumerate(question.choices):
        text = masked(question, choice)
        own = [
            ("length", _rank(lengths, n)),
            ("question", _rank(shared, n)),
            ("others", _rank(alike, n)),
            (form, text),
            (f"{form} {who}", text),
        ]
        if len(set(numbers)) > 1:
            own.append((f"number {question.kind}", _rank(numbers, n)))
        result.append(own)
    return result


def masked(question: Question, text: str) -> str:
    """An answer without the words of its question, to be told alike: "Mara looks sad" and "Tom looks sad"."""
    asked = set(_WORD.findall(question.question.lower()))
    names = set(re.findall(r"\b[A-Z]\w+", question.question))
    if question.kind in (Question.KIND_CHARACTER,) and question.form == "who":
        names = set()
    words = [w for w in _WORD.findall(text) if w not in names]
    fresh = [w.lower() for w in words if w.lower() not in asked]
    return " ".join(fresh or [w.lower() for w in words])


def _asked(question: Question) -> str:
    start = " ".join(_WORD.findall(question.question.split(", ")[-1].lower())[:2])
    return f"{question.kind} {question.form} {start if not question.form else ''}"


def _rank(values: list[int] | list[float], n: int) -> str:
    more = sum(value > values[n] for value in values)
    same = sum(value == values[n] for value in values)
    return f"{more} {same}"
