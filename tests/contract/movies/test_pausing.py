"""Movies are held, go on, and overtake each other. On a real bus."""

import asyncio

import pytest

from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import MovieName
from reelmill_kit.topology import JOBS
from reelmill_movies.domain import Movie
from tests.support.front_door import STAGES, FrontDoor, Gate, until

pytestmark = pytest.mark.stack


@pytest.fixture
def door(bus: Bus) -> FrontDoor:
    return FrontDoor(bus, MemoryStore())


async def jobs(door: FrontDoor, name: MovieName) -> int:
    return sum((await door.bus.subjects(JOBS, name.any_job_subject)).values())


async def test_a_paused_movie_frees_its_workers_with_the_job_in_hand_and_no_frame_is_drawn_twice(
    door: FrontDoor,
) -> None:
    gate = Gate(door, STAGES.STAGE_RENDER)
    door.concurrency[STAGES.STAGE_RENDER] = 2
    async with door.open():
        name = (await door.ask(scenes=2, frames=10)).name
        await until(lambda: gate.has_begun(1))
        assert (await door.controller.set_paused(name, True)).movie.paused
        await door.controller.set_paused(name, True)
        gate.opened.set()
        await asyncio.sleep(1.0)
        assert len(door.drawn) == 2
        assert await jobs(door, name) == 0
        assert not (await door.controller.set_paused(name, False)).movie.paused
        await door.controller.set_paused(name, False)
        assert (await door.ended(name)).movie.state == Movie.STATE_SUCCEEDED
    assert sorted(door.drawn) == list(range(20))


async def test_a_movie_that_is_paused_before_its_script_is_taken_up_goes_on_with_it(door: FrontDoor) -> None:
    name = (await door.ask()).name
    await door.turnstile.turn()
    assert await jobs(door, name) == 1
    await door.controller.set_paused(name, True)
    assert await jobs(door, name) == 0
    assert await door.bus.subjects("WAITING", name.any_waiting_subject) == {}
    async with door.open():
        await asyncio.sleep(0.5)
        assert (await door.movies.get(name)).movie.title == ""
        await door.controller.set_paused(name, False)
        assert (await door.ended(name)).movie.state == Movie.STATE_SUCCEEDED


async def test_others_are_drawn_while_a_movie_is_paused(door: FrontDoor) -> None:
    async with door.open():
        held = (await door.ask("held", frames=16)).name
        await door.controller.set_paused(held, True)
        other = (await door.ask("other")).name
        assert (await door.ended(other)).movie.state == Movie.STATE_SUCCEEDED
        assert (await door.movies.get(held)).movie.state != Movie.STATE_SUCCEEDED
        await door.controller.cancel(held)
    assert not (await door.movies.get(held)).movie.paused


async def test_what_has_ended_is_not_paused_and_a_movie_of_a_paused_batch_goes_on_with_it_only(
    door: FrontDoor,
) -> None:
    async with door.open():
        name = (await door.ask()).name
        await door.ended(name)
        await refused(door, name, True)
        gate = Gate(door, STAGES.STAGE_STYLE)
    async with door.open():
        batch = await door.ask_batch()
        await until(lambda: gate.has_begun(2))
        await door.batch_controller.pause(batch)
        movie = (await door.batches.get(batch)).movie(0)
        assert (await door.movies.get(movie)).movie.paused
        assert "batch" in await refused(door, movie, False)
        await door.controller.set_paused(movie, True)
        gate.opened.set()
        await door.batch_controller.resume(batch)
        await until(lambda: _succeeded(door, batch.movie(1, 0)))
        # It was paused by itself, too.
        assert (await door.movies.get(movie)).movie.paused
        await door.controller.set_paused(movie, False)
        assert (await door.batch_ended(batch)).batch.counts.succeeded == 4


async def test_within_a_project_movies_of_a_higher_priority_come_first(door: FrontDoor) -> None:
    written: list[str] = []
    write = door.handlers[STAGES.STAGE_SCRIPT]

    async def handle(job: object, report: object) -> object:
        written.append(job.movie)  # type: ignore[attr-defined]
        return await write(job, report)  # type: ignore[arg-type]

    door.handlers[STAGES.STAGE_SCRIPT] = handle  # type: ignore[assignment]
    door.concurrency[STAGES.STAGE_SCRIPT] = 1
    asked = [(await door.ask(f"r{p}", priority=p)).movie.name for p in (0, -5, 100, 7)]
    async with door.open():
        await until(lambda: _all_written(written, 4))
    assert written == [asked[2], asked[3], asked[0], asked[1]]


async def test_marks_of_another_version_are_put_away_and_their_movies_go_on(door: FrontDoor) -> None:
    name = (await door.ask()).name
    await door.turnstile.leave(name)
    await door.bus.mark(f"reelmill.waiting.script.acme.{name.movie}.17")
    async with door.open():
        await door.controller.advance(name)
        await until(lambda: _succeeded(door, name))
    assert await door.bus.subjects("WAITING", "reelmill.waiting.>") == {}


async def refused(door: FrontDoor, name: MovieName, paused: bool) -> str:
    with pytest.raises(ReelmillError) as caught:
        await door.controller.set_paused(name, paused)
    assert caught.value.reason is Reason.WRONG_STATE
    return caught.value.message


async def _succeeded(door: FrontDoor, name: MovieName) -> bool:
    return (await door.movies.get(name)).movie.state == Movie.STATE_SUCCEEDED


async def _all_written(written: list[str], count: int) -> bool:
    return len(written) >= count
