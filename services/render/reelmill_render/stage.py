"""The core of the render stage, the same behind gRPC and jobs."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from weakref import WeakValueDictionary

from reelmill.v1 import events_pb2, render_pb2
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import instruments

from .archive import FrameArchive
from .attempts import draw_judged, draw_once
from .domain import Drawing, Picture
from .embeddings import Embeddings
from .gate import Gate, Policy, write_lineage
from .ports import Judge, Pixels, Renderer, Replaced, Vector
from .references import OwnStyles
from .validation import check_request


@dataclass(frozen=True, slots=True)
class Rendered:
    key_frame: render_pb2.KeyFrame
    image: bytes
    """The PNG; b"" where it was reused and not asked for."""
    reused: bool


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A frame to make: the picture asked for, and what it is held to where it is judged."""

    picture: Picture
    embedding: bytes
    gate: Gate | None
    own_style: Vector | None

    @property
    def input_digest(self) -> str:
        return self.picture.input_digest if self.gate is None else self.gate.input_digest(self.picture)


class RenderStage:
    def __init__(
        self, store: ObjectStore, renderer: Renderer, judge: Judge, policy: Policy, concurrency: int
    ) -> None:
        """`policy`: how frames are judged where a request does not say. `concurrency`: frames of one call
        that are under way at a time."""
        self._archive = FrameArchive(store)
        self._renderer = renderer
        self._judge = judge
        self._policy = policy
        self._embeddings = Embeddings(store)
        self._own_styles = OwnStyles(store, judge)
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
        # Should the same frame be asked for twice at once, the second finds what the first has stored.
        key = movie.frame_key(frame.index)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            try:
                return await self._make(movie, request, frame)
            except Replaced:
                # Triton came back with another model or judge. Its defaults may differ: ask, then do it anew.
                self._renderer.forget_model()
                self._judge.forget()
            try:
                return await self._make(movie, request, frame)
            except Replaced as replaced:
                raise ReelmillError(
                    Reason.RENDERER_UNAVAILABLE,
                    f"Triton's replicas serve different {replaced.what}s ({replaced.answered[:12]} and "
                    f"{replaced.asked[:12]}); give all of them the same one",
                ) from replaced

    async def _make(
        self, movie: MovieName, request: render_pb2.RenderFramesRequest, frame: render_pb2.FrameRequest
    ) -> Rendered:
        """The stored frame or a new one. Raises Replaced where Triton changed while it was drawn."""
        wanted = await self._wanted(request, frame)
        stored = await self._archive.find(
            movie, frame.index, wanted.input_digest, with_image=request.include_images
        )
        if stored is not None:
            instruments().frames.add(1, {"outcome": "reused"})
            return Rendered(*stored, reused=True)
        key_frame, pixels = await self._draw(frame.index, wanted)
        image = await self._archive.keep(movie, key_frame, pixels)
        instruments().frames.add(1, {"outcome": "drawn"})
        if wanted.gate is not None:
            instruments().frames_judged.add(1, {"result": "passed" if key_frame.passed else "failed"})
        return Rendered(key_frame, image, reused=False)

    async def _wanted(
        self, request: render_pb2.RenderFramesRequest, frame: render_pb2.FrameRequest
    ) -> _Wanted:
        embedding, embedding_digest = await self._embeddings.get(request.style)
        model = await self._renderer.model()
        picture = Picture.of(frame, Drawing.from_proto(request.drawing), model, embedding_digest)
        limits = self._policy.limits_for(request.gate)
        if limits is None:
            return _Wanted(picture, embedding, None, None)
        judge_digest = await self._judge.digest()
        own = await self._own_styles.get(request.style.reference_keys, judge_digest)
        gate = Gate(limits, frame.judged_prompt or frame.prompt, judge_digest, own.digest if own else "")
        return _Wanted(picture, embedding, gate, own.vector if own else None)

    async def _draw(self, index: int, wanted: _Wanted) -> tuple[render_pb2.KeyFrame, Pixels]:
        if wanted.gate is None:
            drawn = await draw_once(self._renderer, wanted.picture, wanted.embedding)
            return wanted.picture.key_frame(index), drawn.pixels
        judged = await draw_judged(
            self._renderer, self._judge, wanted.picture, wanted.embedding, wanted.gate, wanted.own_style
        )
        instruments().redraws.add(len(judged.attempts) - 1)
        key_frame = judged.picture.key_frame(index)
        write_lineage(key_frame, wanted.picture, wanted.gate, judged.attempts, judged.kept)
        return key_frame, judged.drawn.pixels
