"""How bench-characters counts: a judge that sees all names everybody, one that sees nothing names nobody."""

from typing import Any

import numpy as np
import pytest

from reelmill_world import Appearance, appearance_phrase
from tests.bench.casts import Cast, casts, read_appearance
from tests.bench.characters import FACTS, Found, name

pytestmark = pytest.mark.torch
MARA = Appearance("woman", "blue", "coat", "red", "heavy")
TOMAS = Appearance("man", "brown", "suit", "grey", "slim")
TWINS = [Appearance("girl", "red", "coat", "brown"), Appearance("girl", "red", "coat", "blond")]


class Seer:
    """Answers with what the scenes say, but for the facts it is blind to."""

    def __init__(self, cast: Cast, blind: tuple[str, ...] = ()) -> None:
        self._cast, self._blind = cast, blind

    def facts(self, pixels: Any) -> dict[str, list[str]]:
        return {
            f"{fact} {side}": [
                "none" if fact in self._blind else getattr(scene.figures[side - 1].appearance, fact)
                for scene in self._cast.scenes
            ]
            for fact in FACTS
            for side in (1, 2)
        }


def shares(cast: Cast, blind: tuple[str, ...] = ()) -> dict[str, float]:
    found = Found()
    found.add(Seer(cast, blind), cast, np.zeros((len(cast.scenes), 8, 8, 3), np.uint8))  # type: ignore[arg-type]
    return found.shares()


def test_a_judge_that_sees_everything_names_everybody_right() -> None:
    for cast in casts(8, 6):
        assert set(shares(cast).values()) == {1.0}


@pytest.mark.parametrize("blind", [("colour",), ("colour", "kind"), ("hair", "build")])
def test_the_leads_are_told_apart_without_some_of_their_facts(blind: tuple[str, ...]) -> None:
    for cast in casts(8, 6):
        assert shares(cast, blind)["right_character"] == 1.0


def test_a_judge_that_sees_nothing_names_nobody() -> None:
    assert set(shares(casts(1, 6)[0], FACTS).values()) == {0.0}


def test_who_agrees_with_most_is_named_and_the_colour_decides_between_equals() -> None:
    seen = {"kind": "man", "colour": "blue", "garment": "coat", "hair": "grey", "build": "slim"}
    assert name(seen, [MARA, TOMAS]) == 1
    assert name({**seen, "build": "average"}, [TOMAS, MARA]) == 1, "equal, but MARA wears blue"
    assert name({**seen, "kind": "girl", "hair": "black"}, TWINS) is None


def test_every_frame_has_two_of_the_cast_and_each_pair_comes() -> None:
    for cast in casts(8, 6):
        assert len(cast.looks) == 3
        assert {tuple(sorted(pair)) for pair in cast.pairs} == {(0, 1), (0, 2), (1, 2)}
        for scene, (left, right) in zip(cast.scenes, cast.pairs, strict=True):
            assert [figure.appearance for figure in scene.figures] == [cast.looks[left], cast.looks[right]]
    assert casts(2, 4) == casts(2, 4)


def test_an_appearance_is_read_back_from_its_words() -> None:
    for look in (MARA, TOMAS, *TWINS):
        assert read_appearance(appearance_phrase(look)) == look
    with pytest.raises(ValueError, match="no appearance"):
        read_appearance("a tall woman in a hat")
