"""Figures of a comparison, against values worked out by hand or known from the literature."""

import random

import pytest

from reelmill_benchmark.statistics import (
    Judgement,
    Winner,
    agreement,
    authors,
    balanced,
    habits,
    sign_test,
    wilson,
)


def judged(
    words: list[tuple[Winner | None, Winner | None]], judge: str = "j", per_movie: int = 1
) -> list[Judgement]:
    """A question a pair: the word with a first, and that with b first."""
    found = []
    for number, pair in enumerate(words):
        for a_first, word in zip((True, False), pair, strict=True):
            about = (f"q{number}", f"m{number // per_movie}", "scene", "plot", judge, a_first)
            found.append(Judgement(*about, word, 4.0, 2.0))
    return found


def biased(seed: int, movies: int = 100, edge: float = 0.0) -> list[Judgement]:
    """A judge that prefers the first answer 70 % of the time, and `edge` more where that is a's."""
    dice = random.Random(seed)
    words: list[tuple[Winner | None, Winner | None]] = []
    for _ in range(movies * 4):
        a_first = "first" if dice.random() < 0.7 + edge else "second"
        b_first = "first" if dice.random() < 0.7 - edge else "second"
        words.append((a_first, b_first))  # type: ignore[arg-type]
    return judged(words, per_movie=4)


def test_a_judge_who_likes_the_first_makes_a_winner_in_one_order_and_none_in_both() -> None:
    words = biased(seed=1)
    of_authors = authors(words)
    of_both = balanced(words)
    assert of_authors is not None
    assert of_both is not None
    assert 0.3 < of_authors.gap < 0.5
    assert abs(of_both.gap.value) < 0.08
    assert of_both.says_no_difference


def test_false_alarms_are_as_rare_as_the_interval_says() -> None:
    results = [balanced(biased(seed, movies=40), seed) for seed in range(60)]
    alarms = sum(not result.says_no_difference for result in results if result)
    assert alarms <= 8  # 3 are expected; 9 or more happen once in 300 times


def test_a_real_difference_is_found_with_its_confidence() -> None:
    result = balanced(biased(seed=2, edge=0.15))
    assert result is not None
    assert not result.says_no_difference
    assert result.gap.low > 0
    assert result.confidence > 0.99
    assert result.p_value < 0.01


def test_a_word_that_turns_with_the_order_is_a_tie() -> None:
    result = balanced(
        judged([("first", "first"), ("first", "second"), ("second", "first"), ("tie", "first")])
    )
    assert result is not None
    assert (result.wins, result.losses, result.ties) == (0.25, 0.25, 0.5)


def test_three_movies_are_too_few_to_call_a_winner() -> None:
    result = balanced(judged([("first", "second") for _ in range(60)], per_movie=20))
    assert result is not None
    assert result.gap.excludes_zero
    assert result.says_no_difference


def test_scores_follow_the_model_and_not_the_place() -> None:
    result = balanced(judged([("first", "second")]))
    assert result is not None
    assert (result.a_score.value, result.b_score.value) == (3.0, 3.0)
    of_authors = authors(judged([("first", "second")]))
    assert of_authors is not None
    assert (of_authors.a_score, of_authors.b_score) == (4.0, 2.0)


def test_invalid_judgements_are_left_out_and_counted() -> None:
    words = judged([("first", None), ("first", "second"), (None, None)])
    result = balanced(words)
    assert result is not None
    assert result.questions == 1
    (habit,) = habits(words)
    assert (habit.judged, habit.invalid) == (3, 3)
    assert balanced(judged([(None, None)])) is None
    assert authors(judged([(None, "first")])) is None


def test_questions_of_one_movie_are_not_taken_for_independent_ones() -> None:
    """The same words: in few movies they say less than in many."""
    words: list[tuple[Winner | None, Winner | None]] = [("first", "second") for _ in range(60)]
    words += [("second", "first") for _ in range(40)]
    many, few = balanced(judged(words, per_movie=1)), balanced(judged(words, per_movie=20))
    assert many is not None
    assert few is not None
    assert many.gap.value == pytest.approx(few.gap.value) == pytest.approx(0.2)
    assert few.gap.high - few.gap.low > 2 * (many.gap.high - many.gap.low)


def test_a_judges_taste_for_the_first_is_told() -> None:
    (habit,) = habits(biased(seed=3))
    assert 0.65 < habit.first.value < 0.75
    assert habit.first.low > 0.5
    assert habit.turns > 0.5


def test_an_answer_that_was_missing_is_no_habit_of_the_judge() -> None:
    missing = Judgement("q", "m", "scene", "plot", "j", True, "first", asked=False)
    assert habits([missing])[0].judged == 0


@pytest.mark.parametrize(
    ("right", "asked", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (0, 0, 0.0, 1.0)],
)
def test_wilsons_interval_is_the_textbooks(right: int, asked: int, low: float, high: float) -> None:
    found = wilson(right, asked)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("more", "less", "p"), [(0, 0, 1.0), (5, 5, 1.0), (8, 2, 0.109375), (10, 0, 0.001953125), (1, 0, 1.0)]
)
def test_the_sign_test_is_exact(more: int, less: int, p: float) -> None:
    assert sign_test(more, less) == pytest.approx(p)


def test_judges_that_agree_have_kappa_one_and_strangers_about_none() -> None:
    words: list[tuple[Winner | None, Winner | None]] = [("first", "second"), ("second", "first")] * 10
    assert agreement(judged(words, "j") + judged(words, "k")) == pytest.approx(1.0)
    dice = random.Random(5)
    pairs: list[tuple[Winner | None, Winner | None]] = [("first", "second"), ("second", "first")]
    one, other = (judged([dice.choice(pairs) for _ in range(400)], judge) for judge in ("j", "k"))
    found = agreement(one + other)
    assert found is not None
    assert abs(found) < 0.15
    assert agreement(one) is None


def test_the_same_seed_gives_the_same_interval() -> None:
    assert balanced(biased(4), seed=9) == balanced(biased(4), seed=9)
