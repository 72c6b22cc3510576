"""Frame prompts from descriptions."""

from hypothesis import given
from hypothesis import strategies as st

from reelmill_script.prompting import TOKEN_LIMIT, frame_prompt, shortened, token_bound

LOOKS = {
    "Ann": "a tall woman with red hair in a blue coat",
    "Ann Lee": "an old woman with white hair in a green dress",
    "Tom": "a small boy in a yellow shirt",
}


def test_names_give_way_to_looks_and_place_time_and_style_follow() -> None:
    assert frame_prompt("Tom holds a lamp, smiling.", LOOKS, "harbour", "night") == (
        "a small boy in a yellow shirt holds a lamp, smiling, in the harbour, night, in <style> style"
    )


def test_the_second_time_a_person_is_named_in_brief() -> None:
    prompt = frame_prompt("Ann looks at Tom, and Tom at Ann's lamp.", LOOKS, "harbour", "day")
    assert prompt.startswith(
        "a tall woman with red hair in a blue coat looks at a small boy in a yellow shirt, "
        "and the small boy at the tall woman's lamp"
    )


def test_a_longer_name_is_not_taken_for_a_shorter_one() -> None:
    prompt = frame_prompt("Ann Lee sits.", LOOKS, "harbour", "day")
    assert prompt.startswith("an old woman with white hair in a green dress sits")


def test_the_place_of_the_style_cannot_be_taken_by_a_description() -> None:
    prompt = frame_prompt("Tom sees <style> and <style>.", LOOKS, "harbour", "day")
    assert prompt.count("<style>") == 1


def test_a_name_inside_a_word_stays() -> None:
    assert "Annabel's tomatoes" in frame_prompt("Annabel's tomatoes lie there.", LOOKS, "market", "day")


def test_what_is_too_long_is_cut_at_a_word_and_keeps_place_time_and_style() -> None:
    prompt = frame_prompt("Ann walks " + "very " * 100 + "far.", LOOKS, "harbour", "day")
    assert prompt.endswith("very, in the harbour, day, in <style> style")
    assert token_bound(prompt) <= TOKEN_LIMIT


@given(st.text(max_size=1500), st.text(min_size=1, max_size=20))
def test_no_description_makes_a_prompt_too_long(description: str, name: str) -> None:
    prompt = frame_prompt(description, {name: "a man in a red suit"}, "old mill", "evening")
    assert token_bound(prompt) <= TOKEN_LIMIT
    assert prompt.endswith("in <style> style")


@given(st.text(max_size=300), st.integers(0, 80))
def test_shortening_keeps_whole_words_from_the_beginning(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert token_bound(short) <= limit
    assert " ".join(text.split()).startswith(short)
