"""Tells as metrics what projects have used: the counts that their limits are compared with."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from reelmill_kit.errors import ReelmillError
from reelmill_kit.names import STAGE_NAMES, ProjectName
from reelmill_kit.telemetry import instruments

from .quotas import Quotas, count
from .repository import MovieRepository
from .usage import UsageBook, by_stage


class UsageMetrics:
    def __init__(self, movies: MovieRepository, usage: UsageBook, quotas: Quotas, interval: float) -> None:
        """`interval`: seconds between two looks."""
        self._movies = movies
        self._usage = usage
        self._quotas = quotas
        self._interval = interval

    async def run(self) -> None:
        while True:
            with suppress(ReelmillError):
                for project in {record.name.project for record in await self._movies.list()}:
                    await self.tell(ProjectName(project))
            await asyncio.sleep(self._interval)

    async def tell(self, project: ProjectName) -> None:
        movies, meters = await self._usage.movies(project), instruments()
        for entry in by_stage(used for _, used in movies):
            labels = {"project": project.project, "stage": STAGE_NAMES[entry.stage]}
            meters.project_cost.set(entry.usage.cost_micros / 1e6, labels)
            meters.project_tokens.set(entry.usage.input_tokens + entry.usage.output_tokens, labels)
        told = self._quotas.told(project.project, count(movies, datetime.now(UTC)))
        for name, allowance in told.items():
            labels = {"project": project.project, "quota": name.replace("cost_micros", "cost")}
            unit = 1e6 if name.startswith("cost_micros") else 1
            meters.project_used.set(allowance.used / unit, labels)
            if allowance.HasField("limit"):
                meters.project_limit.set(allowance.limit / unit, labels)
