import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.v1 import common_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import STAGE_NAMES, MovieName, ProjectName

MOVIE = MovieName("acme", "m-1")
ids = st.from_regex(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


@given(ids, ids)
def test_a_name_is_read_as_it_was_written(project: str, movie: str) -> None:
    name = MovieName(project, movie)
    assert MovieName.parse(str(name), "name") == name
    assert ProjectName.parse(f"projects/{project}", "parent") == ProjectName(project)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "projects/acme",
        "projects/acme/movies/",
        "projects//movies/m",
        "projects/acme/movies/m/frames",
        "projects/Acme/movies/m",
        "projects/1acme/movies/m",
        "projects/acme-/movies/m",
        "projects/acme/movies/a.b",
        "projects/acme/movies/*",
        "projects/acme/movies/>",
        "projects/acme/movies/..",
        "projects/acme/movies/m\n",
        "projects/acme/movies/m\x00",
        "projects/ácme/movies/m",
        "projects/acme/movies/" + "m" * 64,
        " projects/acme/movies/m",
    ],
)
def test_other_names_are_refused_naming_the_field(text: str) -> None:
    with pytest.raises(ReelmillError) as refused:
        MovieName.parse(text, "movie.name")
    assert refused.value.reason is Reason.INVALID_FIELD
    assert refused.value.metadata == {"field": "movie.name"}


def test_a_long_name_is_not_repeated_whole() -> None:
    with pytest.raises(ReelmillError) as refused:
        ProjectName.parse("x" * 10_000_000, "parent")
    assert len(refused.value.message) < 300


def test_the_same_request_names_the_same_movie() -> None:
    name = MovieName.for_request("acme", "order 66")
    assert name == MovieName.for_request("acme", "order 66")
    assert name != MovieName.for_request("acme", "order 67")
    assert name.movie != MovieName.for_request("acme2", "order 66").movie
    assert MovieName.parse(str(name), "name") == name


@given(ids, ids, st.integers(0, 99_999))
def test_subjects_are_told_apart_and_hold_no_wildcards(project: str, movie: str, index: int) -> None:
    name = MovieName(project, movie)
    subjects = [
        *(name.job_subject(stage) for stage in STAGE_NAMES),
        name.event_subject("movie", "created"),
        name.frame_subject(index),
    ]
    assert len(set(subjects)) == len(subjects)
    for subject in subjects:
        assert not set(subject) & set("*> \t\n")
        assert "" not in subject.split(".")


def test_every_stage_has_a_name() -> None:
    assert set(STAGE_NAMES) == set(common_pb2.Stage.values()) - {common_pb2.STAGE_UNSPECIFIED}


def test_everything_of_a_movie_lies_below_its_prefix_and_nothing_of_another() -> None:
    keys = [MOVIE.frame_key(0), MOVIE.lineage_key(99_999), MOVIE.script_key, MOVIE.export_key("story.json")]
    assert all(key.startswith(MOVIE.prefix) for key in keys)
    assert not MovieName("acme", "m-10").frame_key(0).startswith(MOVIE.prefix)


def test_frames_sort_by_their_keys() -> None:
    keys = [MOVIE.frame_key(index) for index in (0, 9, 10, 99_999)]
    assert keys == sorted(keys)
