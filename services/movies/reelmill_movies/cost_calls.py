"""The calls of MovieService that speak of money: before a movie, and after all of a project's."""

from datetime import UTC, datetime
from typing import Any

from reelmill.v1 import movies_pb2
from reelmill_kit.names import ProjectName

from . import domain
from .forecast import MovieForecaster
from .quotas import Quotas, count
from .requests import RequestChecker
from .usage import UsageBook, by_stage


class CostCalls:
    def __init__(
        self, checker: RequestChecker, forecaster: MovieForecaster, usage: UsageBook, quotas: Quotas
    ) -> None:
        self._request_checker = checker
        self._forecaster = forecaster
        self._usage = usage
        self._quotas = quotas

    async def ForecastMovie(
        self, request: movies_pb2.ForecastMovieRequest, context: Any
    ) -> movies_pb2.ForecastMovieResponse:
        project = ProjectName.parse(request.parent, "parent").project
        asked = await self._request_checker.check_movie(project, request.movie, "movie")
        return await self._forecaster.forecast(asked)

    async def GetProjectUsage(
        self, request: movies_pb2.GetProjectUsageRequest, context: Any
    ) -> movies_pb2.GetProjectUsageResponse:
        project = ProjectName.parse(request.parent, "parent")
        movies = await self._usage.movies(project)
        used = [one for _, one in movies]
        return movies_pb2.GetProjectUsageResponse(
            usage=domain.total_usage(one.usage for one in used),
            movies=len(movies),
            stages=by_stage(used),
            frames=sum(one.frames for one in used),
            **self._quotas.told(project.project, count(movies, datetime.now(UTC))),
        )
