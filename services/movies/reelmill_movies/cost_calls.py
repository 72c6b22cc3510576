"""The calls of MovieService that speak of money: before a movie, and after all of a project's."""

from typing import Any

from reelmill.v1 import movies_pb2
from reelmill_kit.names import ProjectName

from .forecast import MovieForecaster
from .requests import RequestChecker
from .usage import UsageBook


class CostCalls:
    def __init__(self, checker: RequestChecker, forecaster: MovieForecaster, usage: UsageBook) -> None:
        self._request_checker = checker
        self._forecaster = forecaster
        self._usage = usage

    async def ForecastMovie(
        self, request: movies_pb2.ForecastMovieRequest, context: Any
    ) -> movies_pb2.ForecastMovieResponse:
        project = ProjectName.parse(request.parent, "parent").project
        asked = await self._request_checker.check_movie(project, request.movie, "movie")
        return await self._forecaster.forecast(asked)

    async def GetProjectUsage(
        self, request: movies_pb2.GetProjectUsageRequest, context: Any
    ) -> movies_pb2.GetProjectUsageResponse:
        usage, movies = await self._usage.of_project(ProjectName.parse(request.parent, "parent"))
        return movies_pb2.GetProjectUsageResponse(usage=usage, movies=movies)
