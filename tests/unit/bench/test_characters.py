"""How bench-characters counts: who is named by a judge that sees everything, some of it, or nothing."""

from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmill_world import BUILDS, COLOURS, GARMENTS, HAIR, KINDS, Appearance, appearance_phrase
from tests.bench.casts import Cast, casts, read_appearance
from tests.bench.characters import FACTS, Found

pytestmark = pytest.mark.torch
WORDS = {"colour": COLOURS, "garment": GARMENTS, "hair": HAIR, "kind": KINDS, "build": BUILDS}
MARA = Appearance("woman", "blue", "coat", "red", "heavy")
TOMAS = Appearance("man", "brown", "suit", "grey", "slim")


class Seer:
    """Is sure of what the scenes say, but for the facts it is blind to."""

    questions: ClassVar = {f"{fact} {side}": allowed for fact, allowed in WORDS.items() for side in (1, 2)}

    def __init__(self, cast: Cast, blind: tuple[str, ...] = ()) -> None:
        self._cast, self._blind = cast, blind

    def beliefs(self, pixels: Any) -> dict[str, NDArray[np.float32]]:
        found = {}
        for question, allowed in self.questions.items():
            fact, side = question.split()
            found[question] = np.full((len(self._cast.scenes), len(allowed)), 1 / len(allowed), np.float32)
            if fact not in self._blind:
                looks = [scene.figures[int(side) - 1].appearance for scene in self._cast.scenes]
                right = [allowed.index(getattr(look, fact)) for look in looks]
                found[question][:] = 0.1 / (len(allowed) - 1)
                found[question][range(len(right)), right] = 0.9
        return found


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


def test_a_judge_that_sees_nothing_is_right_no_oftener_than_by_chance() -> None:
    assert shares(casts(1, 36)[0], FACTS)["right_character"] <= 1 / 9 + 0.1


def test_every_frame_has_two_of_the_cast_and_each_pair_comes() -> None:
    for cast in casts(8, 6):
        assert len(cast.looks) == 3
        assert {tuple(sorted(pair)) for pair in cast.pairs} == {(0, 1), (0, 2), (1, 2)}
        for scene, (left, right) in zip(cast.scenes, cast.pairs, strict=True):
            assert [figure.appearance for figure in scene.figures] == [cast.looks[left], cast.looks[right]]
    assert casts(2, 4) == casts(2, 4)


def test_an_appearance_is_read_back_from_its_words() -> None:
    for look in (MARA, TOMAS):
        assert read_appearance(appearance_phrase(look)) == look
    with pytest.raises(ValueError, match="no appearance"):
        read_appearance("a tall woman in a hat")
