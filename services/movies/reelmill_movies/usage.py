"""What a project's movies have used, those too that are no more."""

import asyncio
from collections.abc import Iterable

from google.protobuf import json_format

from reelmill.v1 import common_pb2, movies_pb2
from reelmill_kit.names import ProjectName
from reelmill_kit.store import ObjectStore

from . import domain
from .domain import Record
from .repository import MovieRepository

_AT_A_TIME = 16
_KEPT = 100_000


class UsageBook:
    """Of a deleted movie an object stays that says what it used."""

    def __init__(self, store: ObjectStore, movies: MovieRepository) -> None:
        self._store = store
        self._movies = movies
        self._read: dict[str, movies_pb2.MovieUsage] = {}  # such an object never changes

    async def keep(self, record: Record) -> None:
        """To be called before the movie's record goes. Twice is as good as once."""
        used = used_by(record)
        if not used.usage.calls and not used.frames:
            return
        data = json_format.MessageToJson(used).encode()
        await self._store.put(_key(record), data, "application/json")

    async def movies(self, project: ProjectName) -> list[tuple[bool, movies_pb2.MovieUsage]]:
        """Of each of the project's movies whether it is under way and what it has used, deleted ones last."""
        living = list(await self._movies.list(project.project))
        # One whose deletion stopped in the middle is still there, and counted once.
        there = {_key(record) for record in living}
        gone = [o.key for o in await self._store.list(project.usage_prefix) if o.key not in there]
        slots = asyncio.Semaphore(_AT_A_TIME)
        deleted = await asyncio.gather(*(self._usage(key, slots) for key in gone))
        return [(not record.ended, used_by(record)) for record in living] + [(False, one) for one in deleted]

    async def _usage(self, key: str, slots: asyncio.Semaphore) -> movies_pb2.MovieUsage:
        if key not in self._read:
            async with slots:
                data = await self._store.get(key)
            if len(self._read) >= _KEPT:
                self._read.clear()
            self._read[key] = json_format.Parse(data, movies_pb2.MovieUsage(), ignore_unknown_fields=True)
        return self._read[key]


def used_by(record: Record) -> movies_pb2.MovieUsage:
    movie = record.movie
    return movies_pb2.MovieUsage(
        usage=movie.usage,
        stages=[
            movies_pb2.StageUsage(stage=entry.stage, usage=entry.usage)
            for entry in movie.stages
            if entry.usage.calls
        ],
        frames=domain.frames_used(record),
        create_time=movie.create_time,
    )


def by_stage(movies: Iterable[movies_pb2.MovieUsage]) -> list[movies_pb2.StageUsage]:
    """The sum of each stage, in the order of their numbers."""
    sums: dict[int, common_pb2.Usage] = {}
    for movie in movies:
        for entry in movie.stages:
            sums[entry.stage] = domain.total_usage([sums.get(entry.stage, common_pb2.Usage()), entry.usage])
    return [
        movies_pb2.StageUsage(stage=stage, usage=usage)  # type: ignore[arg-type]
        for stage, usage in sorted(sums.items())
    ]


def _key(record: Record) -> str:
    """A movie that is made again under its name has another time of creation."""
    created = record.movie.create_time
    name = record.name
    return f"{ProjectName(name.project).usage_prefix}{name.movie}-{created.seconds}.{created.nanos:09}.json"
