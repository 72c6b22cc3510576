"""Filters, read masks and etags, on movies."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import given
from hypothesis import strategies as st

from reelmill.v1 import dataset_pb2, movies_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.listing import Filter, ReadMask, check_etag, etag

Movie = movies_pb2.Movie


def a_movie() -> movies_pb2.Movie:
    movie = Movie(
        name="projects/films/movies/m-1",
        theme='A lighthouse keeper adopts a "storm"',
        genre="mystery",
        seed=7,
        priority=-3,
        state=Movie.STATE_FAILED,
        reference_keys=["projects/films/a.png", "projects/films/b.png"],
        paused=True,
    )
    movie.failure.reason = "QUOTA_EXCEEDED"
    movie.style.keyword = "gouache"
    movie.create_time.FromDatetime(datetime(2026, 3, 1, 12, tzinfo=UTC))
    return movie


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "state = FAILED",
        "state=STATE_FAILED",
        "state != RUNNING",
        "seed = 7",
        "seed > 6 AND seed < 8",
        "seed >= 7 seed <= 7",
        "priority = -3",
        'theme = "*lighthouse*"',
        "theme = *LIGHTHOUSE*",
        r'theme = "A lighthouse keeper adopts a \"storm\""',
        "genre = 'mystery'",
        "genre = mystery OR genre = comedy",
        "NOT state = RUNNING",
        "-state = RUNNING",
        "NOT (state = RUNNING OR state = PENDING)",
        "paused = true",
        "failure.reason = QUOTA_EXCEEDED",
        "style.keyword = gouache AND failure:*",
        'reference_keys : "projects/films/b.png"',
        "reference_keys:*",
        'create_time > "2026-02-28T23:00:00Z"',
        'create_time <= "2026-03-01T13:00:00+01:00"',
        "NOT end_time:*",
        'NOT end_time < "2030-01-01T00:00:00Z"',
        # OR binds stronger than AND, as AIP-160 has it.
        "seed = 7 OR seed = 8 AND state = FAILED",
    ],
)
def test_a_filter_takes_what_it_fits(text: str) -> None:
    assert Filter(text, Movie).matches(a_movie())


@pytest.mark.parametrize(
    "text",
    [
        "state = RUNNING",
        "seed != 7",
        "seed = 7 AND priority > 0",
        "seed = 7 priority > 0",
        "theme = lighthouse",
        'theme != "*lighthouse*"',
        "theme = [a-z]*",
        "NOT genre = mystery",
        "paused = false",
        "style.keyword = oil",
        "reference_keys:projects/films/c.png",
        'create_time < "2026-03-01T12:00:00Z"',
        'end_time > "2000-01-01T00:00:00Z"',
        'end_time < "2030-01-01T00:00:00Z"',
        "seed = 7 OR seed = 8 AND state = RUNNING",
    ],
)
def test_a_filter_leaves_out_what_it_does_not_fit(text: str) -> None:
    assert not Filter(text, Movie).matches(a_movie())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("state", "write it like"),
        ("lighthouse", "write it like"),
        ("state = ", "write it like"),
        ("(state = FAILED", "write it like"),
        ("state = FAILED)", "at ')'"),
        ("state == FAILED", "write it like"),
        ("name.lower() = x", "write it like"),
        ("colour = red", "'colour' is no field of Movie"),
        ("style.colour = red", "'style.colour' is no field"),
        ("seed.bits = 1", "'seed.bits' is no field"),
        ("stages.state = DONE", "'stages.state' is no field"),
        ("reference_keys = x", "ask with ':'"),
        ("state = DONE", "PENDING, RUNNING"),
        ("state > PENDING", "only by = and !="),
        ("seed = seven", "only with a number"),
        ("paused = maybe", "true and false"),
        ("style = oil", "name one of its fields"),
        ("create_time > yesterday", "2026-01-31T12:00:00Z"),
        ('create_time > "2026-01-31T12:00:00"', "2026-01-31T12:00:00Z"),
        ("seed = 1 AND " * 90 + "seed = 1", "1000 are allowed"),
    ],
)
def test_what_is_no_filter_is_refused_with_what_to_write_instead(text: str, says: str) -> None:
    with pytest.raises(ReelmillError) as refused:
        Filter(text, Movie)
    assert refused.value.reason is Reason.INVALID_FIELD
    assert refused.value.metadata["field"] == "filter"
    assert says in refused.value.message


@given(st.text(max_size=80) | st.text("stae=()\"* '\\ANDORT<>:-7", max_size=60))
def test_no_text_makes_a_filter_crash(text: str) -> None:
    with suppress(ReelmillError):
        Filter(text, Movie).matches(a_movie())


@pytest.mark.parametrize("text", ["(" * 480 + "seed = 7" + ")" * 480, "NOT(" * 190 + "seed = 7" + ")" * 190])
def test_a_filter_may_be_as_deep_as_its_length_allows(text: str) -> None:
    assert Filter(text, Movie).matches(a_movie())


def test_a_filter_works_on_any_resource() -> None:
    release = dataset_pb2.Release(frames=1331, license="CC-BY-4.0")
    assert Filter("frames > 1000 AND license = CC-BY-4.0", dataset_pb2.Release).matches(release)


def test_a_mask_leaves_only_the_fields_that_it_names() -> None:
    shown = ReadMask(FieldMask(paths=["name", "style.keyword"]), Movie).of(a_movie())
    expected = Movie(name="projects/films/movies/m-1")
    expected.style.keyword = "gouache"
    assert shown == expected


@pytest.mark.parametrize("paths", [[], ["*"]])
def test_without_a_mask_or_with_a_star_everything_is_shown(paths: list[str]) -> None:
    assert ReadMask(FieldMask(paths=paths), Movie).of(a_movie()) == a_movie()


@pytest.mark.parametrize("path", ["colour", "style.colour", "stages.state", "", "name.*"])
def test_a_mask_of_no_field_is_refused(path: str) -> None:
    with pytest.raises(ReelmillError, match="read_mask") as refused:
        ReadMask(FieldMask(paths=["name", path]), Movie)
    assert refused.value.metadata["field"] == "read_mask"


def test_an_etag_is_weak_and_differs_with_what_decides() -> None:
    one = etag(1, "x", True)
    assert one == etag(1, "x", True)
    assert one.startswith('W/"')
    assert len({one, etag(2, "x", True), etag(1, "y", True), etag(1, "x", False)}) == 4


def test_another_etag_than_the_current_one_is_refused_with_the_current_one() -> None:
    check_etag("projects/films/movies/m-1", "", etag(1))
    check_etag("projects/films/movies/m-1", etag(1), etag(1))
    with pytest.raises(ReelmillError) as refused:
        check_etag("projects/films/movies/m-1", etag(1), etag(2))
    assert refused.value.reason is Reason.ETAG_MISMATCH
    assert refused.value.metadata == {"etag": etag(2)}
