"""Margins and ranks."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reelmill_judge import Score, centroid, distinct, style_score, text_score

_COORDINATES = st.floats(-1, 1, width=32).filter(lambda value: value == 0 or abs(value) > 1e-3)


def _vectors(rows: int) -> st.SearchStrategy[np.ndarray]:
    tables = arrays(np.float32, (rows, 5), elements=_COORDINATES)
    return tables.filter(lambda table: bool((np.linalg.norm(table, axis=1) > 1e-2).all()))


@given(_vectors(6))
def test_rank_1_and_a_margin_above_0_are_the_same_thing(table: np.ndarray) -> None:
    score = style_score(table[0], table[1], table[2:])
    assert (score.rank == 1) == (score.margin > 0)
    assert 1 <= score.rank <= 5
    assert -2.0001 <= score.margin <= 2.0001


@given(_vectors(6), st.floats(0.1, 10))
def test_lengths_do_not_matter(table: np.ndarray, factor: float) -> None:
    score = text_score(table[0], table[1], table[2:])
    again = text_score(table[0] * factor, table[1], table[2:] * factor)
    assert again.margin == pytest.approx(score.margin, abs=1e-5)


@given(_vectors(6))
def test_more_to_compare_with_never_makes_a_score_better(table: np.ndarray) -> None:
    few, more = (style_score(table[0], table[1], table[2:last]) for last in (4, 6))
    assert more.rank >= few.rank
    assert more.margin <= few.margin + 1e-9


def test_what_is_its_own_exactly_is_first() -> None:
    score = style_score(np.array([1.0, 0]), np.array([2.0, 0]), np.array([[0.0, 1], [-1, 0]]))
    assert score == Score(margin=1.0, rank=1)


def test_what_is_only_as_near_as_another_is_not_first() -> None:
    same = np.array([1.0, 1])
    assert text_score(same, same, np.array([[1.0, 1], [0, 1]])) == Score(margin=0.0, rank=2)


def test_the_rank_counts_all_that_are_nearer() -> None:
    others = np.array([[1.0, 0], [1, 0.1], [0, 1], [-1, 0]])
    assert text_score(np.array([1.0, 0]), np.array([1.0, 1]), others).rank == 3


@pytest.mark.parametrize(
    ("vector", "own", "others"),
    [
        (np.ones(3), np.ones(4), np.ones((2, 3))),
        (np.ones(3), np.ones(3), np.ones((2, 4))),
        (np.ones(3), np.ones(3), np.ones((0, 3))),
        (np.zeros(3), np.ones(3), np.ones((2, 3))),
        (np.full(3, np.nan), np.ones(3), np.ones((2, 3))),
    ],
)
def test_what_cannot_be_compared_is_refused(vector: np.ndarray, own: np.ndarray, others: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"shape|nothing to compare|no direction"):
        style_score(vector, own, others)


def test_a_centroid_counts_every_picture_the_same_and_has_the_length_1() -> None:
    middle = centroid(np.array([[100.0, 0], [0, 0.01]]))
    assert middle == pytest.approx(np.array([0.5, 0.5]) ** 0.5)
    with pytest.raises(ValueError, match="rows"):
        centroid(np.zeros((0, 2)))
    with pytest.raises(ValueError, match="no direction"):
        centroid(np.array([[1.0, 0], [-1, 0]]))


def test_the_very_style_of_a_movie_is_not_another_one() -> None:
    bank = np.array([[1.0, 0.01], [0, 1], [-1, 0]])
    assert distinct(np.array([2.0, 0]), bank).tolist() == bank[1:].tolist()


def test_scores_come_without_torch() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'tokenizers'): sys.modules[name] = None\n"
        "import reelmill_judge.scores, reelmill_judge"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
