"""Main characters in a movie's jobs: by the words of the script, or by tokens that the style stage learns."""

from datetime import UTC, datetime

import pytest

from reelmill.v1 import common_pb2, movies_pb2, script_pb2
from reelmill_kit.names import MovieName
from reelmill_movies import domain, stage_jobs
from reelmill_movies.characters import tokens, with_tokens
from reelmill_movies.domain import Record

Movie = movies_pb2.Movie
LEARNED = movies_pb2.CHARACTER_IDENTITY_LEARNED_TOKENS
STYLE = "projects/acme/styles/" + "0a" * 32
SCRIPT = script_pb2.Script(
    style=script_pb2.StyleText(keyword="noir"),
    characters=[
        script_pb2.Character(
            name="Mara",
            role=script_pb2.Character.ROLE_MAIN,
            appearance="an old woman with red hair in a blue coat",
        ),
        script_pb2.Character(
            name="Ilse",
            role=script_pb2.Character.ROLE_SUPPORTING,
            appearance="a girl with black hair in a green dress",
        ),
        script_pb2.Character(
            name="Tomas",
            role=script_pb2.Character.ROLE_MAIN,
            appearance="a slim man with grey hair in a brown suit",
        ),
    ],
)
FRAME = script_pb2.Frame(
    index=3,
    prompt="medium shot of an old woman with red hair in a blue coat sitting on the left and an angry slim "
    "man with grey hair in a brown suit talking on the right, in the street, in <style> style",
)
TOKENS = {"<character-1>": SCRIPT.characters[0].appearance, "<character-2>": SCRIPT.characters[2].appearance}


def a_record(**fields: object) -> Record:
    asked = Movie(theme="A lighthouse", seed=7, **fields)  # type: ignore[arg-type]
    return domain.new_record(
        MovieName("acme", "m-1"), "r-1", asked, "s3://b/", datetime(2026, 11, 1, tzinfo=UTC)
    )


@pytest.mark.parametrize("asked", ["UNSPECIFIED", "DESCRIPTIONS"])
def test_by_default_the_words_of_the_script_are_drawn_and_no_character_is_learned(asked: str) -> None:
    record = a_record(character_identity=f"CHARACTER_IDENTITY_{asked}")
    assert tokens(record.movie, SCRIPT) == {}
    job = stage_jobs.frame_job(record, FRAME, tokens(record.movie, SCRIPT)).render
    assert (job.frames[0].prompt, job.frames[0].judged_prompt) == (FRAME.prompt, "")
    style = stage_jobs.stage_job(record, common_pb2.STAGE_STYLE, SCRIPT).style
    assert not style.characters
    assert style.style.keyword == "noir"


def test_main_characters_are_learned_when_the_movie_asks_for_it() -> None:
    record = a_record(character_identity=LEARNED)
    assert tokens(record.movie, SCRIPT) == TOKENS
    style = stage_jobs.stage_job(record, common_pb2.STAGE_STYLE, SCRIPT).style
    assert {look.token: look.appearance for look in style.characters} == TOKENS
    assert style.style.keyword == "noir"


def test_a_frame_then_has_tokens_where_the_words_stood_and_the_words_for_the_judge() -> None:
    frame = stage_jobs.frame_job(a_record(character_identity=LEARNED), FRAME, TOKENS).render.frames[0]
    assert frame.prompt == (
        "medium shot of a <character-1> sitting on the left and an angry <character-2> talking on the right, "
        "in the street, in <style> style"
    )
    assert frame.judged_prompt == FRAME.prompt


def test_who_is_not_learned_stays_in_words() -> None:
    assert with_tokens(f"{SCRIPT.characters[1].appearance}, at night", TOKENS) == (
        "a girl with black hair in a green dress, at night"
    )


def test_looks_that_end_alike_are_not_mixed_up() -> None:
    alike = {"<character-1>": "a man in a red coat", "<character-2>": "a slim man in a red coat"}
    assert with_tokens("a slim man in a red coat and a man in a red coat", alike) == (
        "a <character-2> and a <character-1>"
    )


def test_characters_are_learned_in_a_style_that_was_learned_before() -> None:
    record = a_record(character_identity=LEARNED, learned_style=STYLE)
    style = stage_jobs.stage_job(record, common_pb2.STAGE_STYLE, SCRIPT).style
    assert style.learned_style == STYLE
    assert not style.HasField("style")
    assert len(style.characters) == 2
