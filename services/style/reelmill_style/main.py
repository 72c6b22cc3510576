"""The style service: `python -m reelmill_style`, settings in REELMILL_ environment variables."""

import asyncio

from pydantic import ValidationError

from reelmill.v1 import common_pb2, style_pb2, style_pb2_grpc
from reelmill_kit.bus import Bus
from reelmill_kit.jobs import JobWorker
from reelmill_kit.runtime import Runtime
from reelmill_kit.store import S3Store

from .diffusion import DiffusionLearner
from .domain import Defaults
from .service import StyleJobs, StyleServicer
from .settings import StyleSettings
from .stage import StyleStage


async def serve() -> None:
    settings = StyleSettings()
    bus = Bus(settings, "style", common_pb2.STAGE_STYLE)
    runtime = Runtime("style", settings, bus)
    store = S3Store(settings)
    learner = DiffusionLearner(
        settings.diffusion_model,
        device=settings.diffusion_device,
        dtype=settings.diffusion_dtype,
        threads=settings.torch_threads,
    )
    defaults = Defaults(
        steps=settings.style_steps,
        vectors=settings.style_vectors,
        references=settings.style_references,
        batch_size=settings.style_batch_size,
        portraits=settings.character_portraits,
        character_steps=settings.character_steps,
    )
    stage = StyleStage(store, learner, defaults)
    runtime.needs("object store", store.check)
    runtime.needs("diffusion model", learner.check)
    worker = JobWorker(
        bus,
        common_pb2.STAGE_STYLE,
        StyleJobs(stage),
        concurrency=settings.job_concurrency,
        ack_wait=settings.job_ack_wait,
        ready=runtime.ready,
    )
    name = style_pb2.DESCRIPTOR.services_by_name["StyleService"].full_name
    add = style_pb2_grpc.add_StyleServiceServicer_to_server
    await runtime.run([(add, StyleServicer(stage), name)], [worker.run])


def main() -> None:
    try:
        asyncio.run(serve())
    except ValidationError as error:
        raise SystemExit(f"settings: {error}") from None
