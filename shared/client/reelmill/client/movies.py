"""MovieService with retries, typed errors, and a watch that outlives the server."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterable
from types import TracebackType
from typing import Self, TypeVar

import grpc

from reelmill.v1 import common_pb2, movies_pb2_grpc
from reelmill.v1 import movies_pb2 as pb

from .errors import CallError, call_error

T = TypeVar("T")

ENDED = frozenset({pb.Movie.STATE_SUCCEEDED, pb.Movie.STATE_FAILED, pb.Movie.STATE_CANCELLED})

# Every call may be made twice: creating carries a request id.
_RETRY = {
    "methodConfig": [
        {
            "name": [{"service": "reelmill.v1.MovieService"}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
_OPTIONS = [
    ("grpc.service_config", json.dumps(_RETRY)),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_reconnect_backoff_ms", 3_000),
]


class MovieClient:
    """A connection to one movie service. Methods raise CallError."""

    def __init__(self, address: str, *, timeout: float = 30.0, patience: float = 120.0) -> None:
        """`address`: host:port. `timeout`: seconds a call may take. `patience`: seconds that `watch` goes on
        while the server is away."""
        self.address = address
        self._timeout = timeout
        self._patience = patience
        self._channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        self._stub = movies_pb2_grpc.MovieServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close(None)

    async def create(self, project: str, movie: pb.Movie, request_id: str = "") -> pb.Movie:
        """Starts a movie. The same `request_id` again returns the same movie; empty: a new one is made up."""
        request = pb.CreateMovieRequest(
            parent=f"projects/{project}", movie=movie, request_id=request_id or str(uuid.uuid4())
        )
        return (await self._call(self._stub.CreateMovie(request, timeout=self._timeout))).movie

    async def get(self, name: str) -> pb.Movie:
        request = pb.GetMovieRequest(name=name)
        return (await self._call(self._stub.GetMovie(request, timeout=self._timeout))).movie

    async def page(
        self,
        project: str,
        *,
        states: Iterable[pb.Movie.State.ValueType] = (),
        page_size: int = 0,
        page_token: str = "",
    ) -> tuple[list[pb.Movie], str]:
        """One page of a project's movies, newest first, and the token of the next; "" on the last."""
        request = pb.ListMoviesRequest(
            parent=f"projects/{project}", states=states, page_size=page_size, page_token=page_token
        )
        answer = await self._call(self._stub.ListMovies(request, timeout=self._timeout))
        return list(answer.movies), answer.next_page_token

    async def all(
        self, project: str, *, states: Iterable[pb.Movie.State.ValueType] = ()
    ) -> AsyncIterator[pb.Movie]:
        """All movies of a project, newest first."""
        wanted, token = list(states), ""
        while True:
            movies, token = await self.page(project, states=wanted, page_size=200, page_token=token)
            for movie in movies:
                yield movie
            if not token:
                return

    async def cancel(self, name: str) -> pb.Movie:
        request = pb.CancelMovieRequest(name=name)
        return (await self._call(self._stub.CancelMovie(request, timeout=self._timeout))).movie

    async def retry(self, name: str, budget: common_pb2.Budget | None = None) -> pb.Movie:
        """Goes on with a failed or cancelled movie, with another budget where one is given."""
        request = pb.RetryMovieRequest(name=name, budget=budget)
        return (await self._call(self._stub.RetryMovie(request, timeout=self._timeout))).movie

    async def delete(self, name: str) -> None:
        """Removes the movie and everything stored for it."""
        await self._call(self._stub.DeleteMovie(pb.DeleteMovieRequest(name=name), timeout=self._timeout))

    async def watch(self, name: str, from_revision: int = 0) -> AsyncIterator[pb.Movie]:
        """The movie as it is now and after every change, until it has ended.

        Where the connection breaks it goes on from the last revision that was seen; nothing comes twice.
        """
        loop = asyncio.get_running_loop()
        revision, pause, heard = from_revision, 0.2, loop.time()
        while True:
            try:
                request = pb.WatchMovieRequest(name=name, from_revision=revision)
                async for answer in self._stub.WatchMovie(request):
                    pause, heard = 0.2, loop.time()
                    if answer.movie.revision > revision:
                        revision = answer.movie.revision
                        yield answer.movie
                    if answer.movie.state in ENDED:
                        return
                failure: CallError | None = None
            except grpc.aio.AioRpcError as error:
                failure = call_error(error, self.address)
                broken = failure.code is grpc.StatusCode.UNAVAILABLE or (
                    not failure.from_server
                    and failure.code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
                )
                if not broken or loop.time() - heard > self._patience:
                    raise failure from error
            if failure is None and (await self.get(name)).state in ENDED:
                return  # it had ended before the revision that was seen
            await asyncio.sleep(pause)
            pause = min(2 * pause, 3.0)

    async def wait(self, name: str) -> pb.Movie:
        """Returns the movie when it has ended."""
        async for movie in self.watch(name):
            if movie.state in ENDED:
                return movie
        return await self.get(name)

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise call_error(error, self.address) from error
