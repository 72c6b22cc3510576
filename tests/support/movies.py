"""Movies on a whole local stack: asked for by gRPC, followed to their end, read from the object store."""

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from minio import Minio

from reelmill.v1 import movies_pb2, movies_pb2_grpc, render_pb2, script_pb2, style_pb2
from reelmill_local import LocalStack

from .stack import channel_to

Movie = movies_pb2.Movie


def wanted(
    *, chapters: int = 2, scenes: int = 2, frames: int = 3, steps: int = 6, **fields: Any
) -> movies_pb2.Movie:
    """A small movie that is made in seconds with a tiny model."""
    asked = {"theme": "A lighthouse keeper adopts a storm", "seed": 7, **fields}
    return Movie(
        shape=script_pb2.ScriptShape(chapters=chapters, scenes=scenes, frames=frames),
        drawing=render_pb2.DrawingOptions(steps=steps, width=64, height=64),
        style_options=style_pb2.StyleOptions(steps=12, references=2),
        **asked,
    )


@dataclass
class StackClient:
    """A caller of the stack's front door who may also look into its bucket."""

    stack: LocalStack

    async def create(self, movie: movies_pb2.Movie, request_id: str, project: str = "acme") -> str:
        request = movies_pb2.CreateMovieRequest(
            parent=f"projects/{project}", request_id=request_id, movie=movie
        )
        async with self._channel() as channel:
            reply = await movies_pb2_grpc.MovieServiceStub(channel).CreateMovie(
                request, wait_for_ready=True, timeout=60
            )
        return str(reply.movie.name)

    async def get(self, name: str) -> movies_pb2.Movie:
        async with self._channel() as channel:
            stub = movies_pb2_grpc.MovieServiceStub(channel)
            reply = await stub.GetMovie(
                movies_pb2.GetMovieRequest(name=name), wait_for_ready=True, timeout=60
            )
        return reply.movie

    async def until(
        self, name: str, reached: Callable[[movies_pb2.Movie], bool], timeout: float = 180
    ) -> movies_pb2.Movie:
        """Waits until `reached`, through outages of the front door; fails when the movie ends otherwise."""
        async with asyncio.timeout(timeout):
            while True:
                try:
                    movie = await self.get(name)
                except grpc.aio.AioRpcError as error:
                    if error.code() != grpc.StatusCode.UNAVAILABLE:
                        raise
                else:
                    if reached(movie):
                        return movie
                    assert movie.state not in (Movie.STATE_FAILED, Movie.STATE_CANCELLED), movie
                    assert movie.state != Movie.STATE_SUCCEEDED, f"it ended before: {movie}"
                await asyncio.sleep(0.05)

    async def ended(self, name: str, timeout: float = 180) -> movies_pb2.Movie:
        return await self.until(name, lambda movie: movie.state == Movie.STATE_SUCCEEDED, timeout)

    def put(self, key: str, data: bytes) -> None:
        self._s3().put_object("reelmill", key, io.BytesIO(data), len(data))

    def objects(self, prefix: str) -> dict[str, Any]:
        """Last-modified times by key."""
        found = self._s3().list_objects("reelmill", prefix=prefix, recursive=True)
        return {str(o.object_name): o.last_modified for o in found}

    def read(self, key: str) -> bytes:
        answer = self._s3().get_object("reelmill", key)
        try:
            return bytes(answer.read())
        finally:
            answer.close()
            answer.release_conn()

    def document(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.read(key))
        return found

    def frames(self, name: str) -> dict[str, Any]:
        """Last-modified times of the drawn frames, by key."""
        return {key: time for key, time in self.objects(f"{name}/frames/").items() if key.endswith(".png")}

    def _channel(self) -> grpc.aio.Channel:
        return channel_to(self.stack, "movies")

    def _s3(self) -> Minio:
        settings = self.stack.environment
        return Minio(
            settings["REELMILL_S3_ENDPOINT"].removeprefix("http://"),
            access_key=settings["REELMILL_S3_ACCESS_KEY"],
            secret_key=settings["REELMILL_S3_SECRET_KEY"],
            secure=False,
            region="us-east-1",
        )
