"""Texts that say nearly the same."""

from hypothesis import given
from hypothesis import strategies as st

from reelmill_kit.near_duplicates import NEARLY_THE_SAME, Texts, word_pairs

LAMP = "Mara holds the old brass lamp by the harbour wall and looks out at the boats, calm."


def jaccard(one: str, other: str) -> float:
    first, second = word_pairs(one), word_pairs(other)
    return len(first & second) / len(first | second) if first & second else 0.0


def test_a_word_changed_is_nearly_the_same_and_another_sentence_is_not() -> None:
    texts = Texts([LAMP, "Tomas sits on a crate."])
    likeness, nearest = texts.most_like(LAMP.replace("calm", "happy"))
    assert (likeness > NEARLY_THE_SAME, nearest) == (True, LAMP)
    assert texts.most_like("Ilse runs over the bridge with her dog.")[0] < 0.2


def test_case_and_punctuation_do_not_matter() -> None:
    assert Texts([LAMP]).most_like(LAMP.upper().replace(",", ";"))[0] == 1


def test_nothing_is_like_a_text_in_an_empty_collection() -> None:
    assert Texts().most_like(LAMP) == (0.0, "")
    assert Texts([LAMP]).most_like("") == (0.0, "")


@given(st.lists(st.text("abc ", max_size=12), max_size=12), st.text("abc ", max_size=12))
def test_the_nearest_text_is_that_of_comparing_with_every_one(texts: list[str], asked: str) -> None:
    likeness, nearest = Texts(texts).most_like(asked)
    assert likeness == max((jaccard(asked, text) for text in texts), default=0.0)
    assert likeness == 0 or jaccard(asked, nearest) == likeness
