"""Asks MovieService for a movie and follows it until it has ended."""

import asyncio
from collections.abc import AsyncIterator

import grpc

from reelmill.v1 import movies_pb2 as pb
from reelmill.v1 import movies_pb2_grpc

ENDED = {pb.Movie.STATE_SUCCEEDED, pb.Movie.STATE_FAILED, pb.Movie.STATE_CANCELLED}
RECONNECT_PAUSE = 1.0
RECONNECT_LIMIT = 60


async def create(channel: grpc.aio.Channel, project: str, movie: pb.Movie, request_id: str) -> pb.Movie:
    """Creates the movie; the same request_id again gives the same movie."""
    request = pb.CreateMovieRequest(parent=f"projects/{project}", movie=movie, request_id=request_id)
    answer = await movies_pb2_grpc.MovieServiceStub(channel).CreateMovie(request, timeout=30)
    return answer.movie


async def watch(channel: grpc.aio.Channel, name: str) -> AsyncIterator[pb.Movie]:
    """Every change of a movie, the last one when it has ended. Outlives a restart of the service."""
    stub = movies_pb2_grpc.MovieServiceStub(channel)
    revision = 0
    failures = 0
    while True:
        try:
            async for answer in stub.WatchMovie(pb.WatchMovieRequest(name=name, from_revision=revision)):
                failures = 0
                revision = answer.movie.revision
                yield answer.movie
                if answer.movie.state in ENDED:
                    return
            failures += 1
        except grpc.aio.AioRpcError as error:
            failures += 1
            if error.code() != grpc.StatusCode.UNAVAILABLE or failures > RECONNECT_LIMIT:
                raise
        await asyncio.sleep(RECONNECT_PAUSE)
