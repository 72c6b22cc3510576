"""A MovieService in memory, behind the real gRPC server kit, in a thread of its own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from reelmill.v1 import common_pb2, movies_pb2, movies_pb2_grpc
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.grpc_server import GrpcServer
from reelmill_kit.listing import Filter, check_etag, etag
from reelmill_kit.names import MovieName, ProjectName

from .batch_calls import BatchCalls

Movie = movies_pb2.Movie
NAME = movies_pb2.DESCRIPTOR.services_by_name["MovieService"].full_name


class Movies(BatchCalls, movies_pb2_grpc.MovieServiceServicer):
    """Remembers movies; a movie's `story` is the states that watching it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.movies: dict[str, Movie] = {}
        self.story = [Movie.STATE_PENDING, Movie.STATE_RUNNING, Movie.STATE_SUCCEEDED]
        self.watched_from: list[int] = []
        self.break_after: int | None = None
        self.artefacts_uri = "s3://reelmill/projects/films/movies/m-1/"

    async def CreateMovie(self, request: movies_pb2.CreateMovieRequest, context: Any) -> Any:
        project = ProjectName.parse(request.parent, "parent").project
        if not (request.movie.theme or request.movie.story_key):
            raise invalid("movie.theme", "is empty; 1 to 2000 characters are needed")
        name = str(MovieName.for_request(project, request.request_id))
        if name not in self.movies:
            movie = Movie()
            movie.CopyFrom(request.movie)
            movie.name, movie.request_id, movie.state = name, request.request_id, Movie.STATE_PENDING
            movie.artefacts_uri = self.artefacts_uri
            movie.create_time.GetCurrentTime()
            self.movies[name] = movie
        return movies_pb2.CreateMovieResponse(movie=self.movies[name])

    async def GetMovie(self, request: movies_pb2.GetMovieRequest, context: Any) -> Any:
        return movies_pb2.GetMovieResponse(movie=self._movie(request.name))

    async def ListMovies(self, request: movies_pb2.ListMoviesRequest, context: Any) -> Any:
        wanted = Filter(request.filter, Movie)
        found = [m for m in self.movies.values() if not request.states or m.state in request.states]
        found = [m for m in found if wanted.matches(m)]
        start = int(request.page_token or 0)
        stop = start + (request.page_size or 50)
        token = str(stop) if stop < len(found) else ""
        return movies_pb2.ListMoviesResponse(movies=found[start:stop], next_page_token=token)

    async def WatchMovie(self, request: movies_pb2.WatchMovieRequest, context: Any) -> AsyncIterator[Any]:
        self.watched_from.append(request.from_revision)
        movie = self._movie(request.name)
        for sent, revision in enumerate(range(request.from_revision + 1, len(self.story) + 1)):
            if self.break_after == sent:
                raise ReelmillError(Reason.BUS_UNAVAILABLE, "NATS is away")
            self._tell(movie, revision)
            yield movies_pb2.WatchMovieResponse(movie=movie)
            await asyncio.sleep(0.01)

    async def PauseMovie(self, request: movies_pb2.PauseMovieRequest, context: Any) -> Any:
        self._movie(request.name, request.etag).paused = True
        return movies_pb2.PauseMovieResponse(movie=self._movie(request.name))

    async def ResumeMovie(self, request: movies_pb2.ResumeMovieRequest, context: Any) -> Any:
        self._movie(request.name, request.etag).paused = False
        return movies_pb2.ResumeMovieResponse(movie=self._movie(request.name))

    async def CancelMovie(self, request: movies_pb2.CancelMovieRequest, context: Any) -> Any:
        self._movie(request.name, request.etag).state = Movie.STATE_CANCELLED
        return movies_pb2.CancelMovieResponse(movie=self._movie(request.name))

    async def RetryMovie(self, request: movies_pb2.RetryMovieRequest, context: Any) -> Any:
        movie = self._movie(request.name, request.etag)
        if movie.state not in (Movie.STATE_FAILED, Movie.STATE_CANCELLED):
            raise ReelmillError(Reason.WRONG_STATE, f"{movie.name} cannot be retried", state="PENDING")
        movie.state = Movie.STATE_PENDING
        return movies_pb2.RetryMovieResponse(movie=movie)

    async def DeleteMovie(self, request: movies_pb2.DeleteMovieRequest, context: Any) -> Any:
        self._movie(request.name, request.etag)
        del self.movies[request.name]
        return movies_pb2.DeleteMovieResponse()

    async def ForecastMovie(self, request: movies_pb2.ForecastMovieRequest, context: Any) -> Any:
        """Ten calls a chapter for the script, one a chapter for questions."""
        shape = request.movie.shape
        script = common_pb2.Usage(calls=10 * shape.chapters, input_tokens=12_000, cost_micros=1_500_000)
        return movies_pb2.ForecastMovieResponse(
            usage=common_pb2.Usage(calls=11 * shape.chapters, input_tokens=12_000, cost_micros=1_500_000),
            script=script,
            qa=common_pb2.Usage(calls=shape.chapters),
            frames=shape.chapters * shape.scenes * shape.frames,
            questions=40,
            script_writer="test-model",
            qa_writer="offline",
        )

    async def GetProjectUsage(self, request: movies_pb2.GetProjectUsageRequest, context: Any) -> Any:
        usage = common_pb2.Usage(calls=7, input_tokens=1234, output_tokens=56)
        return movies_pb2.GetProjectUsageResponse(
            usage=usage,
            movies=len(self.movies),
            stages=[movies_pb2.StageUsage(stage=common_pb2.STAGE_SCRIPT, usage=usage)],
            frames=27,
            movies_running=movies_pb2.Allowance(used=1),
            frames_today=movies_pb2.Allowance(used=27, limit=5000, renew_time=Timestamp(seconds=1796083200)),
            cost_micros_this_month=movies_pb2.Allowance(used=1_500_000, limit=2_000_000),
        )

    def _movie(self, name: str, given: str = "") -> Movie:
        """`given`: the caller's etag."""
        if name not in self.movies:
            raise ReelmillError(Reason.NOT_FOUND, f"there is no movie {name}", movie=name)
        movie = self.movies[name]
        movie.etag = etag(movie.state, movie.paused)
        check_etag(name, given, movie.etag)
        return movie

    def _tell(self, movie: Movie, revision: int) -> None:
        movie.revision, movie.state = revision, self.story[revision - 1]
        running = movie.state == Movie.STATE_RUNNING
        del movie.stages[:]
        movie.stages.add(
            stage=common_pb2.STAGE_RENDER,
            state=movies_pb2.StageStatus.STATE_RUNNING if running else movies_pb2.StageStatus.STATE_DONE,
            progress=common_pb2.Progress(message="drawing frames", done=14, total=27),
        )
        if movie.state == Movie.STATE_FAILED:
            movie.failure.reason, movie.failure.message = "LLM_REFUSED", "the model\nrefused"


class Endless(Movies):
    """Whoever watches sees one state, and waits; says who waits."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0

    async def WatchMovie(self, request: movies_pb2.WatchMovieRequest, context: Any) -> AsyncIterator[Any]:
        self.waiting += 1
        try:
            yield movies_pb2.WatchMovieResponse(movie=Movie(revision=1, state=Movie.STATE_RUNNING))
            await asyncio.sleep(60)
        finally:
            self.waiting -= 1


@contextmanager
def serving(movies: Movies, port: int = 0, help_url: str = "") -> Iterator[str]:
    """The address of a server that runs as long as the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server: GrpcServer | None = None

    async def start() -> tuple[GrpcServer, int]:
        add = movies_pb2_grpc.add_MovieServiceServicer_to_server
        made = GrpcServer([(add, movies, NAME)], help_url=help_url)
        return made, await made.start(f"127.0.0.1:{port}")

    try:
        server, found = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        yield f"127.0.0.1:{found}"
    finally:
        if server is not None:
            asyncio.run_coroutine_threadsafe(server.stop(0), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
