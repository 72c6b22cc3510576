"""The render service: one process, gRPC and jobs side by side."""

import asyncio

from pydantic import ValidationError

from reelmill.v1 import common_pb2, render_pb2_grpc
from reelmill_kit.bus import Bus
from reelmill_kit.errors import ReelmillError
from reelmill_kit.jobs import JobWorker
from reelmill_kit.runtime import Runtime
from reelmill_kit.store import S3Store
from reelmill_kit.tls import Certificates, TlsSettings

from .connection import TritonConnection
from .service import RenderServicer
from .settings import RenderSettings
from .stage import RenderStage
from .triton import TritonRenderer
from .triton_judge import TritonJudge


async def main() -> None:
    settings = RenderSettings()
    bus = Bus(settings, "render", common_pb2.STAGE_RENDER)
    runtime = Runtime("render", settings, bus)
    store = S3Store(settings)
    try:
        certificates = Certificates.configured(TlsSettings())
        triton = TritonConnection(settings.triton_url, certificates, settings.frame_timeout)
    except ReelmillError as error:
        raise SystemExit(f"settings: {error.message}") from None
    renderer = TritonRenderer(triton, settings.triton_model, settings.frame_timeout)
    judge = TritonJudge(triton, settings.triton_judge, settings.frame_timeout)
    stage = RenderStage(store, renderer, judge, settings.policy(), settings.job_concurrency)
    runtime.needs("object store", store.check)
    runtime.needs("Triton", renderer.check)
    if settings.gate == "on":
        runtime.needs("the gate's judge", judge.check)
    worker = JobWorker(
        bus,
        common_pb2.STAGE_RENDER,
        stage.handle_job,
        concurrency=settings.job_concurrency,
        ack_wait=settings.job_ack_wait,
        ready=runtime.ready,
    )
    try:
        await runtime.run(
            [
                (
                    render_pb2_grpc.add_RenderServiceServicer_to_server,
                    RenderServicer(stage),
                    "reelmill.v1.RenderService",
                )
            ],
            [worker.run],
        )
    finally:
        renderer.close()
        judge.close()
        await triton.close()


def run() -> None:
    try:
        asyncio.run(main())
    except ValidationError as error:
        raise SystemExit(f"settings: {error}") from None
