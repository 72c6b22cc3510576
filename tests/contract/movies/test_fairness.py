"""A project with a large batch does not starve another's small movie. On a real bus."""

import asyncio

import pytest

from reelmill.v1 import events_pb2
from reelmill_kit.bus import Bus, Queue
from reelmill_kit.jobs import Outcome
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_kit.topology import JOBS, WAITING
from tests.support.front_door import STAGES, FrontDoor, until

pytestmark = pytest.mark.stack


@pytest.fixture
def door(bus: Bus) -> FrontDoor:
    return FrontDoor(bus, MemoryStore())


class Worker:
    """A stage that takes its time, and remembers for which projects it worked."""

    def __init__(self, door: FrontDoor, stage: int, seconds: float) -> None:
        self._handler = door.handlers[stage]
        self._seconds = seconds
        self.worked_for: list[str] = []
        door.handlers[stage] = self.handle

    async def handle(self, job: events_pb2.StageJob, report: Report) -> Outcome:
        await asyncio.sleep(self._seconds)
        self.worked_for.append(MovieName.parse(job.movie, "movie").project)
        return await self._handler(job, report)

    async def has_worked(self, times: int, project: str = "large") -> bool:
        return self.worked_for.count(project) >= times


async def test_a_small_movie_is_drawn_beside_a_large_batch_of_another_project(
    door: FrontDoor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Eight movies of 128 frames each are being drawn when another project asks for 27 frames."""
    painter = Worker(door, STAGES.STAGE_RENDER, 0.02)
    async with door.open():
        batch = await door.ask_batch(
            project="large", movies=8, parallel=8, scenes=8, frames=16, plot_likeness_percent=100
        )
        await until(lambda: painter.has_worked(40))
        before = len(painter.worked_for)
        small = await door.ask(request_id="small", project="small", scenes=3, frames=9)
        await until(lambda: painter.has_worked(27, "small"))
        meanwhile = painter.worked_for[before:].count("large")
        await door.ended(small.name)
        await door.batch_controller.cancel(batch)
    with capsys.disabled():
        print(f"\n27 frames of a small movie were drawn while a batch got {meanwhile} of its 1024")
    # As many as the small movie's, those that were waiting or in hand before, and what its other stages took.
    assert meanwhile < 100


async def test_a_script_is_written_beside_the_hundred_of_another_project_s_batch(
    door: FrontDoor, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = Worker(door, STAGES.STAGE_SCRIPT, 0.05)
    async with door.open():
        batch = await door.ask_batch(project="large", movies=100, parallel=100)
        await until(lambda: writer.has_worked(4))
        before = len(writer.worked_for)
        await door.ask(request_id="small", project="small")
        await until(lambda: writer.has_worked(1, "small"))
        meanwhile = writer.worked_for[before:].count("large")
        await door.batch_controller.cancel(batch)
    with capsys.disabled():
        print(f"\na small movie's script was written after {meanwhile} of a batch's 100")
    assert meanwhile < 30


async def test_a_project_with_a_weight_of_three_is_drawn_three_times_as_fast(
    door: FrontDoor, capsys: pytest.CaptureFixture[str]
) -> None:
    painter = Worker(door, STAGES.STAGE_RENDER, 0.02)
    async with door.open():
        for project in ("heavy", "light"):
            await door.ask(request_id=project, project=project, scenes=16, frames=16)
        await until(lambda: painter.has_worked(5, "light"))
        painter.worked_for.clear()
        await until(lambda: painter.has_worked(120, "heavy"))
        light = painter.worked_for.count("light")
        for project in ("heavy", "light"):
            await door.controller.cancel(MovieName.for_request(project, project))
    with capsys.disabled():
        print(f"\n120 frames of a project of weight 3 beside {light} of weight 1")
    assert 30 <= light <= 55


async def test_what_waits_beyond_the_queue_is_a_number_that_an_autoscaler_reads(door: FrontDoor) -> None:
    for number in range(6):
        await door.ask(request_id=f"r-{number}")
    assert (await door.bus.queue(WAITING, "script")).pending == 6
    await door.turnstile.turn()
    await door.turnstile.turn()
    # Nobody works: one job is queued, which says that somebody should.
    assert (await door.bus.queue(WAITING, "script")).pending == 5
    assert await door.bus.queue(JOBS, "script") == Queue(pending=1, in_hand=0, fetching=0)
    await door.controller.cancel(MovieName.for_request("acme", "r-5"))
    assert (await door.bus.queue(WAITING, "script")).pending == 4


async def test_frames_that_wait_are_counted_in_blocks_of_64(door: FrontDoor) -> None:
    painter = Worker(door, STAGES.STAGE_RENDER, 0.02)
    door.concurrency[STAGES.STAGE_RENDER] = 8

    async def waiting(blocks: int) -> bool:
        return (await door.bus.queue(WAITING, "render")).pending == blocks

    async with door.open():
        name = (await door.ask(scenes=16, frames=16)).name
        await until(lambda: painter.has_worked(1, "acme"))
        await until(lambda: waiting(4))
        for blocks in (3, 2, 1, 0):
            await until(lambda blocks=blocks: waiting(blocks))  # type: ignore[misc]
        await door.ended(name)
    assert await door.bus.subjects(WAITING, "reelmill.waiting.>") == {}


async def test_a_style_is_learned_as_soon_as_a_worker_is_free_however_many_wait_in_another_project(
    door: FrontDoor,
) -> None:
    """A style takes minutes on a real worker: none may wait in the queue before another project's."""
    learner = Worker(door, STAGES.STAGE_STYLE, 0.5)
    door.concurrency[STAGES.STAGE_STYLE] = 1
    async with door.open():
        batch = await door.ask_batch(project="large", movies=20, parallel=20, plot_likeness_percent=100)
        await until(lambda: learner.has_worked(3))
        small = await door.ask(request_id="small", project="small")
        await until(lambda: _style_waits(door, small.name))
        before = len(learner.worked_for)
        await until(lambda: learner.has_worked(1, "small"))
        meanwhile = learner.worked_for[before:].count("large")
        await door.batch_controller.cancel(batch)
    assert meanwhile <= 1  # the one in hand


async def _style_waits(door: FrontDoor, name: MovieName) -> bool:
    return bool(await door.bus.subjects(WAITING, f"reelmill.waiting.style.{name.project}.>"))
