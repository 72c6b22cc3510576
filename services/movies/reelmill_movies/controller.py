"""Decides what comes next for a movie and sees to it. Every step may be taken twice or stop in the middle."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from google.protobuf import json_format

from reelmill.v1 import common_pb2, events_pb2, movies_pb2, script_pb2, style_pb2
from reelmill_kit import cloudevents
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.listing import check_etag
from reelmill_kit.names import STAGE_NAMES, MovieName, ProjectName, Stage
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import instruments, logger
from reelmill_kit.topology import FRAMES, JOBS, stage_consumer

from . import characters, domain, pausing, stage_jobs
from .domain import Record
from .quotas import Quotas
from .repository import MovieRepository
from .turnstile import Turnstile
from .usage import UsageBook

_SCRIPTS_KEPT = 16


def now() -> datetime:
    return datetime.now(UTC)


class Controller:
    def __init__(
        self,
        bus: Bus,
        store: ObjectStore,
        movies: MovieRepository,
        turnstile: Turnstile,
        usage: UsageBook,
        quotas: Quotas,
    ) -> None:
        self._usage = usage
        self._quotas = quotas
        self._bus = bus
        self._store = store
        self._movies = movies
        self._turnstile = turnstile
        turnstile.admit = self._admit
        self._scripts: dict[str, script_pb2.Script] = {}
        self.moved: Callable[[Record], None] = lambda record: None
        """Hears of a movie that has come a step further, or ended."""

    async def create(
        self, name: MovieName, request_id: str, asked: movies_pb2.Movie, batch: str = ""
    ) -> Record:
        """Makes the movie that `asked` describes, once: the same request again returns the same movie.

        Raises QUOTA_EXCEEDED; not for a movie of a batch, which has asked before it began it.
        """
        record = domain.new_record(name, request_id, asked, self._store.uri(name.prefix), now(), batch)
        if batch:
            created = await self._movies.create(record)
        elif await self._movies.exists(name):
            created = None
        else:
            async with self._quotas.place(name.project, domain.total_frames(record)):
                created = await self._movies.create(record)
        if created is None:
            existing = await self._movies.get(name)
            if existing.request_digest != record.request_digest:
                raise ReelmillError(
                    Reason.REQUEST_ID_REUSED,
                    f"request id {request_id!r} was used before for another movie, {name}; take a new one",
                    movie=str(name),
                    request_id=request_id,
                )
            # The process that took the request first may have died before it told anybody.
            await self.advance(name)
            return existing
        await self._tell(record, "created")
        await self.advance(name)
        return await self._movies.get(name)

    async def stage_event(self, event: events_pb2.StageEvent) -> None:
        name = MovieName.parse(event.movie, "movie")
        changed = False

        def apply(record: Record) -> bool:
            nonlocal changed
            changed = domain.apply_stage_event(record, event, now())
            return changed

        record = await self._movies.change(name, apply, copy=not event.HasField("progress"))
        if record.ended and event.run == record.run:
            # Heard before or not: whoever heard it first may have died before telling.
            await self._ended(record, first=changed)
        elif not event.HasField("progress"):
            await self.advance(name)
            self.moved(record)

    async def frame_failed(self, event: events_pb2.FrameEvent) -> None:
        def apply(record: Record) -> bool:
            if record.ended or event.run != record.run:
                return False
            event.failure.stage = common_pb2.STAGE_RENDER
            event.failure.message = f"frame {event.index}: {event.failure.message}"
            domain.fail(record, event.failure, now())
            return True

        name = MovieName.parse(event.movie, "movie")
        before = (await self._movies.get(name)).ended
        record = await self._movies.change(name, apply)
        if record.ended and event.run == record.run:
            await self._ended(record, first=not before)

    async def advance(self, name: MovieName) -> None:
        """Begins every stage that can begin without a job, counts frames, and waits to queue jobs."""
        while True:
            record = await self._movies.get(name)
            begun = False
            for stage in domain.ready_stages(record):
                if stage == common_pb2.STAGE_RENDER or self._is_learned(record, stage):
                    await self._begin(record, stage)
                    begun = True
                else:
                    await self._turnstile.enter(name, stage, record.movie.priority, _age(record))
            if begun:
                continue
            if domain.status(record, common_pb2.STAGE_RENDER).state != domain.Status.STATE_RUNNING:
                return
            if left := len(domain.frames_to_release(record, domain.total_frames(record))):
                stage, priority = common_pb2.STAGE_RENDER, record.movie.priority
                await self._turnstile.enter(name, stage, priority, _age(record), left)
            before = domain.ready_stages(record)
            if domain.ready_stages(await self._count(record)) == before:
                return

    async def _admit(self, name: MovieName, stage: Stage, count: int) -> int:
        """Queues the job of a stage, or the next `count` frames; returns how many there are more."""
        try:
            record = await self._movies.get(name)
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return 0
        if stage != common_pb2.STAGE_RENDER:
            if stage in domain.ready_stages(record):
                await self._begin(record, stage)
            return 0
        if frames := domain.frames_to_release(record, count):
            record = await self._release(record, frames)
        return len(domain.frames_to_release(record, domain.total_frames(record)))

    async def cancel(
        self, name: MovieName, failure: common_pb2.Failure | None = None, etag: str = ""
    ) -> Record:
        """`etag`: as the caller has seen the movie, here and below; raises ETAG_MISMATCH."""
        cancelled = False

        def apply(record: Record) -> bool:
            nonlocal cancelled
            check_etag(str(name), etag, record.movie.etag)
            cancelled = domain.cancel(record, now(), failure)
            return cancelled

        record = await self._movies.change(name, apply)
        if cancelled:
            await self._ended(record)
        return record

    async def retry(self, name: MovieName, budget: common_pb2.Budget | None = None, etag: str = "") -> Record:
        def apply(record: Record) -> bool:
            check_etag(str(name), etag, record.movie.etag)
            domain.retry(record, now(), budget)
            return True

        async with self._quotas.place(name.project, 0):
            record = await self._movies.change(name, apply)
        await self._drop_jobs(name)
        # Failed frames are counted by the same subjects as finished ones, which tell of themselves again.
        await self._bus.purge(FRAMES, name.any_frame_subject)
        await self._tell(record, "retried")
        self.moved(record)
        await self.advance(name)
        return await self._movies.get(name)

    async def acquit(self, name: MovieName) -> None:
        """The plot of a batch's movie is taken: it goes on."""
        await self._movies.change(name, domain.acquit)
        await self.advance(name)

    async def set_paused(
        self, name: MovieName, paused: bool, *, with_batch: bool = False, etag: str = ""
    ) -> Record:
        """Holds a movie, or lets it go on where it was; `with_batch`: because its batch is held or goes on.

        What waits in the queue is taken out of it: workers are free once they have finished what they have in
        hand.
        """
        change = pausing.set_paused_with_batch if with_batch else pausing.set_paused_alone

        def apply(newest: Record) -> bool:
            check_etag(str(name), etag, newest.movie.etag)
            return change(newest, paused, now())

        record = await self._movies.change(name, apply)
        if record.paused:
            return await self._withdraw(name)
        if not record.ended:
            await self._queue_again(record)
            await self.advance(name)
        return await self._movies.get(name)

    async def _withdraw(self, name: MovieName) -> Record:
        await self._turnstile.leave(name)
        taken = [
            cloudevents.decode_message(event, events_pb2.StageJob)
            for stage in STAGE_NAMES
            for event in await self._bus.withdraw(JOBS, stage_consumer(stage), name.job_subject(stage))
        ]
        return await self._movies.change(name, lambda record: pausing.withdraw(record, taken))

    async def _queue_again(self, record: Record) -> None:
        """Queues what a pause has withdrawn."""
        frames, stages = record.withdrawn_frames, record.withdrawn_stages
        if frames:
            await self._publish_frames(record, set(frames), again=True)
        for stage in stages:
            await self._publish_stage(record, stage, again=True)
        if frames or stages:
            await self._movies.change(
                record.name, lambda newest: pausing.queued_again(newest, frames, stages), copy=False
            )

    async def delete(self, name: MovieName, etag: str = "") -> None:
        record = await self._movies.get(name)
        check_etag(str(name), etag, record.movie.etag)
        if not record.ended:
            record = await self.cancel(name, etag=etag)
        await self._tell(record, "deleted")
        await self._drop_jobs(name)
        await self._bus.purge(FRAMES, name.any_frame_subject)
        await self._usage.keep(record)
        # The record goes last: a delete that stops in the middle can be asked for again.
        await self._store.delete_prefix(name.prefix)
        await self._movies.delete(name)
        self._scripts.pop(str(name), None)

    async def reconcile(self, idle: float) -> None:
        """Takes up movies that nothing moves any more, as after a lost bus: asks again for what lacks."""
        for record in await self._movies.list():
            if record.ended:
                continue
            quiet = time.time() - record.movie.update_time.ToDatetime(UTC).timestamp()
            # Else somebody is at it, and does it in the trace of the movie's caller.
            if quiet < idle or record.paused:
                continue
            await self.advance(record.name)
            if await self._bus.subjects(JOBS, record.name.any_job_subject):
                continue
            await self._ask_again(await self._movies.get(record.name))

    async def _ask_again(self, record: Record) -> None:
        """Queues anew what was queued and is not done."""
        for entry in record.movie.stages:
            if entry.state != domain.Status.STATE_RUNNING:
                continue
            stage = STAGE_NAMES[entry.stage]
            logger().info("asking again for what is missing", movie=record.movie.name, stage=stage)
            if entry.stage == common_pb2.STAGE_RENDER:
                done = await self._bus.subjects(FRAMES, record.name.any_frame_subject)
                missing = {i for i in range(record.released) if record.name.frame_subject(i) not in done}
                await self._publish_frames(record, missing, again=True)
            else:
                await self._publish_stage(record, entry.stage, again=True)

    async def _begin(self, record: Record, stage: Stage) -> None:
        learned = record.movie.learned_style if self._is_learned(record, stage) else ""
        if learned:
            style = await self._learned_style(record.name.project, learned)
        elif stage != common_pb2.STAGE_RENDER:
            await self._publish_stage(record, stage)
        imported = stage == common_pb2.STAGE_RENDER and bool(record.movie.story_key)
        frames = await self._frame_count(record.name) if imported else 0

        def apply(newest: Record) -> bool:
            if stage not in domain.ready_stages(newest) or newest.run != record.run:
                return False
            newest.frames = newest.frames or frames
            domain.begin_stage(newest, stage, now())
            if learned:
                event = events_pb2.StageEvent(stage=stage, run=newest.run, style=style)
                domain.apply_stage_event(newest, event, now())
            return True

        self.moved(await self._movies.change(record.name, apply))

    @staticmethod
    def _is_learned(record: Record, stage: Stage) -> bool:
        """Whether there is nothing to do, for the style was learned before and no characters are to be."""
        style = stage == common_pb2.STAGE_STYLE and record.movie.learned_style
        return bool(style) and not characters.are_learned(record.movie)

    async def _learned_style(self, project: str, name: str) -> style_pb2.Style:
        prefix = ProjectName(project).style_prefix(name.rsplit("/", 1)[-1])
        return json_format.Parse(await self._store.get(f"{prefix}style.json"), style_pb2.Style())

    async def _count(self, record: Record) -> Record:
        done = len(await self._bus.subjects(FRAMES, record.name.any_frame_subject))
        shown = domain.status(record, common_pb2.STAGE_RENDER).progress.done
        if done <= shown:
            return record
        return await self._movies.change(
            record.name,
            lambda newest: domain.count_frames(newest, done, now()),
            copy=done >= domain.total_frames(record),
        )

    async def _release(self, record: Record, frames: range) -> Record:
        await self._publish_frames(record, set(frames))

        def apply(newest: Record) -> bool:
            if newest.run != record.run or newest.released >= frames.stop:
                return False
            newest.released = frames.stop
            return True

        return await self._movies.change(record.name, apply, copy=False)

    async def _publish_frames(self, record: Record, wanted: set[int], *, again: bool = False) -> None:
        script = await self._script(record.name)
        tokens = characters.tokens(record.movie, script)
        jobs = [
            (frame.index, stage_jobs.frame_job(record, frame, tokens))
            for chapter in script.chapters
            for scene in chapter.scenes
            for frame in scene.frames
            if frame.index in wanted
        ]
        await asyncio.gather(
            *(
                self._publish_job(record, common_pb2.STAGE_RENDER, job, f"frame.{index}", again)
                for index, job in jobs
            )
        )

    async def _publish_stage(self, record: Record, stage: Stage, *, again: bool = False) -> None:
        script = await self._script(record.name) if stage == common_pb2.STAGE_STYLE else None
        cost_left = await self._quotas.cost_left(record.name.project)
        job = stage_jobs.stage_job(record, stage, script, cost_left)
        await self._publish_job(record, stage, job, STAGE_NAMES[stage], again)

    async def _publish_job(
        self, record: Record, stage: Stage, job: events_pb2.StageJob, what: str, again: bool
    ) -> None:
        message_id = f"{record.name.kv_key}.job.{what}.{record.run}"
        if again:
            message_id += f".{time.time_ns()}"
        event = cloudevents.event_of(
            job,
            type=f"reelmill.{STAGE_NAMES[stage]}.requested",
            source="reelmill",
            subject=record.movie.name,
            id=message_id,
        )
        await self._bus.publish(record.name.job_subject(stage), event, message_id)

    async def _script(self, name: MovieName) -> script_pb2.Script:
        if (script := self._scripts.get(str(name))) is None:
            script = json_format.Parse(await self._store.get(name.script_key), script_pb2.Script())
            while len(self._scripts) >= _SCRIPTS_KEPT:
                self._scripts.pop(next(iter(self._scripts)))
            self._scripts[str(name)] = script
        return script

    async def _frame_count(self, name: MovieName) -> int:
        script = await self._script(name)
        return sum(len(scene.frames) for chapter in script.chapters for scene in chapter.scenes)

    async def _ended(self, record: Record, *, first: bool = True) -> None:
        """Tells that a movie has ended, under one message id however often."""
        state = movies_pb2.Movie.State.Name(record.movie.state).removeprefix("STATE_").lower()
        if first:
            logger().info(
                "movie ended", movie=record.movie.name, state=state, failure=record.movie.failure.message
            )
            instruments().movies.add(1, {"state": state})
        if record.movie.state != movies_pb2.Movie.STATE_SUCCEEDED:
            await self._drop_jobs(record.name)
        await self._tell(record, state)
        self.moved(record)

    async def _drop_jobs(self, name: MovieName) -> None:
        await self._turnstile.leave(name)
        await self._bus.purge(JOBS, name.any_job_subject)

    async def _tell(self, record: Record, verb: str) -> None:
        name = record.name
        message_id = f"{name.kv_key}.movie.{verb}.{record.run}"
        event = cloudevents.event_of(
            record.movie,
            type=f"reelmill.movie.{verb}",
            source="reelmill",
            subject=record.movie.name,
            id=message_id,
        )
        await self._bus.publish(name.event_subject("movie", verb), event, message_id)


def _age(record: Record) -> int:
    """When the movie was created, in milliseconds."""
    return record.movie.create_time.ToMilliseconds()
