"""How a batch's record changes, and what a batch may ask for."""

from datetime import UTC, datetime

import pytest

from reelmill.v1 import common_pb2, movies_pb2, script_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import BatchName, MovieName
from reelmill_movies.batches import domain
from reelmill_movies.batches.domain import BatchRecord
from reelmill_movies.batches.requests import BatchChecker
from reelmill_movies.requests import RequestChecker

NOW = datetime(2026, 11, 1, tzinfo=UTC)
NAME = BatchName("acme", "b-1")
Batch, Movie = movies_pb2.Batch, movies_pb2.Movie


def a_record(movies: int = 4, parallel: int = 2, **fields: object) -> BatchRecord:
    asked = Batch(movies=movies, parallel=parallel, themes=["A lighthouse"], **fields)  # type: ignore[arg-type]
    return domain.new_record(NAME, "request-1", asked, NOW)


def seen(record: BatchRecord, index: int, state: int, **fields: object) -> dict[int, movies_pb2.Movie]:
    return {index: Movie(name=str(record.movie(index)), state=state, **fields)}  # type: ignore[arg-type]


def test_items_begin_in_order_as_far_as_there_is_room() -> None:
    record = a_record()
    assert domain.begin(record, NOW) == [0, 1]
    assert domain.begin(record, NOW) == []
    assert record.batch.state == Batch.STATE_RUNNING
    domain.observe(record, seen(record, 1, Movie.STATE_SUCCEEDED), NOW)
    assert domain.begin(record, NOW) == [2]
    assert record.batch.counts == movies_pb2.BatchCounts(waiting=1, running=2, succeeded=1)


def test_each_movie_has_a_name_and_a_seed_that_follow_from_the_batch() -> None:
    seeds = {domain.item_seed(7, item, attempt) for item in range(1000) for attempt in range(4)}
    names = {NAME.movie(item, attempt) for item in range(1000) for attempt in range(4)}
    assert len(seeds) == len(names) == 4000
    assert max(seeds) < 2**53
    assert domain.item_seed(7, 3, 0) == domain.item_seed(7, 3, 0) != domain.item_seed(8, 3, 0)
    assert NAME.movie(3, 0) == NAME.movie(3, 0) != BatchName("other", "b-1").movie(3, 0)


def test_news_of_another_movie_than_the_item_s_changes_nothing() -> None:
    record = a_record()
    domain.begin(record, NOW)
    before = record.to_json()
    stranger = {0: Movie(name=str(MovieName("acme", "m-1")), state=Movie.STATE_SUCCEEDED)}
    assert not domain.observe(record, stranger, NOW)
    assert not domain.observe(record, seen(record, 3, Movie.STATE_SUCCEEDED), NOW)
    assert record.to_json() == before


def test_a_batch_ends_with_its_last_movie_and_knows_what_it_cost() -> None:
    record = a_record(movies=2)
    domain.begin(record, NOW)
    usage = common_pb2.Usage(calls=2, input_tokens=10, output_tokens=5, cost_micros=7)
    domain.observe(record, seen(record, 0, Movie.STATE_FAILED, usage=usage), NOW)
    assert not record.ended
    domain.observe(record, seen(record, 1, Movie.STATE_SUCCEEDED, usage=usage), NOW)
    assert record.batch.state == Batch.STATE_SUCCEEDED
    assert record.batch.end_time.ToDatetime(UTC) == NOW
    assert record.batch.usage == common_pb2.Usage(calls=4, input_tokens=20, output_tokens=10, cost_micros=14)


def test_a_paused_batch_begins_nothing_and_ends_when_nothing_is_left() -> None:
    record = a_record(movies=3)
    domain.begin(record, NOW)
    assert domain.pause(record, NOW)
    assert not domain.pause(record, NOW)
    domain.observe(record, seen(record, 0, Movie.STATE_SUCCEEDED), NOW)
    assert domain.begin(record, NOW) == []
    assert domain.resume(record, NOW)
    assert not domain.resume(record, NOW)
    assert domain.begin(record, NOW) == [2]


@pytest.mark.parametrize("verb", [domain.pause, domain.resume])
def test_what_has_ended_is_neither_paused_nor_resumed(verb: object) -> None:
    record = a_record()
    assert domain.cancel(record, NOW)
    assert not domain.cancel(record, NOW)
    with pytest.raises(ReelmillError) as caught:
        verb(record, NOW)  # type: ignore[operator]
    assert caught.value.reason is Reason.WRONG_STATE


def test_a_movie_that_was_faster_than_the_cancelling_of_its_batch_counts_as_made() -> None:
    record = a_record()
    domain.begin(record, NOW)
    domain.cancel(record, NOW)
    domain.observe(record, seen(record, 0, Movie.STATE_SUCCEEDED), NOW)
    assert record.batch.state == Batch.STATE_CANCELLED
    assert record.batch.counts == movies_pb2.BatchCounts(succeeded=1, cancelled=3)


def test_a_record_survives_being_written_and_read() -> None:
    record = a_record(template=Movie(negative_prompt="text"), seed=5)
    domain.begin(record, NOW)
    domain.observe(record, seen(record, 0, Movie.STATE_FAILED, usage=common_pb2.Usage(calls=2)), NOW)
    assert BatchRecord.from_json(record.to_json()) == record


async def checked(request_id: str = "r-1", **fields: object) -> movies_pb2.Batch:
    asked = {"movies": 3, "themes": ["A lighthouse"], **fields}
    batch = Batch(**asked)  # type: ignore[arg-type]
    request = movies_pb2.CreateBatchRequest(parent="projects/acme", request_id=request_id, batch=batch)
    _, _, found = await BatchChecker(RequestChecker(MemoryStore(), "starter")).check(request)
    return found


async def test_defaults_are_one_movie_a_theme_and_four_at_a_time() -> None:
    batch = await checked(movies=0, themes=["A lighthouse", "A bakery"])
    assert (batch.movies, batch.parallel) == (2, 4)
    assert batch.template.shape == script_pb2.ScriptShape(chapters=3, scenes=3, frames=3)
    assert batch.template.theme == ""


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"movies": 0, "themes": []}, "batch.movies"),
        ({"movies": -1}, "batch.movies"),
        ({"movies": 1001}, "batch.movies"),
        ({"themes": []}, "batch.themes"),
        ({"themes": ["A lighthouse"] * 4}, "batch.themes"),
        ({"movies": 0, "themes": ["A lighthouse"] * 1001}, "batch.themes"),
        ({"movies": 1000, "themes": ["x" * 1999] * 1000}, "batch.themes"),
        ({"themes": ["A lighthouse", " ", "A bakery"]}, "batch.themes[1]"),
        ({"themes": ["A lighthouse", "x" * 2001]}, "batch.themes[1]"),
        ({"parallel": -1}, "batch.parallel"),
        ({"parallel": 101}, "batch.parallel"),
        ({"state": Batch.STATE_RUNNING}, "batch.state"),
        ({"items": [movies_pb2.BatchItem()]}, "batch.items"),
        ({"template": Movie(theme="x")}, "batch.template.theme"),
        ({"template": Movie(seed=1)}, "batch.template.seed"),
        ({"template": Movie(state=Movie.STATE_RUNNING)}, "batch.template.state"),
        ({"template": Movie(batch="projects/acme/batches/b-1")}, "batch.template.batch"),
        ({"template": Movie(shape=script_pb2.ScriptShape())}, "batch.template.shape.chapters"),
        ({"template": Movie(learned_style="projects/acme/styles/0a")}, "batch.template.learned_style"),
        ({"template": Movie(model="another")}, "batch.template.model"),
        ({"template": Movie(reference_keys=["projects/acme/a.png"])}, "batch.template.reference_keys[0]"),
        ({"request_id": "x" * 129}, "request_id"),
    ],
)
async def test_bad_input_is_refused_by_the_name_of_its_field(fields: dict[str, object], field: str) -> None:
    with pytest.raises(ReelmillError) as caught:
        await checked(**fields)  # type: ignore[arg-type]
    assert caught.value.reason is Reason.INVALID_FIELD
    assert caught.value.metadata["field"] == field
