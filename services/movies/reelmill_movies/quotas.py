"""What a project may use: movies at a time, frames a day, money a month."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from pydantic import BaseModel, ConfigDict, Field

from reelmill.v1 import common_pb2, movies_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import ProjectName

from .usage import UsageBook

_FRESH = 2.0  # seconds for which a count is good, besides what this process adds to it
ANY = "*"
ENOUGH = 1_000_000


class Limits(BaseModel):
    """A project's limits; None: as much as it likes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    movies: int | None = Field(default=None, ge=0, description="Movies at a time that have not ended.")
    frames_a_day: int | None = Field(default=None, ge=0, description="Frames of a day's movies (UTC).")
    cost_a_month: float | None = Field(
        default=None,
        ge=0,
        description="What a month's movies may cost (UTC), in the currency of prices.",
    )


@dataclass(slots=True)
class Spent:
    """What a project has used of each."""

    movies: int = 0
    frames: int = 0
    cost_micros: int = 0


def count(movies: list[tuple[bool, movies_pb2.MovieUsage]], now: datetime) -> Spent:
    """`movies`: of each whether it is under way, and what it has used."""
    spent = Spent()
    day, month = _day(now).timestamp(), _month(now).timestamp()
    for under_way, used in movies:
        spent.movies += under_way
        spent.frames += used.frames if used.create_time.seconds >= day else 0
        spent.cost_micros += used.usage.cost_micros if used.create_time.seconds >= month else 0
    return spent


def check(project: str, limits: Limits, spent: Spent, frames: int, now: datetime) -> None:
    """Whether another movie of so many frames may begin. Raises QUOTA_EXCEEDED."""
    if limits.movies is not None and spent.movies >= limits.movies:
        raise ReelmillError(
            Reason.QUOTA_EXCEEDED,
            f"{project} has {spent.movies} movies under way and may have {limits.movies}; "
            "wait until one ends, or cancel one",
            **_told("movies", limits.movies, spent.movies),
        )
    if limits.frames_a_day is not None and spent.frames + frames > limits.frames_a_day:
        left = max(0, limits.frames_a_day - spent.frames)
        renewed = _day(now) + timedelta(days=1)
        raise ReelmillError(
            Reason.QUOTA_EXCEEDED,
            f"{project} has {left} of {limits.frames_a_day} frames left for today and needs {frames}; "
            f"ask for fewer, or again after {_text(renewed)}",
            **_told("frames_a_day", limits.frames_a_day, spent.frames, renewed),
        )
    if limits.cost_a_month is not None and spent.cost_micros >= _micros(limits.cost_a_month):
        renewed = _next_month(now)
        raise ReelmillError(
            Reason.QUOTA_EXCEEDED,
            f"{project} has spent {spent.cost_micros / 1e6:g} of the {limits.cost_a_month:g} of this month; "
            f"ask again after {_text(renewed)}",
            **_told("cost_a_month", limits.cost_a_month, spent.cost_micros / 1e6, renewed),
        )


class Quotas:
    """Counts are taken from the movies' records, so they can't differ from what has been made.

    A count is good for two seconds and grows by what this process begins. Where several processes take
    requests, a project may in that time go over a limit by what the others have begun.
    """

    def __init__(self, usage: UsageBook, limits: Mapping[str, Limits], clock: Callable[[], datetime]) -> None:
        """`limits`: by project; those of "*" hold for all that have none of their own."""
        self._usage = usage
        self._limits = limits
        self._clock = clock
        self._counts: dict[str, tuple[float, Spent]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def limits(self, project: str) -> Limits:
        return self._limits.get(project) or self._limits.get(ANY) or Limits()

    @asynccontextmanager
    async def place(self, project: str, frames: int) -> AsyncIterator[None]:
        """For as long as it takes to begin a movie of so many frames. Raises QUOTA_EXCEEDED."""
        limits = self.limits(project)
        if limits == Limits():
            yield
            return
        lock = self._locks.setdefault(project, asyncio.Lock())
        async with lock:
            spent = await self._spent(project)
            check(project, limits, spent, frames, self._clock())
            yield
            self.begun(project, 1, frames)

    async def room(self, project: str, frames: int) -> tuple[int, common_pb2.Failure | None]:
        """How many movies of so many frames may begin now, and if that is none, why."""
        limits = self.limits(project)
        if limits == Limits():
            return ENOUGH, None
        spent = await self._spent(project)
        try:
            check(project, limits, spent, frames, self._clock())
        except ReelmillError as error:
            return 0, error.to_failure()
        places = ENOUGH if limits.movies is None else limits.movies - spent.movies
        if limits.frames_a_day is not None:
            places = min(places, (limits.frames_a_day - spent.frames) // max(1, frames))
        return places, None

    def begun(self, project: str, movies: int, frames: int) -> None:
        """So many movies, of so many frames together, have been given a place."""
        if project in self._counts:
            _, spent = self._counts[project]
            spent.movies += movies
            spent.frames += frames

    async def cost_left(self, project: str) -> int | None:
        """Millionths of the currency that are left of this month's; None: no limit."""
        limit = self.limits(project).cost_a_month
        if limit is None:
            return None
        return max(0, _micros(limit) - (await self._spent(project)).cost_micros)

    def told(self, project: str, spent: Spent) -> dict[str, movies_pb2.Allowance]:
        """Each count with its limit and its renewal, by field of GetProjectUsageResponse."""
        limits, now = self.limits(project), self._clock()
        cost = None if limits.cost_a_month is None else _micros(limits.cost_a_month)
        running = movies_pb2.Allowance(used=spent.movies, limit=limits.movies)
        frames = movies_pb2.Allowance(used=spent.frames, limit=limits.frames_a_day)
        frames.renew_time.FromDatetime(_day(now) + timedelta(days=1))
        money = movies_pb2.Allowance(used=spent.cost_micros, limit=cost)
        money.renew_time.FromDatetime(_next_month(now))
        return {"movies_running": running, "frames_today": frames, "cost_micros_this_month": money}

    async def _spent(self, project: str) -> Spent:
        taken, spent = self._counts.get(project, (float("-inf"), Spent()))
        if time.monotonic() - taken > _FRESH:
            spent = count(await self._usage.movies(ProjectName(project)), self._clock())
            self._counts[project] = (time.monotonic(), spent)
        return spent


def _told(name: str, limit: float, used: float, renewed: datetime | None = None) -> dict[str, str]:
    told = {"quota": name, "limit": f"{limit:g}", "used": f"{used:g}", "left": f"{max(0, limit - used):g}"}
    return told | ({"renews": _text(renewed)} if renewed else {})


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _micros(cost: float) -> int:
    return round(cost * 1_000_000)


def _day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _month(now: datetime) -> datetime:
    return _day(now).replace(day=1)


def _next_month(now: datetime) -> datetime:
    return (_month(now) + timedelta(days=32)).replace(day=1)
