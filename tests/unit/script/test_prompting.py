"""Frame prompts from descriptions."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill_script.prompting import FrameWords, fitted, frame_prompt, shortened, too_long_by
from reelmill_script.tokens import CLIP_LIMIT, BoundedTokens

LOOKS = {
    "Ann": "a tall woman with red hair in a blue coat",
    "Ann Lee": "an old woman with white hair in a green dress",
    "Tom": "a small boy in a yellow shirt",
}

TOKENS = BoundedTokens()


def prompt_of(description: str, location: str = "harbour", looks: Mapping[str, str] = LOOKS) -> str:
    return frame_prompt(FrameWords(description, looks, location, "day"))


def test_names_give_way_to_looks_and_place_time_and_style_follow() -> None:
    assert frame_prompt(FrameWords("Tom holds a lamp, smiling.", LOOKS, "harbour", "night")) == (
        "a small boy in a yellow shirt holds a lamp, smiling, in the harbour, night, in <style> style"
    )


def test_the_second_time_a_person_is_named_in_brief() -> None:
    prompt = prompt_of("Ann looks at Tom, and Tom at Ann's lamp.")
    assert prompt.startswith(
        "a tall woman with red hair in a blue coat looks at a small boy in a yellow shirt, "
        "and the small boy at the tall woman's lamp"
    )


def test_a_longer_name_is_not_taken_for_a_shorter_one() -> None:
    prompt = prompt_of("Ann Lee sits.")
    assert prompt.startswith("an old woman with white hair in a green dress sits")


def test_the_place_of_the_style_cannot_be_taken_by_a_description() -> None:
    prompt = prompt_of("Tom sees <style> and <style>.")
    assert prompt.count("<style>") == 1


def test_a_name_inside_a_word_stays() -> None:
    assert "Annabel's tomatoes" in prompt_of("Annabel's tomatoes lie there.", "market")


def test_what_is_too_long_is_cut_at_a_word_and_keeps_place_time_and_style() -> None:
    prompt = prompt_of("Ann walks " + "very " * 100 + "far.")
    assert prompt.endswith("very, in the harbour, day, in <style> style")
    assert TOKENS.count(prompt) <= CLIP_LIMIT


@given(st.text(max_size=1500), st.text(min_size=1, max_size=20))
def test_no_description_makes_a_prompt_too_long(description: str, name: str) -> None:
    prompt = prompt_of(description, "old mill", {name: "a man in a red suit"})
    assert TOKENS.count(prompt) <= CLIP_LIMIT
    assert prompt.endswith("in <style> style")


@given(st.text(max_size=300), st.integers(0, 80))
def test_shortening_keeps_whole_words_from_the_beginning(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert TOKENS.count(short) <= limit
    assert " ".join(text.split()).startswith(short)


LONG = (
    "Ann looks at Tom because she knows that the letter was never sent, one hand on the rail, "
    "while grey waves roll against the old stones of the long quay and gulls cry"
)


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        (40, LONG),
        (34, LONG.replace(" because she knows that the letter was never sent", "")),
        (20, "Ann looks at Tom, one hand on the rail"),
        (6, "Ann looks at Tom"),
        (3, "Ann looks at"),
    ],
)
def test_whole_clauses_are_left_out_first_what_cannot_be_seen(limit: int, left: str) -> None:
    assert fitted(LONG, limit, TOKENS) == left


@given(st.text(max_size=400), st.integers(1, 90))
def test_what_is_fitted_is_never_too_long(text: str, limit: int) -> None:
    assert TOKENS.count(fitted(text, limit, TOKENS)) <= limit


def test_a_prompt_knows_by_how_much_it_is_too_long() -> None:
    short = FrameWords("Tom waits.", LOOKS, "harbour", "day")
    assert too_long_by(short, TOKENS) == TOKENS.count(frame_prompt(short)) - CLIP_LIMIT
    assert too_long_by(FrameWords("Tom waits " + "and waits " * 40, LOOKS, "harbour", "day"), TOKENS) > 0
