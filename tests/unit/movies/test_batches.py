"""How a batch's record changes, and what a batch may ask for."""

from datetime import UTC, datetime

import pytest

from reelmill.v1 import common_pb2, movies_pb2, script_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import BatchName, MovieName
from reelmill_movies.batches import domain, items, shares
from reelmill_movies.batches.record import BatchRecord
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
    seeds = {items.item_seed(7, item, attempt) for item in range(1000) for attempt in range(4)}
    names = {NAME.movie(item, attempt) for item in range(1000) for attempt in range(4)}
    assert len(seeds) == len(names) == 4000
    assert max(seeds) < 2**53
    assert items.item_seed(7, 3, 0) == items.item_seed(7, 3, 0) != items.item_seed(8, 3, 0)
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


def test_news_from_before_the_cancelling_does_not_set_a_movie_of_it_running_again() -> None:
    record = a_record()
    domain.begin(record, NOW)
    domain.cancel(record, NOW)
    assert not domain.observe(record, seen(record, 0, Movie.STATE_RUNNING), NOW)
    assert record.batch.counts == movies_pb2.BatchCounts(cancelled=4)


def test_a_record_survives_being_written_and_read() -> None:
    record = a_record(template=Movie(negative_prompt="text"), seed=5)
    domain.begin(record, NOW)
    domain.observe(record, seen(record, 0, Movie.STATE_FAILED, usage=common_pb2.Usage(calls=2)), NOW)
    domain.observe(record, dropped(record, 1), NOW)
    assert BatchRecord.from_json(record.to_json()) == record


def dropped(record: BatchRecord, index: int, **fields: object) -> dict[int, movies_pb2.Movie]:
    failure = domain.duplicate(MovieName("acme", "m-like"), 77)
    return seen(record, index, Movie.STATE_CANCELLED, failure=failure, **fields)


def test_plots_are_compared_in_the_order_of_items_and_the_later_one_waits() -> None:
    record = a_record(movies=3, parallel=3)
    domain.begin(record, NOW)
    assert domain.to_compare(record, {1, 2}) is None
    assert domain.to_compare(record, {0, 1, 2}) == 0
    assert domain.take(record, 0, record.movie(0))
    assert not domain.take(record, 0, record.movie(0))
    assert domain.to_compare(record, {1, 2}) == 1
    domain.observe(record, seen(record, 1, Movie.STATE_FAILED), NOW)
    assert domain.to_compare(record, {2}) == 2


def test_a_dropped_plot_is_replaced_by_another_movie_with_another_seed() -> None:
    record = a_record(movies=2)
    domain.begin(record, NOW)
    first = items.message(record, ["A lighthouse"]).items[1]
    domain.observe(record, dropped(record, 1, usage=common_pb2.Usage(calls=3)), NOW)
    assert record.batch.counts == movies_pb2.BatchCounts(running=1, waiting=1, dropped=1)
    assert domain.begin(record, NOW) == [1]
    again = items.message(record, ["A lighthouse"]).items[1]
    assert again.movie != first.movie
    assert again.seed != first.seed
    like = "projects/acme/movies/m-like"
    assert list(again.dropped) == [movies_pb2.DroppedPlot(movie=first.movie, like=like, likeness_percent=77)]
    assert record.batch.usage.calls == 3
    assert not domain.take(record, 1, MovieName.parse(first.movie, "movie"))


def test_an_item_whose_plots_are_all_too_alike_fails_in_the_end() -> None:
    record = a_record(movies=2)
    for _ in range(4):
        domain.begin(record, NOW)
        domain.observe(record, dropped(record, 1), NOW)
        domain.observe(record, dropped(record, 1), NOW)  # heard twice
    assert record.items[1].state == Movie.STATE_FAILED
    assert record.batch.counts == movies_pb2.BatchCounts(running=1, failed=1, dropped=4)
    assert items.message(record, ["x"]).items[1].movie == ""
    domain.observe(record, seen(record, 0, Movie.STATE_SUCCEEDED), NOW)
    assert record.batch.state == Batch.STATE_SUCCEEDED


def with_budget(tokens: int, movies: int = 10, **fields: object) -> BatchRecord:
    return a_record(movies=movies, budget=common_pb2.Budget(tokens=tokens), **fields)  # type: ignore[arg-type]


def costing(tokens: int) -> common_pb2.Usage:
    return common_pb2.Usage(calls=1, input_tokens=tokens)


def out_of_budget(record: BatchRecord, index: int, tokens: int) -> dict[int, movies_pb2.Movie]:
    failure = common_pb2.Failure(reason="BUDGET_EXCEEDED", metadata={"unit": "tokens"})
    budget = shares.movie_budget(record, index)
    return seen(record, index, Movie.STATE_FAILED, failure=failure, budget=budget, usage=costing(tokens))


def test_movies_under_way_never_may_use_more_than_the_batch_has_left() -> None:
    record = with_budget(1000, parallel=3)
    domain.begin(record, NOW)
    for index in range(10):
        if record.items[index].begun:
            domain.observe(record, seen(record, index, Movie.STATE_SUCCEEDED, usage=costing(80)), NOW)
        domain.begin(record, NOW)
        free = [max(0, item.limit.tokens) for item in record.items if item.under_way]
        assert record.batch.usage.input_tokens + sum(free) <= 1000
    assert record.batch.state == Batch.STATE_SUCCEEDED


def test_a_batch_pauses_by_itself_when_too_little_is_left_for_a_movie_and_goes_on_with_more() -> None:
    record = with_budget(250, movies=4, parallel=1)
    for index in (0, 1):
        assert domain.begin(record, NOW) == [index]
        domain.observe(record, seen(record, index, Movie.STATE_SUCCEEDED, usage=costing(100)), NOW)
    assert domain.begin(record, NOW) == []
    assert record.paused
    assert record.batch.failure.reason == "BUDGET_EXCEEDED"
    assert "2 of 4" in record.batch.failure.message
    assert domain.resume(record, NOW, common_pb2.Budget(tokens=500))
    assert not record.batch.HasField("failure")
    assert domain.begin(record, NOW) == [2]


def test_a_movie_that_its_part_of_the_budget_was_too_small_for_goes_on_with_a_larger_one() -> None:
    record = with_budget(1000, movies=4, parallel=4)
    domain.begin(record, NOW)
    assert shares.movie_budget(record, 0) == common_pb2.Budget(tokens=250)
    failed = out_of_budget(record, 0, 240)
    assert domain.observe(record, failed, NOW)
    assert not record.ended
    assert record.batch.counts == movies_pb2.BatchCounts(waiting=1, running=3)
    for index in (1, 2, 3):
        domain.observe(record, seen(record, index, Movie.STATE_SUCCEEDED, usage=costing(100)), NOW)
    assert domain.begin(record, NOW) == [0]
    assert record.items[0].begun == 1
    assert shares.movie_budget(record, 0) == common_pb2.Budget(tokens=700)
    assert not domain.observe(record, failed, NOW)  # old news: it has not gone on yet
    assert record.items[0].state == Movie.STATE_PENDING


def test_a_movie_that_fails_for_the_template_s_own_budget_has_failed() -> None:
    record = with_budget(1000, movies=1, template=Movie(budget=common_pb2.Budget(tokens=100)))
    domain.begin(record, NOW)
    assert shares.movie_budget(record, 0) == common_pb2.Budget(tokens=100)
    domain.observe(record, out_of_budget(record, 0, 100), NOW)
    assert record.batch.state == Batch.STATE_FAILED


def test_genres_of_invented_themes_are_shared_out_as_the_paper_s() -> None:
    record = domain.new_record(NAME, "request-1", Batch(movies=100, parallel=4, seed=3), NOW)
    assert domain.begin(record, NOW) == []  # no themes yet
    assert items.item_genres(record).count("Drama") == 26
    assert domain.themes_come(record, common_pb2.Usage(calls=2), NOW)
    assert not domain.themes_come(record, common_pb2.Usage(calls=2), NOW)
    assert record.batch.usage.calls == 2
    assert domain.begin(record, NOW) == [0, 1, 2, 3]
    one = domain.new_record(NAME, "request-1", Batch(movies=3, parallel=4, genre="Horror"), NOW)
    assert items.item_genres(one) == ["Horror"] * 3
    assert items.item_genres(a_record()) == [""] * 4  # as the given themes suggest
    assert BatchRecord.from_json(record.to_json()) == record


@pytest.mark.parametrize(
    ("reason", "state"),
    [("BUDGET_EXCEEDED", Batch.STATE_PAUSED), ("LLM_REFUSED", Batch.STATE_FAILED)],
)
def test_a_batch_without_themes_fails_or_waits_for_more_money(reason: str, state: int) -> None:
    record = domain.new_record(NAME, "request-1", Batch(movies=3, parallel=4), NOW)
    assert domain.themes_fail(record, common_pb2.Failure(reason=reason), NOW)
    assert record.batch.state == state
    assert record.batch.failure.reason == reason


async def checked(request_id: str = "r-1", **fields: object) -> movies_pb2.Batch:
    asked = {"movies": 3, "themes": ["A lighthouse"], **fields}
    batch = Batch(**asked)  # type: ignore[arg-type]
    request = movies_pb2.CreateBatchRequest(parent="projects/acme", request_id=request_id, batch=batch)
    checker = BatchChecker(RequestChecker(MemoryStore(), "starter"), can_invent=False)
    _, _, found = await checker.check(request)
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
        ({"plot_likeness_percent": -1}, "batch.plot_likeness_percent"),
        ({"plot_likeness_percent": 101}, "batch.plot_likeness_percent"),
        ({"budget": common_pb2.Budget(tokens=-1)}, "batch.budget.tokens"),
        ({"template": Movie(budget=common_pb2.Budget(cost_micros=-1))}, "batch.template.budget.cost_micros"),
        ({"state": Batch.STATE_RUNNING}, "batch.state"),
        ({"items": [movies_pb2.BatchItem()]}, "batch.items"),
        ({"template": Movie(theme="x")}, "batch.template.theme"),
        ({"genre": "x" * 41}, "batch.genre"),
        ({"template": Movie(genre="Drama")}, "batch.template.genre"),
        ({"template": Movie(seed=1)}, "batch.template.seed"),
        ({"template": Movie(story_key="projects/acme/s.json")}, "batch.template.story_key"),
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
