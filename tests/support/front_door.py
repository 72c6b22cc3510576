"""The movies service's parts on a real bus, with stages that finish at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from google.protobuf import json_format

from reelmill.v1 import common_pb2, events_pb2, movies_pb2, script_pb2, style_pb2
from reelmill_kit import tasks
from reelmill_kit.bus import Bus
from reelmill_kit.jobs import Handler, JobWorker, Outcome
from reelmill_kit.names import BatchName, MovieName
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_movies.batches.controller import BatchController
from reelmill_movies.batches.record import BatchRecord
from reelmill_movies.batches.repository import BatchRepository
from reelmill_movies.batches.requests import BatchChecker
from reelmill_movies.controller import Controller, now
from reelmill_movies.domain import Record
from reelmill_movies.intake import Intake
from reelmill_movies.quotas import Limits, Quotas
from reelmill_movies.repository import MovieRepository
from reelmill_movies.requests import RequestChecker
from reelmill_movies.turnstile import Turnstile
from reelmill_movies.upkeep import Upkeep
from reelmill_movies.usage import UsageBook

Movie = movies_pb2.Movie
STAGES = common_pb2


class FrontDoor:
    """The movies service's parts on one bus, with stage workers that a test can replace."""

    def __init__(self, bus: Bus, store: ObjectStore, limits: Mapping[str, Limits] | None = None) -> None:
        self.bus, self.store = bus, store
        self.movies = MovieRepository(bus, store)
        self.turnstile = Turnstile(bus, frame_window=8, weights={"heavy": 3})
        self.usage = UsageBook(store, self.movies)
        self.quotas = Quotas(self.usage, limits or {}, now)
        self.controller = Controller(bus, store, self.movies, self.turnstile, self.usage, self.quotas)
        self.checker = RequestChecker(store, "starter")
        self.batches = BatchRepository(bus, store)
        self.invented: list[list[str]] = []
        self.batch_controller = BatchController(
            bus, self.batches, self.movies, self.controller, self.quotas, self
        )
        self.drawn: list[int] = []
        self.plots: Callable[[MovieName], str] = str
        """What the script of a movie tells."""
        self.learned: list[style_pb2.LearnStyleRequest] = []
        self.concurrency: dict[int, int] = {}
        """Jobs of a stage at a time, 4 where not set."""
        self.handlers: dict[int, Handler] = {
            STAGES.STAGE_SCRIPT: self.write_script,
            STAGES.STAGE_STYLE: self.learn_style,
            STAGES.STAGE_RENDER: self.draw,
            STAGES.STAGE_QA: self.finish(STAGES.STAGE_QA),
            STAGES.STAGE_DATASET: self.finish(STAGES.STAGE_DATASET),
        }

    async def write_script(self, job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        name = MovieName.parse(job.movie, "movie")
        overview = " ".join([self.plots(name)] * 2)
        script = script_of(job.script.shape, overview)
        await self.store.put(name.script_key, json_format.MessageToJson(script).encode(), "application/json")
        return events_pb2.StageEvent(stage=STAGES.STAGE_SCRIPT, title="T")

    async def invent(
        self, project: str, genres: Sequence[str], seed: int, known: Sequence[str], budget: common_pb2.Budget
    ) -> script_pb2.InventThemesResponse:
        """Stands in for the script service."""
        self.invented.append(list(genres))
        themes = [f"{genre} {seed}.{number}" for number, genre in enumerate(genres)]
        usage = common_pb2.Usage(calls=1, input_tokens=10)
        return script_pb2.InventThemesResponse(themes=themes, usage=usage)

    async def learn_style(self, job: events_pb2.StageJob, report: Report) -> Outcome:
        self.learned.append(job.style)
        style = style_pb2.Style(name="projects/acme/styles/s", embedding_key="key", embedding_digest="digest")
        return events_pb2.StageEvent(stage=STAGES.STAGE_STYLE, style=style)

    async def draw(self, job: events_pb2.StageJob, report: Report) -> Outcome:
        self.drawn.append(job.render.frames[0].index)
        return events_pb2.FrameEvent(index=job.render.frames[0].index, image_key="image")

    def finish(self, stage: int) -> Handler:
        async def handle(job: events_pb2.StageJob, report: Report) -> Outcome:
            return events_pb2.StageEvent(stage=stage)  # type: ignore[arg-type]

        return handle

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        intake = Intake(self.bus, self.controller, self.checker)
        upkeep = Upkeep(self.controller, self.movies, self.batch_controller, self.batches, interval=2.0)
        loops: list[Callable[[], Awaitable[None]]] = [
            upkeep.run,
            self.turnstile.run,
            self.batch_controller.run,
            intake.requests,
            intake.stage_events,
            intake.frames,
        ]
        for stage, handler in self.handlers.items():
            at_a_time = self.concurrency.get(stage, 4)
            loops.append(JobWorker(self.bus, stage, handler, concurrency=at_a_time, ack_wait=2.0).run)  # type: ignore[arg-type]
        running = [asyncio.ensure_future(loop()) for loop in loops]
        try:
            yield
        finally:
            await tasks.end(running)

    async def ask(
        self,
        request_id: str = "r-1",
        frames: int = 10,
        theme: str = "A lighthouse",
        project: str = "acme",
        scenes: int = 2,
        **fields: object,
    ) -> Record:
        shape = script_pb2.ScriptShape(chapters=1, scenes=scenes, frames=frames)
        request = movies_pb2.CreateMovieRequest(
            parent=f"projects/{project}",
            request_id=request_id,
            movie=Movie(theme=theme, shape=shape, **fields),  # type: ignore[arg-type]
        )
        return await self.controller.create(*await self.checker.check(request))

    async def ask_batch(
        self,
        request_id: str = "b-1",
        project: str = "acme",
        frames: int = 2,
        scenes: int = 1,
        **fields: object,
    ) -> BatchName:
        """By default four movies of one theme, two at a time."""
        batch = movies_pb2.Batch(**{"movies": 4, "themes": ["A lighthouse"], "parallel": 2, **fields})  # type: ignore[arg-type]
        batch.template.shape.CopyFrom(script_pb2.ScriptShape(chapters=1, scenes=scenes, frames=frames))
        request = movies_pb2.CreateBatchRequest(
            parent=f"projects/{project}", request_id=request_id, batch=batch
        )
        checked = await BatchChecker(self.checker, can_invent=True).check(request)
        return (await self.batch_controller.create(*checked)).name

    async def batch_ended(self, name: BatchName) -> BatchRecord:
        async with asyncio.timeout(30):
            async for record in self.batches.follow(name, 0):
                last = record
        return last

    async def ended(self, name: MovieName) -> Record:
        async with asyncio.timeout(30):
            async for record in self.movies.follow(name, 0):
                last = record
        return last


def script_of(shape: script_pb2.ScriptShape, overview: str) -> script_pb2.Script:
    """A script of that shape, of as few words as may be."""
    script, index = script_pb2.Script(title="T", overview=overview), 0
    for _ in range(shape.chapters):
        chapter = script.chapters.add()
        for _ in range(shape.scenes):
            scene = chapter.scenes.add()
            for _ in range(shape.frames):
                scene.frames.add(index=index, prompt=f"frame {index}, in <style> style")
                index += 1
    return script


class Gate:
    """A stage that waits until it is opened, and tells how many are waiting."""

    def __init__(self, door: FrontDoor, stage: int) -> None:
        self._handler = door.handlers[stage]
        door.handlers[stage] = self.handle
        self.opened = asyncio.Event()
        self.begun: list[str] = []

    async def handle(self, job: events_pb2.StageJob, report: Report) -> Outcome:
        self.begun.append(job.movie)
        await self.opened.wait()
        return await self._handler(job, report)

    async def has_begun(self, count: int) -> bool:
        return len(set(self.begun)) >= count


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.05)
