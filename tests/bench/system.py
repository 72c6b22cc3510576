"""The frames through Reelmill: jobs on the bus, the render service, Triton, the object store, events."""

import asyncio
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tritonclient.grpc.aio import InferenceServerClient

from reelmill.v1 import common_pb2, events_pb2, movies_pb2, movies_pb2_grpc, render_pb2, script_pb2, style_pb2
from reelmill_kit import cloudevents
from reelmill_kit.bus import Bus
from reelmill_kit.names import MovieName
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store
from reelmill_local import LocalStack
from reelmill_render.connection import TritonConnection
from reelmill_render.domain import Model, Picture
from reelmill_render.triton import TritonRenderer
from tests.support.stack import channel_to

PROJECT = "bench"


@dataclass(frozen=True, slots=True)
class Made:
    seconds: float
    """From the first job's publication until the last frame is told of."""
    triton_seconds: float
    """Of these, how long Triton computed (input, denoising and decoding, output; batches do not overlap)."""
    batches: int
    pixels: list[NDArray[np.uint8]]


class System:
    """A client of a running stack."""

    def __init__(self, stack: LocalStack) -> None:
        fields = {name.removeprefix("REELMILL_").lower(): value for name, value in stack.environment.items()}
        settings = ServiceSettings.model_validate(fields)
        self._stack = stack
        self._bus = Bus(settings, "bench")
        self._store = S3Store(settings)
        self._triton = InferenceServerClient(stack.addresses["triton"])

    async def __aenter__(self) -> "System":
        await self._bus.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._triton.close()
        await self._bus.close()

    async def model(self) -> Model:
        """Triton's model; it is warm after that."""
        triton = TritonConnection(self._stack.addresses["triton"])
        try:
            return await TritonRenderer(triton, "diffusion", frame_timeout=300).model()
        finally:
            await triton.close()

    async def make_movie(self) -> None:
        """A small movie through all services, so that their memory is that of services that have worked."""
        async with channel_to(self._stack, "movies") as channel:
            movies = movies_pb2_grpc.MovieServiceStub(channel)
            wanted = movies_pb2.Movie(
                theme="A gardener finds a door",
                shape=script_pb2.ScriptShape(chapters=1, scenes=1, frames=2),
                style_options=style_pb2.StyleOptions(steps=4, references=4),
            )
            asked = movies_pb2.CreateMovieRequest(parent=f"projects/{PROJECT}", movie=wanted)
            created = (await movies.CreateMovie(asked)).movie
            while created.state in (movies_pb2.Movie.STATE_PENDING, movies_pb2.Movie.STATE_RUNNING):
                await asyncio.sleep(0.5)
                created = (await movies.GetMovie(movies_pb2.GetMovieRequest(name=created.name))).movie
            if created.state != movies_pb2.Movie.STATE_SUCCEEDED:
                raise RuntimeError(f"the movie did not succeed: {created.failure.message}")

    async def draw(self, movie: str, pictures: Sequence[Picture]) -> Made:
        """Publishes a job for each picture, all at once as the front door does, and waits for all."""
        name = MovieName(PROJECT, movie)
        told = asyncio.Event()
        left = set(range(len(pictures)))
        failures: list[str] = []
        frames = await self._bus.client.subscribe(name.any_frame_subject)

        async def listen() -> None:
            async for message in frames.messages:
                event = cloudevents.decode_message(
                    cloudevents.decode(message.headers, message.data), events_pb2.FrameEvent
                )
                if event.HasField("failure"):
                    failures.append(event.failure.message)
                left.discard(event.index)
                if not left or failures:
                    told.set()

        listening = asyncio.create_task(listen())
        before = await self._computed()
        begun = time.monotonic()
        await asyncio.gather(*(self._publish(name, i, picture) for i, picture in enumerate(pictures)))
        await told.wait()
        seconds = time.monotonic() - begun
        listening.cancel()
        await frames.unsubscribe()
        if failures:
            raise RuntimeError(f"a frame failed: {failures[0]}")
        after = await self._computed()
        pixels = [await self._pixels(name, i) for i in range(len(pictures))]
        return Made(seconds, after[0] - before[0], after[1] - before[1], pixels)

    def memory_mb(self) -> dict[str, float]:
        return {p["name"]: p["memory_mb"] for p in self._stack.status()["processes"]}

    async def _publish(self, name: MovieName, index: int, picture: Picture) -> None:
        drawing = picture.drawing
        request = render_pb2.RenderFramesRequest(
            movie=str(name),
            drawing=render_pb2.DrawingOptions(
                steps=drawing.steps,
                guidance_scale=drawing.guidance_scale,
                scheduler=drawing.scheduler,
                width=drawing.width,
                height=drawing.height,
            ),
        )
        request.frames.add(
            index=index, prompt=picture.prompt, negative_prompt=picture.negative_prompt, seed=picture.seed
        )
        job = events_pb2.StageJob(movie=str(name), run=1, render=request)
        event = cloudevents.event_of(job, type="reelmill.render.requested", source="bench", subject=str(name))
        await self._bus.publish(name.job_subject(common_pb2.STAGE_RENDER), event)

    async def _computed(self) -> tuple[float, int]:
        """Seconds that Triton has computed, and batches."""
        statistics = (await self._triton.get_inference_statistics("diffusion")).model_stats[0]
        parts = [
            p for b in statistics.batch_stats for p in (b.compute_input, b.compute_infer, b.compute_output)
        ]
        return sum(part.ns for part in parts) / 1e9, int(statistics.execution_count)

    async def _pixels(self, name: MovieName, index: int) -> NDArray[np.uint8]:
        return np.asarray(Image.open(io.BytesIO(await self._store.get(name.frame_key(index)))))
