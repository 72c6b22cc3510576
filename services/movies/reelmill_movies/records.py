"""Records of what the front door owns: in KV, changed only by compare-and-set; a copy in the object store
outlives the bus."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import logger

_ATTEMPTS = 20
_LIST_TIMEOUT = 20.0


class Name(Protocol):
    @property
    def kv_key(self) -> str: ...


class Stored(Protocol):
    revision: int

    @property
    def ended(self) -> bool: ...

    def to_json(self) -> bytes: ...


N = TypeVar("N", bound=Name)
R = TypeVar("R", bound=Stored)


class Records(ABC, Generic[N, R]):
    """Records of one kind; a subclass says which."""

    what: str
    """What a record is of, in a word for people."""
    bucket: str
    file: str
    """The last part of the copies' object keys."""
    poll: float
    """Seconds between two looks at a record that is followed."""

    def __init__(self, bus: Bus, store: ObjectStore) -> None:
        self._bus = bus
        self._store = store

    @abstractmethod
    def name(self, record: R) -> N: ...

    @abstractmethod
    def load(self, data: bytes) -> R:
        """Raises ValueError, KeyError or ReelmillError where it is no record."""

    async def create(self, record: R) -> R | None:
        """Stores a new record, or returns None if there is one of that name already."""
        kv = await self._bus.bucket(self.bucket)
        key = self.name(record).kv_key
        try:
            record.revision = await self._bus.guard(lambda: kv.create(key, record.to_json()))
        except KeyWrongLastSequenceError:
            return None
        await self._copy(record)
        return record

    async def get(self, name: N) -> R:
        """Raises NOT_FOUND."""
        return await self._read(await self._bus.bucket(self.bucket), name)

    async def exists(self, name: N) -> bool:
        try:
            await self.get(name)
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return False
        return True

    async def change(self, name: N, change: Callable[[R], bool], *, copy: bool = True) -> R:
        """Applies `change` to the newest record until no other writer comes between; False: leave it.

        `copy`: also to the object store; not needed for mere progress.
        """
        kv = await self._bus.bucket(self.bucket)
        for attempt in range(_ATTEMPTS):
            record = await self._read(kv, name)
            revision = record.revision
            if not change(record):
                return record
            try:
                record.revision = await self._bus.guard(
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

    async def delete(self, name: N) -> None:
        kv = await self._bus.bucket(self.bucket)
        await self._bus.guard(lambda: kv.purge(name.kv_key))

    async def list(self, project: str = "") -> list[R]:
        """All records of a project, or of all projects."""
        kv = await self._bus.bucket(self.bucket)

        async def read() -> list[R]:
            watcher = await kv.watch(f"{project or '*'}.*", ignore_deletes=True)
            records = []
            try:
                async for entry in watcher:
                    if entry is None:  # all that was there has been sent
                        break
                    records.append(self._record(entry))
            finally:
                await watcher.stop()  # type: ignore[no-untyped-call]
            return records

        return await self._bus.guard(lambda: asyncio.wait_for(read(), _LIST_TIMEOUT))

    async def follow(self, name: N, revision: int) -> AsyncIterator[R]:
        """Yields the record whenever it is newer than `revision`, until what it is of has ended.

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
            if record.revision > revision:
                revision = record.revision
                yield record
            if record.ended:
                return
            await asyncio.sleep(self.poll)

    async def restore(self) -> int:
        """Fills an empty KV bucket from the copies in the object store; returns how many came back."""
        kv = await self._bus.bucket(self.bucket)
        status = await self._bus.guard(kv.status)
        if status.values:
            return 0
        restored = 0
        for info in await self._store.list("projects/"):
            if not info.key.endswith(f"/{self.file}"):
                continue
            data = await self._store.get(info.key)
            try:
                name = self.name(self.load(data))
            except (ValueError, KeyError, ReelmillError) as error:
                logger().error(
                    f"{self.what} record in the object store is unreadable", key=info.key, error=str(error)
                )
                continue
            with suppress(KeyWrongLastSequenceError):
                await self._bus.guard(lambda name=name, data=data: kv.create(name.kv_key, data))  # type: ignore[misc]
                restored += 1
        return restored

    async def _read(self, kv: KeyValue, name: N) -> R:
        try:
            entry = await self._bus.guard(lambda: kv.get(name.kv_key))
        except KeyNotFoundError as error:
            raise ReelmillError(
                Reason.NOT_FOUND, f"there is no {self.what} {name}", **{self.what: str(name)}
            ) from error
        return self._record(entry)

    async def _copy(self, record: R) -> None:
        await self._store.put(f"{self.name(record)}/{self.file}", record.to_json(), "application/json")

    def _record(self, entry: KeyValue.Entry) -> R:
        record = self.load(entry.value or b"")
        record.revision = entry.revision or 0
        return record
