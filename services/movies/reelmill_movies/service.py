"""MovieService: the gRPC door."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import grpc

from reelmill.v1 import movies_pb2, movies_pb2_grpc
from reelmill_kit import validation
from reelmill_kit.errors import invalid
from reelmill_kit.listing import Filter, Page, ReadMask
from reelmill_kit.names import MovieName, ProjectName

from .batches.controller import BatchController
from .batches.repository import BatchRepository
from .batches.requests import BatchChecker
from .batches.service import BatchCalls
from .controller import Controller
from .cost_calls import CostCalls
from .domain import Movie
from .forecast import MovieForecaster
from .quotas import Quotas
from .repository import MovieRepository
from .requests import RequestChecker
from .usage import UsageBook

Context = grpc.aio.ServicerContext


class MovieCalls:
    def __init__(self, controller: Controller, movies: MovieRepository, checker: RequestChecker) -> None:
        self._controller = controller
        self._movies = movies
        self._checker = checker

    async def CreateMovie(
        self, request: movies_pb2.CreateMovieRequest, context: Any
    ) -> movies_pb2.CreateMovieResponse:
        request.request_id = request.request_id or str(uuid.uuid4())
        name, request_id, asked = await self._checker.check(request)
        record = await self._controller.create(name, request_id, asked)
        return movies_pb2.CreateMovieResponse(movie=record.movie)

    async def GetMovie(
        self, request: movies_pb2.GetMovieRequest, context: Any
    ) -> movies_pb2.GetMovieResponse:
        mask = ReadMask(request.read_mask, Movie)
        record = await self._movies.get(MovieName.parse(request.name, "name"))
        return movies_pb2.GetMovieResponse(movie=mask.of(record.movie))

    async def ListMovies(
        self, request: movies_pb2.ListMoviesRequest, context: Any
    ) -> movies_pb2.ListMoviesResponse:
        project = ProjectName.parse(request.parent, "parent").project
        for index, state in enumerate(request.states):
            if state not in Movie.State.values() or state == Movie.STATE_UNSPECIFIED:
                raise invalid(f"states[{index}]", f"{state} is no state of a movie")
        mask, wanted = ReadMask(request.read_mask, Movie), Filter(request.filter, Movie)
        query = [request.parent, sorted(request.states), request.filter]
        page = Page("ListMovies", request.page_size, request.page_token, query)
        movies, token = page.of(
            record.movie
            for record in await self._movies.list(project)
            if (not request.states or record.movie.state in request.states) and wanted.matches(record.movie)
        )
        return movies_pb2.ListMoviesResponse(
            movies=[mask.of(movie) for movie in movies], next_page_token=token
        )

    async def WatchMovie(
        self, request: movies_pb2.WatchMovieRequest, context: Any
    ) -> AsyncIterator[movies_pb2.WatchMovieResponse]:
        if request.from_revision < 0:
            raise invalid("from_revision", "is negative; 0 begins with a snapshot")
        name, mask = MovieName.parse(request.name, "name"), ReadMask(request.read_mask, Movie)
        async for record in self._movies.follow(name, request.from_revision):
            yield movies_pb2.WatchMovieResponse(movie=mask.of(record.movie))

    async def PauseMovie(
        self, request: movies_pb2.PauseMovieRequest, context: Any
    ) -> movies_pb2.PauseMovieResponse:
        name = MovieName.parse(request.name, "name")
        record = await self._controller.set_paused(name, True, etag=request.etag)
        return movies_pb2.PauseMovieResponse(movie=record.movie)

    async def ResumeMovie(
        self, request: movies_pb2.ResumeMovieRequest, context: Any
    ) -> movies_pb2.ResumeMovieResponse:
        name = MovieName.parse(request.name, "name")
        record = await self._controller.set_paused(name, False, etag=request.etag)
        return movies_pb2.ResumeMovieResponse(movie=record.movie)

    async def CancelMovie(
        self, request: movies_pb2.CancelMovieRequest, context: Any
    ) -> movies_pb2.CancelMovieResponse:
        record = await self._controller.cancel(MovieName.parse(request.name, "name"), etag=request.etag)
        return movies_pb2.CancelMovieResponse(movie=record.movie)

    async def RetryMovie(
        self, request: movies_pb2.RetryMovieRequest, context: Any
    ) -> movies_pb2.RetryMovieResponse:
        name = MovieName.parse(request.name, "name")
        budget = validation.budget(request.budget, "budget") if request.HasField("budget") else None
        record = await self._controller.retry(name, budget, request.etag)
        return movies_pb2.RetryMovieResponse(movie=record.movie)

    async def DeleteMovie(
        self, request: movies_pb2.DeleteMovieRequest, context: Any
    ) -> movies_pb2.DeleteMovieResponse:
        await self._controller.delete(MovieName.parse(request.name, "name"), request.etag)
        return movies_pb2.DeleteMovieResponse()


class MovieServicer(MovieCalls, CostCalls, BatchCalls, movies_pb2_grpc.MovieServiceServicer):
    """All calls of MovieService."""

    def __init__(
        self,
        controller: Controller,
        movies: MovieRepository,
        checker: RequestChecker,
        batch_controller: BatchController,
        batches: BatchRepository,
        batch_checker: BatchChecker,
        forecaster: MovieForecaster,
        usage: UsageBook,
        quotas: Quotas,
    ) -> None:
        MovieCalls.__init__(self, controller, movies, checker)
        CostCalls.__init__(self, checker, forecaster, usage, quotas)
        BatchCalls.__init__(self, batch_controller, batches, batch_checker)
