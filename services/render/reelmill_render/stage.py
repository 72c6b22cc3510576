"""The core of the render stage, the same behind gRPC and jobs."""

import asyncio
import hashlib
import io
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from weakref import WeakValueDictionary

import numpy as np
from google.protobuf import json_format
from numpy.typing import NDArray
from PIL import Image

from reelmill.v1 import events_pb2, render_pb2
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import instruments

from .domain import Drawing, Picture
from .embeddings import Embeddings
from .ports import Drawn, Renderer
from .validation import check_request


@dataclass(frozen=True, slots=True)
class Rendered:
    key_frame: render_pb2.KeyFrame
    image: bytes
    """The PNG; b"" where it was reused and not asked for."""
    reused: bool


class RenderStage:
    def __init__(self, store: ObjectStore, renderer: Renderer, concurrency: int) -> None:
        """`concurrency`: frames of one call that are under way at a time."""
        self._store = store
        self._renderer = renderer
        self._embeddings = Embeddings(store)
        self._concurrency = concurrency
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def render(self, request: render_pb2.RenderFramesRequest) -> AsyncGenerator[Rendered, None]:
        """Yields each frame as it is stored, in any order.

        The first failure ends it: it names its frame in the metadata. Closing it cancels the rest.
        """
        movie = check_request(request)
        waiting = iter(request.frames)
        running: set[asyncio.Task[Rendered]] = set()
        try:
            while True:
                while len(running) < self._concurrency and (frame := next(waiting, None)) is not None:
                    running.add(asyncio.create_task(self._render_one(movie, request, frame)))
                if not running:
                    return
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    running.discard(task)
                    yield task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def handle_job(self, job: events_pb2.StageJob, report: Report) -> events_pb2.FrameEvent:
        """One frame from the bus. A frame is short: it has no progress."""
        if job.WhichOneof("request") != "render":
            raise invalid("request", "a render job carries a RenderFramesRequest")
        if job.render.movie != job.movie:
            raise invalid("render.movie", "is not the movie of the job")
        movie = check_request(job.render)
        if len(job.render.frames) != 1:
            raise invalid("render.frames", f"a render job is one frame, not {len(job.render.frames)}")
        rendered = await self._render_one(movie, job.render, job.render.frames[0])
        return events_pb2.FrameEvent(
            index=rendered.key_frame.index,
            image_key=rendered.key_frame.image_key,
            image_digest=rendered.key_frame.image_digest,
        )

    async def _render_one(
        self, movie: MovieName, request: render_pb2.RenderFramesRequest, frame: render_pb2.FrameRequest
    ) -> Rendered:
        try:
            return await self._draw_or_reuse(movie, request, frame)
        except ReelmillError as error:
            error.metadata.setdefault("frame", str(frame.index))
            raise

    async def _draw_or_reuse(
        self, movie: MovieName, request: render_pb2.RenderFramesRequest, frame: render_pb2.FrameRequest
    ) -> Rendered:
        embedding, embedding_digest = await self._embeddings.get(request.style)
        drawing = Drawing.from_proto(request.drawing)
        # Should the same frame be asked for twice at once, the second finds what the first has stored.
        key = movie.frame_key(frame.index)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            picture = Picture.of(frame, drawing, await self._renderer.model(), embedding_digest)
            if stored := await self._reuse(movie, frame.index, picture, with_image=request.include_images):
                instruments().frames.add(1, {"outcome": "reused"})
                return stored
            drawn = await self._renderer.draw(picture, embedding)
            if drawn.model_digest != picture.model_digest:
                # Triton came back with another model. Its defaults may differ: ask, then draw again.
                self._renderer.forget_model()
                picture = Picture.of(frame, drawing, await self._renderer.model(), embedding_digest)
                drawn = await self._renderer.draw(picture, embedding)
            rendered = await self._keep(movie, frame.index, picture, drawn)
        instruments().frames.add(1, {"outcome": "drawn"})
        return rendered

    async def _reuse(
        self, movie: MovieName, index: int, picture: Picture, *, with_image: bool
    ) -> Rendered | None:
        """The stored frame if it was drawn from the same values and is whole; else it is made void."""
        try:
            lineage = await self._store.get(movie.lineage_key(index))
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return None
        key_frame = _read_lineage(lineage)
        if key_frame is not None and key_frame.input_digest == picture.input_digest:
            if not with_image:
                if await self._store.exists(key_frame.image_key):
                    return Rendered(key_frame, b"", reused=True)
            elif (image := await self._image(key_frame)) is not None:
                return Rendered(key_frame, image, reused=True)
        # The picture will be replaced, and a lineage must never stand beside a picture that is not its own.
        await self._store.delete_prefix(movie.lineage_key(index))
        return None

    async def _image(self, key_frame: render_pb2.KeyFrame) -> bytes | None:
        try:
            image = await self._store.get(key_frame.image_key)
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return None
        return image if hashlib.sha256(image).hexdigest() == key_frame.image_digest else None

    async def _keep(self, movie: MovieName, index: int, picture: Picture, drawn: Drawn) -> Rendered:
        if drawn.model_digest != picture.model_digest:
            raise ReelmillError(
                Reason.RENDERER_UNAVAILABLE,
                "Triton's replicas serve different diffusion models "
                f"({drawn.model_digest[:12]} and {picture.model_digest[:12]}); give all of them the same one",
            )
        image = await asyncio.to_thread(encode_png, drawn.pixels)
        key_frame = picture.key_frame(index, movie.frame_key(index), hashlib.sha256(image).hexdigest())
        await self._store.put(key_frame.image_key, image, "image/png")
        lineage = json_format.MessageToJson(key_frame).encode()
        await self._store.put(movie.lineage_key(index), lineage, "application/json")
        return Rendered(key_frame, image, reused=False)


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """`pixels`: height x width x 3, RGB."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def _read_lineage(data: bytes) -> render_pb2.KeyFrame | None:
    try:
        return json_format.Parse(data, render_pb2.KeyFrame(), ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError):
        return None  # damaged: as good as none
