"""Batches on a real bus. The stages here finish at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from reelmill.v1 import common_pb2, events_pb2, movies_pb2
from reelmill_kit import cloudevents
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.jobs import Outcome
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import BatchName, MovieName
from reelmill_kit.progress import Report
from reelmill_kit.topology import BATCHES_BUCKET, EVENTS, JOBS
from reelmill_movies.batches import items
from tests.support.front_door import STAGES, FrontDoor, Gate, until

pytestmark = pytest.mark.stack
Batch, Movie = movies_pb2.Batch, movies_pb2.Movie


@pytest.fixture
def door(bus: Bus) -> FrontDoor:
    return FrontDoor(bus, MemoryStore())


async def test_every_movie_of_a_batch_is_made_with_a_seed_of_its_own(door: FrontDoor) -> None:
    async with door.open():
        name = await door.ask_batch(movies=5, themes=["A lighthouse", "A bakery"], seed=3)
        record = await door.batch_ended(name)
    assert record.batch.state == Batch.STATE_SUCCEEDED
    assert record.batch.counts == movies_pb2.BatchCounts(succeeded=5)
    movies = [(await door.movies.get(record.movie(index))).movie for index in range(5)]
    assert [movie.theme for movie in movies] == ["A lighthouse", "A bakery"] * 2 + ["A lighthouse"]
    assert len({movie.seed for movie in movies}) == 5
    assert {movie.batch for movie in movies} == {str(name)}
    assert {movie.state for movie in movies} == {Movie.STATE_SUCCEEDED}


async def test_the_same_request_twice_makes_one_batch_and_another_with_its_id_is_refused(
    door: FrontDoor,
) -> None:
    async with door.open():
        first, second = await asyncio.gather(door.ask_batch(), door.ask_batch())
        assert first == second
        await door.batch_ended(first)
        assert await door.ask_batch() == first
        with pytest.raises(ReelmillError) as caught:
            await door.ask_batch(themes=["Something else"])
    assert caught.value.reason is Reason.REQUEST_ID_REUSED
    assert len(await door.movies.list()) == 4


async def test_no_more_movies_are_under_way_than_asked_for(door: FrontDoor) -> None:
    gate = Gate(door, STAGES.STAGE_STYLE)
    async with door.open():
        name = await door.ask_batch(movies=5, parallel=2)
        await until(lambda: gate.has_begun(2))
        await asyncio.sleep(0.5)
        assert len(await door.movies.list()) == 2
        assert (await door.batches.get(name)).batch.counts == movies_pb2.BatchCounts(waiting=3, running=2)
        gate.opened.set()
        assert (await door.batch_ended(name)).batch.counts.succeeded == 5


async def test_a_paused_batch_begins_nothing_and_goes_on_where_it_was(door: FrontDoor) -> None:
    gate = Gate(door, STAGES.STAGE_STYLE)
    async with door.open():
        name = await door.ask_batch(frames=16)
        await until(lambda: gate.has_begun(2))
        assert (await door.batch_controller.pause(name)).batch.state == Batch.STATE_PAUSED
        await door.batch_controller.pause(name)
        gate.opened.set()
        await asyncio.sleep(1.0)
        assert door.drawn == []  # the styles are there, and no frame follows
        assert len(await door.movies.list()) == 2
        await door.batch_controller.resume(name)
        record = await door.batch_ended(name)
    assert record.batch.counts.succeeded == 4
    assert sorted(door.drawn) == sorted(list(range(16)) * 4)


async def test_frames_of_a_paused_batch_wait(door: FrontDoor) -> None:
    gate = Gate(door, STAGES.STAGE_RENDER)
    async with door.open():
        name = await door.ask_batch(movies=1, frames=16)  # four more than are released
        await until(lambda: gate.has_begun(1))
        await door.batch_controller.pause(name)
        gate.opened.set()
        await until(lambda: _none_left(door.bus))
        await asyncio.sleep(0.5)
        assert len(door.drawn) == 4  # what workers had in hand
        await door.batch_controller.resume(name)
        assert (await door.batch_ended(name)).batch.state == Batch.STATE_SUCCEEDED
    assert sorted(door.drawn) == list(range(16))


async def test_a_cancelled_batch_stops_its_movies_and_begins_no_more(door: FrontDoor) -> None:
    gate = Gate(door, STAGES.STAGE_STYLE)
    async with door.open():
        name = await door.ask_batch()
        await until(lambda: gate.has_begun(2))
        record = await door.batch_controller.cancel(name)
        again = await door.batch_controller.cancel(name)
        gate.opened.set()
        await until(lambda: _none_left(door.bus))
        movies = await door.movies.list()
    assert record.batch.state == again.batch.state == Batch.STATE_CANCELLED
    assert record.batch.counts == movies_pb2.BatchCounts(cancelled=4)
    assert [movie.movie.state for movie in movies] == [Movie.STATE_CANCELLED] * 2
    with pytest.raises(ReelmillError) as caught:
        await door.batch_controller.resume(name)
    assert caught.value.reason is Reason.WRONG_STATE


async def test_a_batch_with_some_failures_succeeds_and_one_with_nothing_else_fails(door: FrontDoor) -> None:
    async def refuse(job: events_pb2.StageJob, report: Report) -> Outcome:
        if job.script.theme == "A heist":
            raise ReelmillError(Reason.LLM_REFUSED, "the model refused")
        return await door.write_script(job, report)

    door.handlers[STAGES.STAGE_SCRIPT] = refuse
    async with door.open():
        some = await door.batch_ended(await door.ask_batch("some", movies=2, themes=["A heist", "A bakery"]))
        none = await door.batch_ended(await door.ask_batch("none", movies=2, themes=["A heist"]))
    assert some.batch.state == Batch.STATE_SUCCEEDED
    assert some.batch.counts == movies_pb2.BatchCounts(succeeded=1, failed=1)
    assert none.batch.state == Batch.STATE_FAILED
    assert none.batch.failure.reason == "LLM_REFUSED"
    assert "none of the 2 movies" in none.batch.failure.message


async def test_a_process_that_dies_at_any_step_leaves_a_batch_that_another_finishes(
    door: FrontDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each life of the front door ends after a few more writes than the one before."""
    name = await door.ask_batch(movies=3)
    allowed = 0
    for life in range(1, 40):
        allowed = life
        async with _dying(door, monkeypatch, allowed) as died:
            if (await door.batches.get(name)).ended:
                break
            async with asyncio.timeout(20):
                while not died.is_set() and not (await door.batches.get(name)).ended:
                    await asyncio.sleep(0.05)
    record = await door.batches.get(name)
    assert record.batch.counts == movies_pb2.BatchCounts(succeeded=3)
    assert allowed > 3
    assert len(await door.movies.list()) == 3


async def test_a_plot_like_another_is_dropped_before_anything_is_drawn_and_replaced(door: FrontDoor) -> None:
    """The second and the third movie come with the first one's plot; the second one's replacement as well."""
    record_name = BatchName.for_request("acme", "b-1")
    alike = {record_name.movie(item, attempt) for item, attempt in ((0, 0), (1, 0), (1, 1), (2, 0))}
    door.plots = lambda name: "the plot of item 0" if name in alike else str(name)
    async with door.open():
        record = await door.batch_ended(await door.ask_batch(parallel=4))
    first = str(record.movie(0))
    dropped = [[plot.movie for plot in item.dropped] for item in items.message(record, ["x"]).items]
    assert record.batch.counts == movies_pb2.BatchCounts(succeeded=4, dropped=3)
    assert dropped == [
        [],
        [str(record_name.movie(1, 0)), str(record_name.movie(1, 1))],
        [str(record_name.movie(2, 0))],
        [],
    ]
    assert {like for item in record.items for like, percent in item.dropped} == {first}
    assert len(door.drawn) == 8  # two frames for each of four movies, none for a dropped one
    for name in dropped[1]:
        movie = (await door.movies.get(MovieName.parse(name, "name"))).movie
        assert (movie.state, movie.failure.reason) == (Movie.STATE_CANCELLED, "DUPLICATE_PLOT")
        assert movie.failure.metadata["like"] == first


async def test_themes_are_invented_where_none_are_given_and_once_more_for_a_dropped_plot(
    door: FrontDoor,
) -> None:
    record_name = BatchName.for_request("acme", "b-1")
    alike = {record_name.movie(0, 0), record_name.movie(1, 0)}
    door.plots = lambda name: "the plot of item 0" if name in alike else str(name)
    async with door.open():
        record = await door.batch_ended(await door.ask_batch(movies=3, themes=[], genre="Horror", seed=7))
        whole = items.message(record, await door.batches.themes(record))
    assert door.invented == [["Horror"] * 3, ["Horror"]]
    assert list(whole.themes) == ["Horror 7.0", "Horror 7.1", "Horror 7.2"]
    assert (whole.items[0].theme, whole.items[2].theme) == ("Horror 7.0", "Horror 7.2")
    assert whole.items[1].theme == f"Horror {items.item_seed(7, 1, 2)}.0"
    movies = [(await door.movies.get(record.movie(index))).movie for index in range(3)]
    assert [movie.theme for movie in movies] == [item.theme for item in whole.items]
    assert {movie.genre for movie in movies} == {"Horror"}
    assert whole.usage.calls == 2


async def test_an_item_is_given_up_after_a_few_plots_and_its_owner_may_have_the_last_one_all_the_same(
    door: FrontDoor,
) -> None:
    door.plots = lambda name: "always the same"
    async with door.open():
        record = await door.batch_ended(await door.ask_batch(movies=2))
        assert record.batch.counts == movies_pb2.BatchCounts(succeeded=1, failed=1, dropped=4)
        await door.controller.retry(record.name.movie(1, 3))
        again = await door.ended(record.name.movie(1, 3))
    assert again.movie.state == Movie.STATE_SUCCEEDED


@pytest.mark.parametrize(
    ("tokens", "made"),
    [
        (430, 4),
        # Four times 80 are too little. Two go on with what the others leave, and a third would not get far.
        (320, 2),
    ],
)
async def test_a_batch_whose_budget_is_spent_pauses_in_good_order_and_a_higher_one_completes_it(
    door: FrontDoor, tokens: int, made: int
) -> None:
    """A movie costs 100 tokens; one that may use less fails for it, as the real stages do."""

    async def costly(job: events_pb2.StageJob, report: Report) -> Outcome:
        if 0 < job.script.budget.tokens < 100:
            error = ReelmillError(Reason.BUDGET_EXCEEDED, "the budget is spent", unit="tokens")
            error.usage = common_pb2.Usage(calls=1, input_tokens=10)
            raise error
        event = await door.write_script(job, report)
        event.usage.CopyFrom(common_pb2.Usage(calls=1, input_tokens=100))
        return event

    door.handlers[STAGES.STAGE_SCRIPT] = costly
    async with door.open():
        name = await door.ask_batch(movies=6, parallel=4, budget=common_pb2.Budget(tokens=tokens))
        await until(lambda: _is(door, name, Batch.STATE_PAUSED))
        paused = await door.batches.get(name)
        assert paused.batch.failure.reason == "BUDGET_EXCEEDED"
        assert paused.batch.counts.succeeded == made
        assert paused.batch.counts.failed == 0
        assert paused.batch.usage.input_tokens <= tokens
        await door.batch_controller.resume(name, common_pb2.Budget(tokens=1000))
        record = await door.batch_ended(name)
    assert record.batch.counts == movies_pb2.BatchCounts(succeeded=6)
    assert record.batch.usage.input_tokens == 600
    assert not record.batch.HasField("failure")


async def test_a_movie_that_its_owner_retries_is_counted_again(door: FrontDoor) -> None:
    broken = True

    async def sometimes(job: events_pb2.StageJob, report: Report) -> Outcome:
        if broken:
            raise ReelmillError(Reason.LLM_REFUSED, "the model refused")
        return await door.write_script(job, report)

    async with door.open():
        await door.batch_ended(await door.ask_batch("warm", movies=1))
    door.handlers[STAGES.STAGE_SCRIPT] = sometimes
    async with door.open():
        name = await door.ask_batch(movies=1)
        failed = await door.batch_ended(name)
        assert failed.batch.counts.failed == 1
        broken = False
        await door.controller.retry(failed.movie(0))
        await until(lambda: _succeeded(door, name, 1))


async def test_batches_come_back_from_the_object_store_when_the_bus_has_lost_them(door: FrontDoor) -> None:
    async with door.open():
        name = await door.ask_batch()
        before = await door.batch_ended(name)
        await until(lambda: _told(door, name))
        before = await door.batches.get(name)
    await door.bus.jetstream.delete_stream(f"KV_{BATCHES_BUCKET}")
    await door.bus.check_topology()
    assert await door.batches.list() == []
    assert await door.batches.restore() == 1
    after = await door.batches.get(name)
    after.batch.revision = before.batch.revision
    assert after == before
    assert await door.batches.themes(after) == ["A lighthouse"]


async def test_what_becomes_of_a_batch_is_told_as_events(door: FrontDoor) -> None:
    gate = Gate(door, STAGES.STAGE_STYLE)
    async with door.open():
        name = await door.ask_batch()
        await until(lambda: gate.has_begun(2))
        await door.batch_controller.pause(name)
        await door.batch_controller.resume(name)
        gate.opened.set()
        await door.batch_ended(name)
        await until(lambda: _told(door, name))
    told = await door.bus.subjects(EVENTS, "reelmill.events.acme.batch.*")
    assert told == {
        name.event_subject("created"): 1,
        name.event_subject("running"): 2,
        name.event_subject("paused"): 1,
        name.event_subject("succeeded"): 1,
    }
    message = await door.bus.jetstream.get_last_msg(EVENTS, name.event_subject("succeeded"))
    batch = cloudevents.decode_message(cloudevents.decode(message.headers, message.data or b""), Batch)
    assert (batch.name, batch.counts.succeeded) == (str(name), 4)


async def test_the_largest_batch_fits_into_one_record(door: FrontDoor) -> None:
    themes = [f"{index:04d} " + "x" * 990 for index in range(1000)]
    name = await door.ask_batch(movies=1000, themes=themes)
    record = await door.batches.get(name)
    for item in record.items:
        item.begun, item.state = 4, Movie.STATE_CANCELLED
        item.usage.calls, item.usage.input_tokens = 1234, 123_456_789
        item.usage.output_tokens, item.usage.cost_micros = 123_456_789, 123_456_789
        item.lost.CopyFrom(item.usage)
        item.limit.tokens, item.limit.cost_micros = 1_000_000_000, 1_000_000_000
        item.dropped = [("projects/acme/movies/m-0123456789abcdef", 100)] * 3
    assert len(record.to_json()) < 700_000  # the bus takes a million bytes
    whole = items.message(record, await door.batches.themes(record))
    assert len(whole.SerializeToString()) < 3_000_000  # a gRPC client takes four million


@asynccontextmanager
async def _dying(
    door: FrontDoor, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> AsyncIterator[asyncio.Event]:
    """The front door, whose batch controller is stopped dead after so many writes to KV."""
    died = asyncio.Event()
    left = allowed
    change, create = type(door.batches).change, type(door.movies).create

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            died.set()
            raise asyncio.CancelledError

    async def counted_change(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        count()
        return await change(self, *args, **kwargs)

    async def counted_create(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        count()
        return await create(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(type(door.batches), "change", counted_change)
        patch.setattr(type(door.movies), "create", counted_create)
        async with door.open():
            yield died


async def _none_left(bus: Bus) -> bool:
    return not await bus.subjects(JOBS, "reelmill.jobs.>")


async def _succeeded(door: FrontDoor, name: BatchName, count: int) -> bool:
    return (await door.batches.get(name)).batch.counts.succeeded == count


async def _is(door: FrontDoor, name: BatchName, state: int) -> bool:
    return (await door.batches.get(name)).batch.state == state


async def _told(door: FrontDoor, name: BatchName) -> bool:
    record = await door.batches.get(name)
    return record.ended and record.told == record.turn
