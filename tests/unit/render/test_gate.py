from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.v1 import render_pb2
from reelmill_render.domain import Drawing, Model, Picture
from reelmill_render.gate import Attempt, Gate, Limits, Policy, Score, Scores, seeds

Options = render_pb2.GateOptions
LIMITS = Limits(max_redraws=2, style_rank=1, text_rank=5)
GATE = Gate(LIMITS, "a cat", "e" * 64, "f" * 64)
MODEL = Model("a" * 64, Drawing(20, 4.0, "DDIMScheduler", 128, 96))
PICTURE = Picture.of(render_pb2.FrameRequest(index=3, prompt="a cat", seed=7), Drawing(), MODEL, "b" * 64)


def scores(style: tuple[float, int] | None, text: tuple[float, int] | None) -> Scores:
    return Scores(Score(*style) if style else None, Score(*text) if text else None)


@pytest.mark.parametrize(
    ("style", "text", "passes"),
    [
        ((0.1, 1), (0.1, 1), True),
        ((0.1, 1), (-0.1, 5), True),
        ((0.1, 1), (-0.1, 6), False),
        ((-0.1, 2), (0.1, 1), False),
        (None, (0.1, 1), True),
        (None, (-0.1, 6), False),
        ((0.1, 1), None, True),
    ],
)
def test_a_picture_passes_if_every_rank_it_has_is_within_its_limit(
    style: tuple[float, int] | None, text: tuple[float, int] | None, passes: bool
) -> None:
    assert LIMITS.passes(scores(style, text)) is passes


def test_a_picture_that_passed_is_better_than_any_that_did_not() -> None:
    passed = Attempt(1, scores((0.01, 1), (0.01, 1)), passed=True)
    failed = Attempt(2, scores((-0.01, 2), (0.9, 1)), passed=False)
    assert passed.better_than(failed)
    assert not failed.better_than(passed)


def test_of_two_that_failed_the_greater_sum_of_margins_is_better_and_a_tie_is_not() -> None:
    one = Attempt(1, scores((-0.2, 4), (0.1, 1)), passed=False)
    other = Attempt(2, scores((-0.1, 3), (0.1, 1)), passed=False)
    assert other.better_than(one)
    assert not replace(one, seed=3).better_than(one)


@given(st.integers(-(2**63), 2**63 - 1))
def test_seeds_begin_with_the_one_asked_for_and_none_comes_twice(first: int) -> None:
    drawn = list(islice(seeds(first), 12))
    assert drawn[0] == first
    assert len(set(drawn)) == 12
    assert all(0 <= seed < 2**31 for seed in drawn[1:])
    assert drawn == list(islice(seeds(first), 12))


def test_the_second_seed_stays_the_same_from_release_to_release() -> None:
    """Lineages say which seeds were tried: a change would draw failed frames anew."""
    assert list(islice(seeds(7), 3)) == [7, 343703260, 1572588912]


@pytest.mark.parametrize(
    "other",
    [
        {"text": "a dog"},
        {"judge_digest": "c" * 64},
        {"references_digest": ""},
        {"limits": replace(LIMITS, max_redraws=3)},
        {"limits": replace(LIMITS, style_rank=2)},
        {"limits": replace(LIMITS, text_rank=6)},
    ],
    ids=str,
)
def test_everything_the_gate_depends_on_changes_the_digest(other: dict[str, object]) -> None:
    digests = {
        PICTURE.input_digest,
        GATE.input_digest(PICTURE),
        GATE.input_digest(replace(PICTURE, seed=8)),
        replace(GATE, **other).input_digest(PICTURE),  # type: ignore[arg-type]
    }
    assert len(digests) == 4


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize(
    ("options", "limits"),
    [
        (Options(mode=Options.MODE_OFF, max_redraws=3), None),
        (Options(mode=Options.MODE_ON), LIMITS),
        (Options(mode=Options.MODE_ON, max_redraws=0), replace(LIMITS, max_redraws=0)),
        (Options(mode=Options.MODE_ON, max_redraws=10), replace(LIMITS, max_redraws=10)),
    ],
    ids=str,
)
def test_what_a_request_says_counts_more_than_the_settings(
    on: bool, options: render_pb2.GateOptions, limits: Limits | None
) -> None:
    assert Policy(on, LIMITS).limits_for(options) == limits


def test_without_a_word_the_settings_count() -> None:
    assert Policy(True, LIMITS).limits_for(Options()) == LIMITS
    assert Policy(True, LIMITS).limits_for(Options(max_redraws=1)) == replace(LIMITS, max_redraws=1)
    assert Policy(False, LIMITS).limits_for(Options(max_redraws=1)) is None
