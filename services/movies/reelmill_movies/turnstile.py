"""Lets jobs into the work queue, few at a time and fairly, so that queues stay short.

A movie that could queue jobs of a stage leaves a mark on the bus and waits; one that could queue frames
leaves one for every 64, so that an autoscaler that counts marks sees how much is to do. Where the queue has
room, places are shared out among the projects, whichever process their movies belong to. A frame takes
seconds, and workers take several at once: as many frames may wait as are in workers' hands, so that nobody
waits for the next look. Any other job may take minutes: it is queued when a worker asks for it, not before.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from nats.js.errors import NotFoundError
from opentelemetry.context import attach, detach

from reelmill.v1 import common_pb2
from reelmill_kit.bus import Bus, Queue
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import STAGE_NAMES, MovieName, Stage
from reelmill_kit.telemetry import logger, trace_context
from reelmill_kit.topology import JOBS, WAITING, stage_consumer

from .fair import Turns, Waiting, share_out

_BUSY, _IDLE = 0.1, 1.0  # seconds between two looks, with and without anybody waiting
_MARK_PARTS = 8
_BLOCK = 64
_STAGES = {name: stage for stage, name in STAGE_NAMES.items()}

Admit = Callable[[MovieName, Stage, int], Awaitable[int]]


class Turnstile:
    def __init__(self, bus: Bus, *, frame_window: int, weights: Mapping[str, float]) -> None:
        """`frame_window`: frames that may wait for a renderer, where renderers have fewer than that in hand.
        `weights`: a project's part of the places against that of others, 1 where it has none."""
        self._bus = bus
        self._frame_window = frame_window
        self._weights = weights
        self._turns = {stage: Turns() for stage in STAGE_NAMES}
        # Marks that are known to be on the bus: the subject of the first.
        self._marked: dict[tuple[MovieName, Stage], str] = {}
        self._wake = asyncio.Event()
        self.admit: Admit = _nobody
        """Queues so many jobs of a movie's stage; returns how many more it could have queued."""

    async def enter(self, name: MovieName, stage: Stage, priority: int, since: int, jobs: int = 1) -> None:
        """The movie waits to queue so many jobs of the stage. Entering twice changes nothing.

        `priority`, `since`: who of one project is first, the higher, and of those the smaller.
        """
        if (name, stage) not in self._marked:
            subjects = [name.waiting_subject(stage, priority, since, block) for block in range(_blocks(jobs))]
            await asyncio.gather(*(self._bus.mark(subject) for subject in subjects))
            self._marked[name, stage] = subjects[0]
        self._wake.set()

    async def leave(self, name: MovieName) -> None:
        """The movie waits for nothing any more."""
        await self._bus.purge(WAITING, name.any_waiting_subject)
        for stage in STAGE_NAMES:
            self._marked.pop((name, stage), None)

    async def run(self) -> None:
        while True:
            try:
                waiting = await self.turn()
            except ReelmillError as error:
                if error.reason is not Reason.BUS_UNAVAILABLE:
                    logger().error("jobs not let in", reason=error.reason, error=error.message)
                waiting = True
            if waiting:
                await asyncio.sleep(_BUSY)
                continue
            try:
                async with asyncio.timeout(_IDLE):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def turn(self) -> bool:
        """Shares out what room there is; returns whether anybody still waits."""
        self._wake.clear()
        known = dict(self._marked)
        marks = await self._bus.subjects(WAITING, "reelmill.waiting.>")
        for key, subject in known.items():
            if subject not in marks:  # another process has let it in
                self._marked.pop(key, None)
        by_stage: dict[Stage, dict[MovieName, list[str]]] = {}
        for subject in marks:
            parts = subject.split(".")
            if len(parts) != _MARK_PARTS:  # of another version; whoever owns the movie marks it anew
                await self._bus.purge(WAITING, subject)
                continue
            movies = by_stage.setdefault(_STAGES[parts[2]], {})
            movies.setdefault(MovieName(parts[3], parts[4]), []).append(subject)
        return any([await self._stage_turn(stage, waiting) for stage, waiting in by_stage.items()])

    async def _stage_turn(self, stage: Stage, marks: dict[MovieName, list[str]]) -> bool:
        room = self._room(stage, await self._bus.queue(JOBS, stage_consumer(stage)))
        if room <= 0:
            return True
        jobs = await self._bus.subjects(JOBS, f"reelmill.jobs.{STAGE_NAMES[stage]}.>")
        queued: Counter[str] = Counter()
        for job, count in jobs.items():
            queued[job.split(".")[3]] += count
        waiting = []
        for name, subjects in marks.items():
            priority, since, _ = (int(part) for part in subjects[0].split(".")[-3:])
            here = jobs.get(name.job_subject(stage), 0)
            waiting.append(Waiting(name.project, name.movie, here, since, priority))
        granted = share_out(waiting, queued, room, self._weights, self._turns[stage])
        more = await asyncio.gather(
            *(
                self._let_in(name, stage, count, marks[name])
                for name, count in ((MovieName(*movie), count) for movie, count in granted.items())
            )
        )
        return any(more) or len(granted) < len(waiting)

    def _room(self, stage: Stage, queue: Queue) -> int:
        if stage == common_pb2.STAGE_RENDER:
            window = max(self._frame_window, queue.in_hand)
        else:
            # Where nobody works, one job says that somebody should.
            window = max(queue.fetching, 0 if queue.in_hand else 1)
        return window - queue.pending

    async def _let_in(self, name: MovieName, stage: Stage, count: int, subjects: list[str]) -> bool:
        try:
            mark = await self._bus.last(WAITING, subjects[0])
        except NotFoundError:
            return False  # another process was faster
        token, left = attach(trace_context(mark)), 0
        try:
            left = await self.admit(name, stage, count)
        except ReelmillError as error:
            if error.transient:
                return True
            logger().error("movie not let in", movie=str(name), reason=error.reason, error=error.message)
        finally:
            detach(token)
        # The first mark goes last: without it the movie waits no more.
        for subject in sorted(subjects, key=_block, reverse=True)[: max(0, len(subjects) - _blocks(left))]:
            await self._bus.purge(WAITING, subject)
        if not left:
            self._marked.pop((name, stage), None)
        return bool(left)


def _blocks(jobs: int) -> int:
    return -(-jobs // _BLOCK)


def _block(subject: str) -> int:
    return int(subject.rsplit(".", 1)[-1])


async def _nobody(name: MovieName, stage: Stage, count: int) -> int:
    raise NotImplementedError
