"""What a project's movies have asked of language models, those too that are no more."""

import asyncio
from collections.abc import Iterable

from google.protobuf import json_format

from reelmill.v1 import common_pb2
from reelmill_kit.names import ProjectName
from reelmill_kit.store import ObjectStore

from .domain import Record
from .repository import MovieRepository

_AT_A_TIME = 16
_KEPT = 100_000


class UsageBook:
    """Of a deleted movie that had asked a language model, an object stays that says what it cost."""

    def __init__(self, store: ObjectStore, movies: MovieRepository) -> None:
        self._store = store
        self._movies = movies
        self._read: dict[str, common_pb2.Usage] = {}  # such an object never changes

    async def keep(self, record: Record) -> None:
        """To be called before the movie's record goes. Twice is as good as once."""
        if not record.movie.usage.calls:
            return
        data = json_format.MessageToJson(record.movie.usage).encode()
        await self._store.put(_key(record), data, "application/json")

    async def of_project(self, project: ProjectName) -> tuple[common_pb2.Usage, int]:
        """The sum, and of how many movies: those that there are, and deleted ones that had cost something."""
        living = list(await self._movies.list(project.project))
        # One whose deletion stopped in the middle is still there, and counted once.
        there = {_key(record) for record in living}
        gone = [o.key for o in await self._store.list(project.usage_prefix) if o.key not in there]
        slots = asyncio.Semaphore(_AT_A_TIME)
        usages = await asyncio.gather(*(self._usage(key, slots) for key in gone))
        return added([record.movie.usage for record in living] + list(usages)), len(living) + len(gone)

    async def _usage(self, key: str, slots: asyncio.Semaphore) -> common_pb2.Usage:
        if key not in self._read:
            async with slots:
                data = await self._store.get(key)
            if len(self._read) >= _KEPT:
                self._read.clear()
            self._read[key] = json_format.Parse(data, common_pb2.Usage())
        return self._read[key]


def added(usages: Iterable[common_pb2.Usage]) -> common_pb2.Usage:
    total = common_pb2.Usage()
    for one in usages:
        total.calls += one.calls
        total.input_tokens += one.input_tokens
        total.output_tokens += one.output_tokens
        total.cost_micros += one.cost_micros
    return total


def _key(record: Record) -> str:
    """A movie that is made again under its name has another time of creation."""
    created = record.movie.create_time
    name = record.name
    return f"{ProjectName(name.project).usage_prefix}{name.movie}-{created.seconds}.{created.nanos:09}.json"
