"""The movies of MovieService."""

import uuid
from collections.abc import AsyncIterator, Iterable

from reelmill.v1 import common_pb2
from reelmill.v1 import movies_pb2 as pb

from .connection import Connection

ENDED = frozenset({pb.Movie.STATE_SUCCEEDED, pb.Movie.STATE_FAILED, pb.Movie.STATE_CANCELLED})


class MovieClient(Connection):
    """A connection to one movie service. Methods raise CallError."""

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
        fitting: str = "",
        page_size: int = 0,
        page_token: str = "",
    ) -> tuple[list[pb.Movie], str]:
        """One page of a project's movies, newest first, and the token of the next; "" on the last.

        `fitting`: a filter (AIP-160), for example 'genre = "mystery" AND NOT state = FAILED'.
        """
        request = pb.ListMoviesRequest(
            parent=f"projects/{project}",
            states=states,
            filter=fitting,
            page_size=page_size,
            page_token=page_token,
        )
        answer = await self._call(self._stub.ListMovies(request, timeout=self._timeout))
        return list(answer.movies), answer.next_page_token

    async def all(
        self, project: str, *, states: Iterable[pb.Movie.State.ValueType] = (), fitting: str = ""
    ) -> AsyncIterator[pb.Movie]:
        """All movies of a project that fit, newest first."""
        wanted, token = list(states), ""
        while True:
            movies, token = await self.page(
                project, states=wanted, fitting=fitting, page_size=200, page_token=token
            )
            for movie in movies:
                yield movie
            if not token:
                return

    # With `etag` a call changes the movie only while it is as it was when that was read; else it raises
    # EtagMismatchError.

    async def pause(self, name: str, *, etag: str = "") -> pb.Movie:
        """Holds the movie: what workers have in hand is finished, nothing follows it."""
        request = pb.PauseMovieRequest(name=name, etag=etag)
        return (await self._call(self._stub.PauseMovie(request, timeout=self._timeout))).movie

    async def resume(self, name: str, *, etag: str = "") -> pb.Movie:
        request = pb.ResumeMovieRequest(name=name, etag=etag)
        return (await self._call(self._stub.ResumeMovie(request, timeout=self._timeout))).movie

    async def cancel(self, name: str, *, etag: str = "") -> pb.Movie:
        request = pb.CancelMovieRequest(name=name, etag=etag)
        return (await self._call(self._stub.CancelMovie(request, timeout=self._timeout))).movie

    async def retry(self, name: str, budget: common_pb2.Budget | None = None, *, etag: str = "") -> pb.Movie:
        """Goes on with a failed or cancelled movie, with another budget where one is given."""
        request = pb.RetryMovieRequest(name=name, budget=budget, etag=etag)
        return (await self._call(self._stub.RetryMovie(request, timeout=self._timeout))).movie

    async def delete(self, name: str, *, etag: str = "") -> None:
        """Removes the movie and everything stored for it."""
        request = pb.DeleteMovieRequest(name=name, etag=etag)
        await self._call(self._stub.DeleteMovie(request, timeout=self._timeout))

    async def forecast(self, project: str, movie: pb.Movie) -> pb.ForecastMovieResponse:
        """What such a movie will ask of language models and what that will cost; starts nothing."""
        request = pb.ForecastMovieRequest(parent=f"projects/{project}", movie=movie)
        return await self._call(self._stub.ForecastMovie(request, timeout=self._timeout))

    async def usage(self, project: str) -> pb.GetProjectUsageResponse:
        """What a project's movies have asked of language models, deleted ones included."""
        request = pb.GetProjectUsageRequest(parent=f"projects/{project}")
        return await self._call(self._stub.GetProjectUsage(request, timeout=self._timeout))

    def watch(self, name: str, from_revision: int = 0) -> AsyncIterator[pb.Movie]:
        """The movie as it is now and after every change, until it has ended.

        Where the connection breaks it goes on from the last revision that was seen; nothing comes twice.
        """
        return self._follow(
            lambda revision: self._stub.WatchMovie(pb.WatchMovieRequest(name=name, from_revision=revision)),
            lambda answer: answer.movie,
            lambda: self.get(name),
            lambda movie: movie.state in ENDED,
            from_revision,
        )

    async def wait(self, name: str) -> pb.Movie:
        """Returns the movie when it has ended."""
        async for movie in self.watch(name):
            if movie.state in ENDED:
                return movie
        return await self.get(name)
