"""MovieService: the gRPC door."""

import base64
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import grpc

from reelmill.v1 import movies_pb2, movies_pb2_grpc
from reelmill_kit import validation
from reelmill_kit.errors import invalid
from reelmill_kit.names import MovieName, ProjectName

from .controller import Controller
from .domain import Movie, Record
from .repository import MovieRepository
from .requests import RequestChecker

Context = grpc.aio.ServicerContext
_DEFAULT_PAGE, _LARGEST_PAGE = 50, 1000


class MovieServicer(movies_pb2_grpc.MovieServiceServicer):
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
        record = await self._movies.get(MovieName.parse(request.name, "name"))
        return movies_pb2.GetMovieResponse(movie=record.movie)

    async def ListMovies(
        self, request: movies_pb2.ListMoviesRequest, context: Any
    ) -> movies_pb2.ListMoviesResponse:
        project = ProjectName.parse(request.parent, "parent").project
        size = _page_size(request.page_size)
        for index, state in enumerate(request.states):
            if state not in Movie.State.values() or state == Movie.STATE_UNSPECIFIED:
                raise invalid(f"states[{index}]", f"{state} is no state of a movie")
        after = _decode_token(request)
        records = sorted(await self._movies.list(project), key=_newest_first)
        found = [
            r.movie
            for r in records
            if (not request.states or r.movie.state in request.states)
            and (after is None or _newest_first(r) > after)
        ]
        page = found[:size]
        token = _encode_token(request, page[-1]) if len(found) > size else ""
        return movies_pb2.ListMoviesResponse(movies=page, next_page_token=token)

    async def WatchMovie(
        self, request: movies_pb2.WatchMovieRequest, context: Any
    ) -> AsyncIterator[movies_pb2.WatchMovieResponse]:
        if request.from_revision < 0:
            raise invalid("from_revision", "is negative; 0 begins with a snapshot")
        name = MovieName.parse(request.name, "name")
        async for record in self._movies.follow(name, request.from_revision):
            yield movies_pb2.WatchMovieResponse(movie=record.movie)

    async def CancelMovie(
        self, request: movies_pb2.CancelMovieRequest, context: Any
    ) -> movies_pb2.CancelMovieResponse:
        record = await self._controller.cancel(MovieName.parse(request.name, "name"))
        return movies_pb2.CancelMovieResponse(movie=record.movie)

    async def RetryMovie(
        self, request: movies_pb2.RetryMovieRequest, context: Any
    ) -> movies_pb2.RetryMovieResponse:
        name = MovieName.parse(request.name, "name")
        budget = validation.budget(request.budget, "budget") if request.HasField("budget") else None
        record = await self._controller.retry(name, budget)
        return movies_pb2.RetryMovieResponse(movie=record.movie)

    async def DeleteMovie(
        self, request: movies_pb2.DeleteMovieRequest, context: Any
    ) -> movies_pb2.DeleteMovieResponse:
        await self._controller.delete(MovieName.parse(request.name, "name"))
        return movies_pb2.DeleteMovieResponse()


def _page_size(asked: int) -> int:
    if asked < 0:
        raise invalid("page_size", "is negative; 0 means the default")
    return min(asked or _DEFAULT_PAGE, _LARGEST_PAGE)


def _newest_first(record: Record) -> tuple[float, str]:
    return -record.movie.create_time.ToDatetime(UTC).timestamp(), record.movie.name


def _query(request: movies_pb2.ListMoviesRequest) -> list[Any]:
    return [request.parent, sorted(request.states)]


def _encode_token(request: movies_pb2.ListMoviesRequest, last: movies_pb2.Movie) -> str:
    position = [last.create_time.ToDatetime(UTC).isoformat(), last.name, _query(request)]
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _decode_token(request: movies_pb2.ListMoviesRequest) -> tuple[float, str] | None:
    """Where the page before ended. A token says which query it belongs to."""
    if not request.page_token:
        return None
    try:
        created, name, query = json.loads(base64.urlsafe_b64decode(request.page_token.encode()))
        position = -datetime.fromisoformat(created).timestamp(), str(name)
    except (ValueError, TypeError) as error:
        raise invalid("page_token", "is not a token that ListMovies gave out") from error
    if query != _query(request):
        raise invalid("page_token", "belongs to a call with another parent or other states")
    return position
