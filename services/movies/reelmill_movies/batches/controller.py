"""Sees to it that a batch's movies are made. Every step may be taken twice or stop in the middle."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from weakref import WeakValueDictionary

from reelmill.v1 import common_pb2, movies_pb2, script_pb2
from reelmill_kit import cloudevents, tasks
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.listing import check_etag
from reelmill_kit.names import BatchName, MovieName
from reelmill_kit.telemetry import logger

from .. import domain as movie_domain
from ..controller import Controller, now
from ..domain import Record
from ..quotas import Quotas
from ..repository import MovieRepository
from . import domain, items, plots, shares
from .record import Batch, BatchRecord
from .repository import BatchRepository
from .themes import Inventor

_GATHER = 0.1  # seconds in which news of a batch's movies are taken together


class BatchController:
    def __init__(
        self,
        bus: Bus,
        batches: BatchRepository,
        movies: MovieRepository,
        controller: Controller,
        quotas: Quotas,
        inventor: Inventor | None = None,
    ) -> None:
        """`inventor`: of themes; without one every batch brings its own."""
        self._bus = bus
        self._batches = batches
        self._movies = movies
        self._controller = controller
        self._quotas = quotas
        self._inventor = inventor
        self._inventing: dict[BatchName, asyncio.Task[None]] = {}
        # Batches whose movies have moved, with the movies.
        self._woken: dict[BatchName, set[MovieName]] = {}
        self._wake = asyncio.Event()
        self._locks: WeakValueDictionary[BatchName, asyncio.Lock] = WeakValueDictionary()
        controller.moved = self._movie_moved

    async def create(self, name: BatchName, request_id: str, asked: movies_pb2.Batch) -> BatchRecord:
        """Makes the batch that `asked` describes, once: the same request again returns the same batch."""
        record = domain.new_record(name, request_id, asked, now())
        if asked.themes:
            await self._batches.keep_themes(record, list(asked.themes))
        if (created := await self._batches.create(record)) is not None:
            await self._tell(created)
        else:
            existing = await self._batches.get(name)
            if existing.request_digest != record.request_digest:
                raise ReelmillError(
                    Reason.REQUEST_ID_REUSED,
                    f"request id {request_id!r} was used before for another batch, {name}; take a new one",
                    batch=str(name),
                    request_id=request_id,
                )
        self._woken.setdefault(name, set())
        self._wake.set()
        return await self._batches.get(name)

    async def pause(self, name: BatchName, etag: str = "") -> BatchRecord:
        """`etag`: as the caller has seen the batch, here and below; raises ETAG_MISMATCH."""
        return await self._change(name, etag, lambda record: domain.pause(record, now()))

    async def resume(
        self, name: BatchName, budget: common_pb2.Budget | None = None, etag: str = ""
    ) -> BatchRecord:
        return await self._change(name, etag, lambda record: domain.resume(record, now(), budget))

    async def cancel(self, name: BatchName, etag: str = "") -> BatchRecord:
        return await self._change(name, etag, lambda record: domain.cancel(record, now()))

    async def _change(self, name: BatchName, etag: str, change: Callable[[BatchRecord], bool]) -> BatchRecord:
        def apply(record: BatchRecord) -> bool:
            check_etag(str(name), etag, record.batch.etag)
            return change(record)

        await self._batches.change(name, apply)
        return await self.step(name)

    async def run(self) -> None:
        """Follows the movies of all batches: one that ends makes room for the next."""
        try:
            await self._run()
        finally:
            await tasks.end(list(self._inventing.values()))

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(_GATHER)
            self._wake.clear()
            woken, self._woken = self._woken, {}
            await asyncio.gather(*(self._follow(name, moved) for name, moved in woken.items()))

    async def reconcile(self) -> None:
        """Takes up batches whose news was lost with a process, or before somebody was told."""
        for record in await self._batches.list():
            moving = record.stopping or any(item.under_way for item in record.items)
            if not record.ended or moving or record.told < record.turn:
                await self._follow(record.name, set())

    async def step(self, name: BatchName, moved: Iterable[MovieName] = ()) -> BatchRecord:
        """Looks at the batch's movies and does all that can be done now. `moved`: those to look at besides
        the ones under way."""
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            record = await self._batches.get(name)
            hints = {movie.movie for movie in moved}
            while True:
                movies = await self._movies_of(record, hints)
                record = await self._take_in(record, movies)
                again = await self._compare(record, movies)
                record, begun = await self._begin(record)
                if not again and not begun:
                    break
            if not record.themed and not record.ended and not record.paused:
                self._invent(record)
            if record.stopping:
                record = await self._stop(record)
            return await self._tell(record)

    async def _begin(self, record: BatchRecord) -> tuple[BatchRecord, bool]:
        """Begins what can begin in the record; the movies are made when they are looked at."""
        begun: list[int] = []
        project, frames = record.name.project, items.frames_of_one(record)
        room, why = await self._quotas.room(project, frames)

        def begin(newest: BatchRecord) -> bool:
            turn, failure = newest.turn, newest.batch.failure.SerializeToString(deterministic=True)
            begun[:] = domain.begin(newest, now(), room, why)
            told = newest.batch.failure.SerializeToString(deterministic=True) != failure
            return bool(begun) or newest.turn > turn or told

        record = await self._batches.change(record.name, begin)
        self._quotas.begun(project, len(begun), frames * len(begun))
        return record, bool(begun)

    async def _movies_of(self, record: BatchRecord, hints: Collection[str]) -> dict[int, Record]:
        """The movies under way by item, and besides them those that are hinted at; made where they lack."""
        indices = [
            index
            for index, item in enumerate(record.items)
            if item.under_way or (hints and item.begun and record.movie(index).movie in hints)
        ]
        found = await asyncio.gather(*(self._movie(record, index) for index in indices))
        return {index: movie for index, movie in zip(indices, found, strict=True) if movie is not None}

    async def _take_in(self, record: BatchRecord, movies: Mapping[int, Record]) -> BatchRecord:
        """Takes in how the movies are; holds them or lets them go on, as the batch is."""
        await asyncio.gather(
            *(
                self._controller.set_paused(movie.name, record.paused, with_batch=True)
                for movie in movies.values()
                if movie.paused_with_batch != record.paused and not movie.ended
            )
        )
        seen = {index: movie.movie for index, movie in movies.items()}
        return await self._batches.change(record.name, lambda newest: domain.observe(newest, seen, now()))

    async def _compare(self, record: BatchRecord, movies: Mapping[int, Record]) -> bool:
        """Compares the plots that are written with those that were taken; True where one was dropped."""
        written = {
            index
            for index, movie in movies.items()
            if not movie.ended
            and record.movie(index) == movie.name
            and movie_domain.status(movie, common_pb2.STAGE_SCRIPT).state == movie_domain.Status.STATE_DONE
        }
        while (index := domain.to_compare(record, written)) is not None:
            name = movies[index].name
            closest = await self._closest(record, index) if movies[index].on_trial else None
            if closest is not None and closest[1] > record.batch.plot_likeness_percent:
                logger().info("plot dropped", movie=str(name), like=str(closest[0]), percent=closest[1])
                await self._controller.cancel(name, domain.duplicate(*closest))
                return True
            record = await self._batches.change(record.name, partial(domain.take, index=index, movie=name))
            written = {other for other in written if record.movie(other) == movies[other].name}
        for index in written:
            if record.items[index].taken and movies[index].on_trial:
                await self._controller.acquit(movies[index].name)
        return False

    async def _closest(self, record: BatchRecord, index: int) -> tuple[MovieName, int] | None:
        """The movie whose plot is most like that of the item's, and how much in percent."""
        taken = [record.movie(other) for other, item in enumerate(record.items) if item.taken]
        mine = await self._batches.sketch(record, record.movie(index))
        sketches = [await self._batches.sketch(record, movie) for movie in taken]
        alike = [(movie, plots.likeness(mine, sketch)) for movie, sketch in zip(taken, sketches, strict=True)]
        return max(alike, key=lambda found: found[1], default=None)

    async def _movie(self, record: BatchRecord, index: int) -> Record | None:
        """An item's movie, made where it isn't there yet; None where it was deleted."""
        name, item = record.movie(index), record.items[index]
        budget = shares.movie_budget(record, index)
        try:
            movie = await self._movies.get(name)
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
        else:
            starved = shares.starved_of(record, movie.movie) and movie.movie.budget != budget
            return await self._controller.retry(name, budget) if starved and item.under_way else movie
        if item.state != movies_pb2.Movie.STATE_PENDING:
            return None
        if record.invented and item.begun > 1:
            record = await self._other_theme(record, index)
        asked = items.movie_of(record, index, await self._batches.themes(record))
        request_id = f"{record.name.batch}/{index}/{item.begun}"
        made = await self._controller.create(name, request_id, asked, batch=str(record.name))
        # Where the batch was cancelled meanwhile, whoever did it has not seen this movie.
        return await self._controller.cancel(name) if (await self._batches.get(record.name)).ended else made

    def _invent(self, record: BatchRecord) -> None:
        """Has the themes invented in the background: a language model may take minutes for hundreds."""
        name = record.name
        if name not in self._inventing:
            task = asyncio.create_task(self._invent_all(record))
            self._inventing[name] = task
            task.add_done_callback(lambda _: self._inventing.pop(name, None))

    async def _invent_all(self, record: BatchRecord) -> None:
        batch = record.batch
        try:
            found = await self._invented(record, items.item_genres(record), batch.seed, [])
            await self._batches.keep_themes(record, list(found.themes))
            await self._batches.change(
                record.name, lambda newest: domain.themes_come(newest, found.usage, now())
            )
        except ReelmillError as error:
            logger().warning("no themes", batch=batch.name, reason=error.reason, error=error.message)
            if error.transient:
                return  # whoever looks after batches that rest asks again
            failure = error.to_failure()
            await self._batches.change(record.name, lambda newest: domain.themes_fail(newest, failure, now()))
        self._woken.setdefault(record.name, set())
        self._wake.set()

    async def _invented(
        self, record: BatchRecord, genres: list[str], seed: int, known: list[str]
    ) -> script_pb2.InventThemesResponse:
        if self._inventor is None:
            raise ReelmillError(Reason.NOT_READY, "no script service is set up to invent themes")
        left = shares.budget_left(record)
        return await self._inventor.invent(record.name.project, genres, seed, known, left)

    async def _other_theme(self, record: BatchRecord, index: int) -> BatchRecord:
        """Another theme where plots of the one before were too like others; else the old one."""
        begun = record.items[index].begun
        themes = await self._batches.themes(record)
        known = list(dict.fromkeys([*themes, *(item.theme for item in record.items if item.theme)]))
        seed = items.item_seed(record.batch.seed, index, begun)
        try:
            found = await self._invented(record, [items.item_genres(record)[index]], seed, known[-1000:])
        except ReelmillError as error:
            if error.transient:
                raise
            logger().warning("no other theme", batch=record.batch.name, error=error.message)
            return record
        return await self._batches.change(
            record.name,
            lambda newest: domain.replace_theme(newest, index, begun, found.themes[0], found.usage),
        )

    async def _stop(self, record: BatchRecord) -> BatchRecord:
        """Cancels what a cancelled batch has begun."""
        indices = [
            index
            for index, item in enumerate(record.items)
            if item.begun and item.state == movies_pb2.Movie.STATE_CANCELLED
        ]
        found = await asyncio.gather(*(self._cancel(record.movie(index)) for index in indices))
        seen = {index: movie.movie for index, movie in zip(indices, found, strict=True) if movie is not None}

        def apply(newest: BatchRecord) -> bool:
            domain.observe(newest, seen, now())
            newest.stopping = False
            return True

        return await self._batches.change(record.name, apply)

    async def _cancel(self, name: MovieName) -> Record | None:
        try:
            return await self._controller.cancel(name)
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return None

    async def _tell(self, record: BatchRecord) -> BatchRecord:
        """Tells of the state that the batch is in, under one message id however often."""
        if record.told >= record.turn:
            return record
        turn = record.turn
        verb = {Batch.STATE_PENDING: "created", Batch.STATE_RUNNING: "running"}.get(
            record.batch.state, Batch.State.Name(record.batch.state).removeprefix("STATE_").lower()
        )
        logger().info("batch is " + verb, batch=record.batch.name, failure=record.batch.failure.message)
        message_id = f"{record.name.kv_key}.batch.{turn}"
        event = cloudevents.event_of(
            record.batch,
            type=f"reelmill.batch.{verb}",
            source="reelmill",
            subject=record.batch.name,
            id=message_id,
        )
        await self._bus.publish(record.name.event_subject(verb), event, message_id)

        def apply(newest: BatchRecord) -> bool:
            known = newest.told >= turn
            newest.told = max(newest.told, turn)
            return not known

        return await self._batches.change(record.name, apply)

    def _movie_moved(self, record: Record) -> None:
        if record.movie.batch:
            name = BatchName.parse(record.movie.batch, "movie.batch")
            self._woken.setdefault(name, set()).add(record.name)
            self._wake.set()

    async def _follow(self, name: BatchName, moved: set[MovieName]) -> None:
        try:
            await self.step(name, moved)
        except ReelmillError as error:
            if error.transient:
                self._woken.setdefault(name, set()).update(moved)
                await asyncio.sleep(1)
                self._wake.set()
            elif error.reason is not Reason.NOT_FOUND:
                logger().error(
                    "batch not followed", batch=str(name), reason=error.reason, error=error.message
                )
