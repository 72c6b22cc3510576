"""How alike two plots are."""

import random

import pytest

from reelmill.v1 import script_pb2
from reelmill_movies.batches import plots


def a_script(*summaries: str, hero: str = "Mara") -> script_pb2.Script:
    chapter = script_pb2.Chapter(scenes=[script_pb2.Scene(summary=text) for text in summaries])
    return script_pb2.Script(chapters=[chapter], characters=[script_pb2.Character(name=hero)])


def words(rng: random.Random, count: int) -> str:
    return " ".join(f"w{rng.randrange(5000)}" for _ in range(count))


def test_the_same_story_with_other_names_is_the_same_story() -> None:
    one = a_script("Mara finds a map in Mara's attic", "She follows it to the sea")
    other = a_script("Ines finds a map in Ines's attic", "She follows it to the sea", hero="Ines")
    assert plots.likeness(plots.sketch(one), plots.sketch(other)) == 100


def test_a_name_inside_a_word_is_no_name() -> None:
    text = "the art of starting things again"
    one, other = a_script(text, hero="Art"), a_script(text, hero="Bo")
    assert plots.likeness(plots.sketch(one), plots.sketch(other)) == 33


def test_stories_without_a_common_phrase_are_not_alike() -> None:
    one, other = a_script("a baker finds a map"), a_script("two sisters rob a train")
    assert plots.likeness(plots.sketch(one), plots.sketch(other)) == 0


def test_scripts_that_say_nothing_are_alike() -> None:
    empty = plots.sketch(script_pb2.Script())
    assert plots.likeness(empty, empty) == 100


@pytest.mark.parametrize("common", [0, 25, 50, 75, 100])
@pytest.mark.parametrize("scenes", [4, 200])
def test_the_sketch_of_a_long_plot_is_as_good_as_the_plot(common: int, scenes: int) -> None:
    rng = random.Random(common)
    mine = [words(rng, 30) for _ in range(scenes)]
    shared = mine[: scenes * common // 100]
    theirs = shared + [words(rng, 30) for _ in range(scenes - len(shared))]
    one, other = a_script(*mine), a_script(*theirs)
    exact = 100 * len(shared) / (2 * scenes - len(shared))
    assert plots.likeness(plots.sketch(one), plots.sketch(other)) == pytest.approx(exact, abs=5)
    assert len(plots.sketch(one)) <= plots.SKETCH
