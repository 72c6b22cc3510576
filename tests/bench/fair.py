"""How long a small movie takes beside another project's thousand.

    make bench-fair        (or: python -m tests.bench.fair --queued 200 --samples 3 --style-seconds 60)

The front door, the bus and the store are real; the workers take the times of real ones and make next to
nothing, so that two cores stand for a fleet. Small movies are made alone first, then one after the other
while the large project waits.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc
from google.protobuf import json_format

from reelmill.v1 import common_pb2, events_pb2, movies_pb2, movies_pb2_grpc, script_pb2, style_pb2
from reelmill_kit import tasks
from reelmill_kit.bus import Bus
from reelmill_kit.jobs import JobWorker, Outcome
from reelmill_kit.names import MovieName, Stage
from reelmill_kit.progress import Report
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store
from reelmill_local import LocalStack
from tests.support.front_door import script_of
from tests.support.stack import channel_to

Movie = movies_pb2.Movie
SMALL = script_pb2.ScriptShape(chapters=3, scenes=3, frames=3)
_ENDED = (Movie.STATE_SUCCEEDED, Movie.STATE_FAILED, Movie.STATE_CANCELLED)


class Fleet:
    """Workers of every stage, each job with the time that it takes."""

    def __init__(self, bus: Bus, store: S3Store, options: argparse.Namespace) -> None:
        self._bus, self._store = bus, store
        self._options = options
        self._slots = asyncio.Semaphore(options.renderers)
        self._batch: list[asyncio.Future[None]] = []
        self.worked_for: Counter[tuple[str, str]] = Counter()
        """Jobs done by stage and project."""

    def loops(self) -> list[JobWorker]:
        options, stages = self._options, common_pb2
        return [
            *(self._worker(stages.STAGE_SCRIPT, self._script, 1) for _ in range(options.others)),
            *(self._worker(stages.STAGE_STYLE, self._style, 1) for _ in range(options.learners)),
            *(self._worker(stages.STAGE_RENDER, self._frame, 16) for _ in range(options.renderers)),
            *(self._worker(stages.STAGE_QA, self._last(stages.STAGE_QA), 1) for _ in range(options.others)),
            *(
                self._worker(stages.STAGE_DATASET, self._last(stages.STAGE_DATASET), 1)
                for _ in range(options.others)
            ),
        ]

    def _worker(self, stage: Stage, handler: object, at_a_time: int) -> JobWorker:
        return JobWorker(self._bus, stage, handler, concurrency=at_a_time, ack_wait=30)  # type: ignore[arg-type]

    async def _take(self, stage: str, movie: str, seconds: float) -> MovieName:
        await asyncio.sleep(seconds)
        name = MovieName.parse(movie, "movie")
        self.worked_for[stage, name.project] += 1
        return name

    async def _script(self, job: events_pb2.StageJob, report: Report) -> Outcome:
        name = await self._take("script", job.movie, self._options.script_seconds)
        script = script_of(job.script.shape, overview=str(name))
        await self._store.put(name.script_key, json_format.MessageToJson(script).encode(), "application/json")
        return events_pb2.StageEvent(stage=common_pb2.STAGE_SCRIPT, title="T")

    async def _style(self, job: events_pb2.StageJob, report: Report) -> Outcome:
        name = await self._take("style", job.movie, self._options.style_seconds)
        style = style_pb2.Style(
            name=f"projects/{name.project}/styles/s", embedding_key="key", embedding_digest="digest"
        )
        return events_pb2.StageEvent(stage=common_pb2.STAGE_STYLE, style=style)

    async def _frame(self, job: events_pb2.StageJob, report: Report) -> Outcome:
        drawn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._batch.append(drawn)
        if len(self._batch) == 1:
            self._drawing = asyncio.create_task(self._draw())
        await drawn
        await self._take("render", job.movie, 0)
        return events_pb2.FrameEvent(index=job.render.frames[0].index, image_key="image")

    async def _draw(self) -> None:
        """Up to eight frames at a time on each renderer, as Triton's dynamic batcher does."""
        while self._batch:
            await self._slots.acquire()
            taken, self._batch[:8] = self._batch[:8], []
            asyncio.get_running_loop().call_later(self._options.batch_seconds, self._drawn, taken)

    def _drawn(self, taken: Sequence["asyncio.Future[None]"]) -> None:
        self._slots.release()
        for one in taken:
            if not one.done():
                one.set_result(None)

    def _last(self, stage: Stage) -> object:
        async def handle(job: events_pb2.StageJob, report: Report) -> Outcome:
            await self._take("others", job.movie, self._options.other_seconds)
            return events_pb2.StageEvent(stage=stage)

        return handle


class Caller:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._movies = movies_pb2_grpc.MovieServiceStub(channel)

    async def small_movie(self, number: int, project: str = "small") -> float:
        """Makes a movie of 27 frames; returns the seconds from the call to its end."""
        begun = time.monotonic()
        asked = movies_pb2.CreateMovieRequest(
            parent=f"projects/{project}",
            request_id=f"small-{number}",
            movie=Movie(theme="A lighthouse keeper adopts a storm", shape=SMALL),
        )
        name = (await self._movies.CreateMovie(asked)).movie.name
        async for answer in self._movies.WatchMovie(movies_pb2.WatchMovieRequest(name=name)):
            last = answer.movie
        if last.state != Movie.STATE_SUCCEEDED:
            raise RuntimeError(f"{name} did not succeed: {last.failure.message}")
        return time.monotonic() - begun

    async def many(self, count: int) -> None:
        """The large project asks for so many movies, each by itself, of the same size."""
        slots = asyncio.Semaphore(16)

        async def ask(number: int) -> None:
            async with slots:
                request = movies_pb2.CreateMovieRequest(
                    parent="projects/large",
                    request_id=f"large-{number}",
                    movie=Movie(theme="A bakery under the sea", shape=SMALL),
                )
                await self._movies.CreateMovie(request)

        await asyncio.gather(*(ask(number) for number in range(count)))


@asynccontextmanager
async def system(options: argparse.Namespace) -> AsyncIterator[tuple[Fleet, Caller]]:
    with (
        tempfile.TemporaryDirectory(prefix="reelmill-bench-") as folder,
        LocalStack(folder, only=("nats", "s3", "movies")) as stack,
    ):
        fields = {name.removeprefix("REELMILL_").lower(): value for name, value in stack.environment.items()}
        settings = ServiceSettings.model_validate(fields)
        bus = Bus(settings, "bench")
        await bus.connect()
        fleet = Fleet(bus, S3Store(settings), options)
        running = [asyncio.create_task(worker.run()) for worker in fleet.loops()]
        try:
            async with channel_to(stack, "movies") as channel:
                yield fleet, Caller(channel)
        finally:
            await tasks.end(running)
            await bus.close()


async def measure(options: argparse.Namespace) -> dict[str, float]:
    async with system(options) as (fleet, caller):
        alone = [await caller.small_movie(number) for number in range(options.samples)]
        print(f"alone: {_listed(alone)}", flush=True)
        begun = time.monotonic()
        await caller.many(options.queued)
        print(f"{options.queued} movies of another project asked for in {time.monotonic() - begun:.0f} s")
        # Until its frames are being drawn, only part of the fleet is busy.
        while not fleet.worked_for["render", "large"]:
            await asyncio.sleep(0.2)
        beside, drawn = [], fleet.worked_for["render", "large"]
        begun = time.monotonic()
        for number in range(options.samples):
            beside.append(await caller.small_movie(options.samples + number))
            print(f"beside them: {beside[-1]:.1f} s", flush=True)
        spent = time.monotonic() - begun
        drawn = fleet.worked_for["render", "large"] - drawn
    slowdown = statistics.median(beside) / statistics.median(alone)
    print(f"\n{'a movie of 27 frames':34}{'seconds (median)':>18}{'most':>8}")
    rows = {"alone": alone, f"beside {options.queued} of another project": beside}
    for what, seconds in rows.items():
        print(f"{what:34}{statistics.median(seconds):18.1f}{max(seconds):8.1f}")
    print(f"\nthe other project's frames meanwhile: {drawn / spent:.1f} a second\n")
    return {
        "small_movie_slowdown": round(slowdown, 2),
        "slowdown_most": round(max(beside) / statistics.median(alone), 2),
        "alone_seconds": round(statistics.median(alone), 1),
        "beside_seconds": round(statistics.median(beside), 1),
        "queued_movies": options.queued,
        "large_frames_per_second": round(drawn / spent, 1),
    }


def _listed(seconds: Sequence[float]) -> str:
    return ", ".join(f"{one:.1f} s" for one in seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--queued", type=int, default=1000, help="movies of the large project (%(default)s)")
    parser.add_argument("--samples", type=int, default=5, help="small movies of each kind (%(default)s)")
    parser.add_argument("--renderers", type=int, default=2, help="GPUs that draw (%(default)s)")
    parser.add_argument("--learners", type=int, default=2, help="GPUs that learn styles (%(default)s)")
    parser.add_argument("--others", type=int, default=4, help="workers of each other stage (%(default)s)")
    parser.add_argument("--batch-seconds", type=float, default=1.0, help="8 frames on a GPU (%(default)s)")
    parser.add_argument("--style-seconds", type=float, default=15.0, help="to learn a style (%(default)s)")
    parser.add_argument("--script-seconds", type=float, default=3.0, help="to write a script (%(default)s)")
    parser.add_argument("--other-seconds", type=float, default=1.0, help="any other job (%(default)s)")
    print(json.dumps(asyncio.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
