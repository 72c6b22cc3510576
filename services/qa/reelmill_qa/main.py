"""The QA service: `python -m reelmill_qa`, settings in REELMILL_ environment variables."""

import asyncio

from pydantic import ValidationError

from reelmill.v1 import common_pb2, qa_pb2, qa_pb2_grpc
from reelmill_kit.bus import Bus
from reelmill_kit.jobs import JobWorker
from reelmill_kit.runtime import Runtime
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store
from reelmill_llm import LlmSettings, open_llm

from .service import QaJobs, QaService
from .stage import QaStage


async def serve() -> None:
    settings = ServiceSettings()
    bus = Bus(settings, "qa", common_pb2.STAGE_QA)
    store = S3Store(settings)
    llm = open_llm(LlmSettings())
    stage = QaStage(store, llm)
    worker = JobWorker(
        bus,
        common_pb2.STAGE_QA,
        QaJobs(stage),
        concurrency=settings.job_concurrency,
        ack_wait=settings.job_ack_wait,
    )
    runtime = Runtime("qa", settings, bus)
    runtime.needs("object store", store.check)
    if llm:
        runtime.needs("language model", llm.check)
    name = qa_pb2.DESCRIPTOR.services_by_name["QaService"].full_name
    add = qa_pb2_grpc.add_QaServiceServicer_to_server
    try:
        await runtime.run([(add, QaService(stage), name)], [worker.run])
    finally:
        if llm:
            await llm.close()


def main() -> None:
    try:
        asyncio.run(serve())
    except ValidationError as error:
        raise SystemExit(f"settings: {error}") from None
