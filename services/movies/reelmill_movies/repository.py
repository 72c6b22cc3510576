"""Movie records: in KV, changed only by compare-and-set; a copy in the object store outlives the bus."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import MovieName
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import logger

from .domain import Record

_ATTEMPTS = 20
_POLL = 0.25
_LIST_TIMEOUT = 20.0


class MovieRepository:
    def __init__(self, bus: Bus, store: ObjectStore) -> None:
        self._bus = bus
        self._store = store

    async def create(self, record: Record) -> Record | None:
        """Stores a new record, or returns None if the movie is there already."""
        kv = await self._bus.movies()
        try:
            record.movie.revision = await self._bus.guard(
                lambda: kv.create(record.name.kv_key, record.to_json())
            )
        except KeyWrongLastSequenceError:
            return None
        await self._copy(record)
        return record

    async def get(self, name: MovieName) -> Record:
        """Raises NOT_FOUND."""
        return await self._read(await self._bus.movies(), name.kv_key, str(name))

    async def change(self, name: MovieName, change: Callable[[Record], bool], *, copy: bool = True) -> Record:
        """Applies `change` to the newest record until no other writer comes between; False: leave it.

        `copy`: also to the object store; not needed for mere progress.
        """
        kv = await self._bus.movies()
        for attempt in range(_ATTEMPTS):
            record = await self._read(kv, name.kv_key, str(name))
            revision = record.movie.revision
            if not change(record):
                return record
            try:
                record.movie.revision = await self._bus.guard(
                    lambda record=record, revision=revision: kv.update(  # type: ignore[misc]
                        name.kv_key, record.to_json(), last=revision
                    )
                )
            except KeyWrongLastSequenceError:
                await asyncio.sleep(random.uniform(0, 0.02 * (attempt + 1)))
                continue
            if copy:
                await self._copy(record)
            return record
        raise ReelmillError(Reason.CONFLICT, f"{name} is being changed by too many at once; try again")

    async def delete(self, name: MovieName) -> None:
        kv = await self._bus.movies()
        await self._bus.guard(lambda: kv.purge(name.kv_key))

    async def list(self, project: str = "") -> list[Record]:
        """All records of a project, or of all projects."""
        kv = await self._bus.movies()

        async def read() -> list[Record]:
            watcher = await kv.watch(f"{project or '*'}.*", ignore_deletes=True)
            records = []
            try:
                async for entry in watcher:
                    if entry is None:  # all that was there has been sent
                        break
                    records.append(_record(entry))
            finally:
                await watcher.stop()  # type: ignore[no-untyped-call]
            return records

        return await self._bus.guard(lambda: asyncio.wait_for(read(), _LIST_TIMEOUT))

    async def follow(self, name: MovieName, revision: int) -> AsyncIterator[Record]:
        """Yields the record whenever it is newer than `revision`, until the movie has ended.

        It asks the server again and again rather than subscribing: a subscription can fall silent
        after a reconnect without either side knowing.
        """
        while True:
            try:
                record = await self.get(name)
            except ReelmillError as error:
                if error.reason is not Reason.BUS_UNAVAILABLE:
                    raise
                await asyncio.sleep(1)
                continue
            if record.movie.revision > revision:
                revision = record.movie.revision
                yield record
            if record.ended:
                return
            await asyncio.sleep(_POLL)

    async def restore(self) -> int:
        """Fills an empty KV bucket from the copies in the object store; returns how many movies came back."""
        kv = await self._bus.movies()
        status = await self._bus.guard(kv.status)
        if status.values:
            return 0
        restored = 0
        for info in await self._store.list("projects/"):
            if not info.key.endswith("/movie.json"):
                continue
            data = await self._store.get(info.key)
            try:
                record = Record.from_json(data)
                name = record.name
            except (ValueError, KeyError, ReelmillError) as error:
                logger().error(
                    "movie record in the object store is unreadable", key=info.key, error=str(error)
                )
                continue
            with suppress(KeyWrongLastSequenceError):
                await self._bus.guard(lambda name=name, data=data: kv.create(name.kv_key, data))  # type: ignore[misc]
                restored += 1
        return restored

    async def _read(self, kv: KeyValue, key: str, shown: str) -> Record:
        try:
            entry = await self._bus.guard(lambda: kv.get(key))
        except KeyNotFoundError as error:
            raise ReelmillError(Reason.NOT_FOUND, f"there is no movie {shown}", movie=shown) from error
        return _record(entry)

    async def _copy(self, record: Record) -> None:
        await self._store.put(record.name.request_key, record.to_json(), "application/json")


def _record(entry: KeyValue.Entry) -> Record:
    record = Record.from_json(entry.value or b"")
    record.movie.revision = entry.revision or 0
    return record
