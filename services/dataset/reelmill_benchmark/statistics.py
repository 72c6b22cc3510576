"""From judgements to what may be said of two models. Pure; every figure comes with its uncertainty.

A judgement is one judge's word on two answers to one question in one order. The authors' protocol (MovieLLM,
arXiv 2403.01422, section 4) takes one judge and one order. The balanced one takes both orders: a judge who
prefers whatever comes first then says nothing, instead of something wrong.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

Winner = Literal["first", "second", "tie"]
_RESAMPLES = 4000
_SURE = 0.05
_Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True, slots=True)
class Judgement:
    """`a_first`: whose answer the judge read first. `winner` is None where no judgement came."""

    question: str
    movie: str
    level: str
    kind: str
    judge: str
    a_first: bool
    winner: Winner | None
    first_score: float = 0.0
    second_score: float = 0.0
    # False: an answer was missing, and no judge had to be asked.
    asked: bool = True

    @property
    def value(self) -> int:
        """1: a is better, -1: b is, 0: a tie."""
        if self.winner in (None, "tie"):
            return 0
        return 1 if (self.winner == "first") == self.a_first else -1

    @property
    def scores(self) -> tuple[float, float]:
        """Of a and of b, 0 to 5."""
        scores = (self.first_score, self.second_score)
        return scores if self.a_first else scores[::-1]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class AuthorsResult:
    """Win ratios and mean scores as the paper's tables have them; of each kind and of all."""

    questions: int
    a_wins: float
    b_wins: float
    ties: float
    a_score: float
    b_score: float

    @property
    def gap(self) -> float:
        return self.a_wins - self.b_wins


@dataclass(frozen=True, slots=True)
class BalancedResult:
    """`gap`: a's wins less b's, over the questions, -1 to 1. `p_value`: how often chance alone makes movies
    differ so (exact sign test over movies, two-sided). `confidence`: 1 - p_value."""

    questions: int
    movies: int
    gap: Interval
    wins: float
    losses: float
    ties: float
    a_score: Interval
    b_score: Interval
    p_value: float

    @property
    def confidence(self) -> float:
        return 1 - self.p_value

    @property
    def says_no_difference(self) -> bool:
        """Unless the interval leaves zero out and the sign test agrees: with few movies the interval alone
        is too narrow."""
        return not (self.gap.excludes_zero and self.p_value < _SURE)


@dataclass(frozen=True, slots=True)
class JudgeHabits:
    """`first`: how often, of its judgements that are no tie, a judge prefers the answer it read first; a fair
    one half of the time. `turns`: how often it says the opposite when the order is turned."""

    judge: str
    judged: int
    invalid: int
    first: Interval
    turns: float


def authors(judgements: Iterable[Judgement]) -> AuthorsResult | None:
    """One judge, one order: a always first. None where there is no valid judgement."""
    valid = [one for one in judgements if one.a_first and one.winner is not None]
    if not valid:
        return None
    count = len(valid)
    return AuthorsResult(
        questions=count,
        a_wins=sum(one.value > 0 for one in valid) / count,
        b_wins=sum(one.value < 0 for one in valid) / count,
        ties=sum(one.value == 0 for one in valid) / count,
        a_score=sum(one.scores[0] for one in valid) / count,
        b_score=sum(one.scores[1] for one in valid) / count,
    )


def balanced(judgements: Iterable[Judgement], seed: int = 0) -> BalancedResult | None:
    """Both orders, all judges. A judge whose word turns with the order has said: a tie.

    Only questions that at least one judge judged in both orders count; scores are means of both. None where
    there are none.
    """
    pairs = _pairs(judgements)
    if not pairs:
        return None
    by_question: dict[tuple[str, str], list[tuple[float, ...]]] = defaultdict(list)
    for (movie, question, _), (one, other) in pairs.items():
        value = one.value if one.value == other.value else 0
        scores = [(mine + again) / 2 for mine, again in zip(one.scores, other.scores, strict=True)]
        by_question[movie, question].append((float(value), *scores))
    table: dict[str, list[np.ndarray]] = defaultdict(list)
    for (movie, _), words in by_question.items():
        table[movie].append(np.mean(words, axis=0))
    movies = [np.array(table[movie]) for movie in sorted(table)]
    values = np.concatenate(movies)[:, 0]
    gap, a_score, b_score = _resampled(movies, seed)
    totals = [float(movie[:, 0].sum()) for movie in movies]
    return BalancedResult(
        questions=len(values),
        movies=len(movies),
        gap=gap,
        wins=float((values > 0).mean()),
        losses=float((values < 0).mean()),
        ties=float((values == 0).mean()),
        a_score=a_score,
        b_score=b_score,
        p_value=sign_test(sum(total > 0 for total in totals), sum(total < 0 for total in totals)),
    )


def habits(judgements: Sequence[Judgement]) -> list[JudgeHabits]:
    """Of every judge, by name."""
    found = []
    for judge in sorted({one.judge for one in judgements}):
        own = [one for one in judgements if one.judge == judge and one.asked]
        decided = [one for one in own if one.winner in ("first", "second")]
        pairs = _pairs(own).values()
        turned = sum(one.value * other.value < 0 for one, other in pairs)
        found.append(
            JudgeHabits(
                judge=judge,
                judged=sum(one.winner is not None for one in own),
                invalid=sum(one.winner is None for one in own),
                first=wilson(sum(one.winner == "first" for one in decided), len(decided)),
                turns=turned / len(pairs) if pairs else 0.0,
            )
        )
    return found


def agreement(judgements: Iterable[Judgement]) -> float | None:
    """Fleiss' kappa of the judges' words (a, b, tie), 1 in full agreement, 0 as by chance.

    Over questions that all judges judged; None with fewer than two judges or no such question.
    """
    words: dict[str, list[int]] = defaultdict(list)
    judges = set()
    for (_, question, judge), (one, other) in _pairs(judgements).items():
        judges.add(judge)
        words[question].append(one.value if one.value == other.value else 0)
    count = len(judges)
    rated = [Counter(of_one) for of_one in words.values() if len(of_one) == count]
    if count < 2 or not rated:
        return None
    observed = float(
        np.mean([(sum(n * n for n in one.values()) - count) / (count * (count - 1)) for one in rated])
    )
    shares = [sum(one[word] for one in rated) / (len(rated) * count) for word in (-1, 0, 1)]
    chance = float(sum(share * share for share in shares))
    return 1.0 if chance == 1 else (float(observed) - chance) / (1 - chance)


def wilson(right: int, asked: int) -> Interval:
    """A share with Wilson's 95 % interval; nothing asked: 0 to 1."""
    if asked == 0:
        return Interval(0.0, 0.0, 1.0)
    share, square = right / asked, _Z * _Z
    middle = (share + square / (2 * asked)) / (1 + square / asked)
    half = _Z * math.sqrt(share * (1 - share) / asked + square / (4 * asked * asked)) / (1 + square / asked)
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def sign_test(more: int, less: int) -> float:
    """Two-sided, exact: how likely a fair coin is to fall at least as unevenly."""
    count = more + less
    if count == 0:
        return 1.0
    tail: int = sum(math.comb(count, n) for n in range(max(more, less), count + 1))
    return min(1.0, float(Fraction(2 * tail, 2**count)))


def _pairs(
    judgements: Iterable[Judgement],
) -> dict[tuple[str, str, str], tuple[Judgement, Judgement]]:
    """Valid judgements of one judge on one question in both orders."""
    found: dict[tuple[str, str, str], dict[bool, Judgement]] = defaultdict(dict)
    for one in judgements:
        if one.winner is not None:
            found[one.movie, one.question, one.judge][one.a_first] = one
    return {key: (both[True], both[False]) for key, both in found.items() if len(both) == 2}


def _resampled(movies: list[np.ndarray], seed: int) -> tuple[Interval, Interval, Interval]:
    """Means over questions; intervals from drawing whole movies again: a movie's questions are alike."""
    sums = np.array([movie.sum(axis=0) for movie in movies])
    counts = np.array([len(movie) for movie in movies])
    means = sums.sum(axis=0) / counts.sum()
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(movies), size=(_RESAMPLES, len(movies)))
    again = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)[:, None]
    low, high = np.quantile(again, [0.025, 0.975], axis=0)
    return tuple(  # type: ignore[return-value]
        Interval(float(means[n]), float(low[n]), float(high[n])) for n in range(3)
    )
