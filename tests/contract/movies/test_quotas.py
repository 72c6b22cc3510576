"""A project's limits, with records on a real bus."""

import asyncio

import pytest

from reelmill.v1 import common_pb2, events_pb2
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.jobs import Outcome
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_movies.domain import Movie
from reelmill_movies.quotas import Limits
from tests.support.front_door import STAGES, FrontDoor, until

pytestmark = pytest.mark.stack


@pytest.fixture
def door(bus: Bus) -> FrontDoor:
    limits = {
        "*": Limits(movies=2),
        "daily": Limits(frames_a_day=50),
        "poor": Limits(cost_a_month=1),
        "free": Limits(),
    }
    return FrontDoor(bus, MemoryStore(), limits)


async def refused(door: FrontDoor, request_id: str, project: str = "acme", frames: int = 10) -> str:
    with pytest.raises(ReelmillError) as caught:
        await door.ask(request_id, project=project, frames=frames)
    assert caught.value.reason is Reason.QUOTA_EXCEEDED
    return caught.value.metadata["quota"]


async def test_one_movie_too_many_is_refused_until_one_ends_and_leaves_nothing_behind(
    door: FrontDoor,
) -> None:
    first, _ = await door.ask("a"), await door.ask("b")
    assert await refused(door, "c") == "movies"
    assert await refused(door, "c") == "movies"
    assert not await door.movies.exists(MovieName.for_request("acme", "c"))
    # The same request again is no other movie, and other projects have their own.
    assert (await door.ask("a")).name == first.name
    await door.ask("a", project="other")
    await door.controller.cancel(first.name)
    await until(lambda: _taken(door, "c"))
    with pytest.raises(ReelmillError) as caught:
        await door.controller.retry(first.name)
    assert caught.value.reason is Reason.QUOTA_EXCEEDED
    assert (await door.movies.get(first.name)).movie.state == Movie.STATE_CANCELLED


async def test_many_who_ask_at_once_get_no_more_than_the_limit(door: FrontDoor) -> None:
    asked = [door.ask(f"r-{number}") for number in range(12)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 2
    assert len(await door.movies.list("acme")) == 2


async def test_frames_of_deleted_movies_still_count_for_their_day(door: FrontDoor) -> None:
    async with door.open():
        name = (await door.ask("a", project="daily", frames=10)).name  # of each of two scenes
        assert (await door.ended(name)).movie.state == Movie.STATE_SUCCEEDED
        await door.controller.delete(name)
        assert await refused(door, "b", "daily", 16) == "frames_a_day"
        await door.ask("c", project="daily", frames=15)


async def test_a_month_s_money_ends_a_movie_in_good_order_and_refuses_the_next(door: FrontDoor) -> None:
    budgets: list[int] = []

    async def dear(job: events_pb2.StageJob, report: Report) -> Outcome:
        budgets.append(job.qa.budget.cost_micros)
        spent = common_pb2.Usage(calls=1, cost_micros=job.qa.budget.cost_micros)
        return events_pb2.StageEvent(stage=STAGES.STAGE_QA, usage=spent)

    door.handlers[STAGES.STAGE_QA] = dear
    async with door.open():
        assert (await door.ended((await door.ask("a", project="poor")).name)).movie.usage.cost_micros == 10**6
        assert budgets == [10**6]
        await asyncio.sleep(2.1)  # as long as a count is good
        assert await refused(door, "b", "poor") == "cost_a_month"


async def test_a_batch_waits_for_its_project_s_limits_and_says_so_and_goes_on(door: FrontDoor) -> None:
    async with door.open():
        held = [(await door.ask(f"h-{number}", frames=16)).name for number in range(2)]
        for name in held:
            await door.controller.set_paused(name, True)
        batch = await door.ask_batch(movies=3, parallel=3)
        await until(lambda: _says(door, batch, Reason.QUOTA_EXCEEDED))
        assert len(await door.movies.list("acme")) == 2
        for name in held:
            await door.controller.cancel(name)
        record = await door.batch_ended(batch)
    assert record.batch.counts.succeeded == 3
    assert not record.batch.HasField("failure")


async def _taken(door: FrontDoor, request_id: str) -> bool:
    try:
        await door.ask(request_id)
    except ReelmillError:
        return False
    return True


async def _says(door: FrontDoor, batch: object, reason: Reason) -> bool:
    return (await door.batches.get(batch)).batch.failure.reason == reason  # type: ignore[arg-type]
