"""What a genre does to a story that is written without a language model."""

import pytest

from reelmill_kit.genres import SHARES
from reelmill_script.domain import faults
from reelmill_script.offline.texts import load
from reelmill_script.offline.theme import Genre, read_theme
from reelmill_world import NAMED_STYLES, TIMES, WEATHERS
from tests.unit.script.stories import asked, told

PREMISES = set(load("premises")) - {"more"}
PLAIN = "Somebody finds something"  # points to nothing


@pytest.mark.parametrize("name", SHARES)
def test_every_genre_of_the_paper_has_premises_and_styles_of_its_own(name: str) -> None:
    genre = Genre.of(name)
    assert genre.label
    assert genre.premises
    assert set(genre.premises) <= PREMISES
    assert set(genre.styles) <= set(NAMED_STYLES)
    assert set(genre.times) <= set(TIMES)
    assert set(genre.weathers) <= set(WEATHERS)


def test_every_premise_has_a_genre() -> None:
    assert {premise for name in SHARES for premise in Genre.of(name).premises} == PREMISES


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 3, 3), (12, 2, 1)])
def test_a_story_is_of_its_genre_and_whole(name: str, shape: tuple[int, int, int]) -> None:
    for seed in range(3):
        request = asked(PLAIN, shape, seed, genre=name)
        script = told(request)
        assert faults(script, request) == []
        assert Genre.of(name).label in script.overview
        assert script.style.keyword in Genre.of(name).styles
        assert script.genre == name


def test_no_text_of_a_premise_has_a_slot_left_open() -> None:
    for name in SHARES:
        for seed in range(8):
            script = told(asked(PLAIN, (16, 2, 2), seed, genre=name))
            texts = [script.title, script.overview, *(chapter.summary for chapter in script.chapters)]
            texts += [scene.summary for chapter in script.chapters for scene in chapter.scenes]
            assert not [text for text in texts if "{" in text or "}" in text]


def test_the_theme_chooses_among_what_the_genre_may_be() -> None:
    reading = read_theme("A thief forges a signature for a bank", "Crime")
    assert reading.premises[0] in ("forgery", "theft")
    for seed in range(4):
        chase = told(asked("A hunted agent escapes", (3, 1, 1), seed, genre="Crime"))
        assert "before those who want it do" in chase.overview


def test_an_unknown_genre_is_read_as_part_of_the_theme() -> None:
    assert read_theme(PLAIN, "ghost western").premises[0] == "vanished"
    assert read_theme(PLAIN, "Western").premises == ()


def test_case_does_not_matter_to_a_genre() -> None:
    assert Genre.of(" SCI-FI ") == Genre.of("sci-fi") == Genre.of("Sci-Fi")
