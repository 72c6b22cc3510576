"""The script service: `python -m reelmill_script`, settings in REELMILL_ environment variables."""

import asyncio

from pydantic import ValidationError

from reelmill.v1 import common_pb2, script_pb2, script_pb2_grpc
from reelmill_kit.bus import Bus
from reelmill_kit.jobs import JobWorker
from reelmill_kit.runtime import Runtime
from reelmill_kit.store import S3Store
from reelmill_llm import LlmSettings, open_llm

from .domain import Writer
from .forecast import ScriptForecaster
from .llm.writer import LlmWriter
from .offline.writer import OfflineWriter
from .service import ScriptJobs, ScriptService
from .settings import ScriptSettings
from .stage import ScriptStage
from .themes import Inventor
from .themes.language_model import LlmInventor
from .themes.offline import OfflineInventor
from .tokens import open_tokens


async def serve() -> None:
    settings = ScriptSettings()
    bus = Bus(settings, "script", common_pb2.STAGE_SCRIPT)
    store = S3Store(settings)
    llm_settings = LlmSettings()
    llm = open_llm(llm_settings)
    writer: Writer = OfflineWriter()
    inventor: Inventor = OfflineInventor()
    try:
        tokens = open_tokens(settings.diffusion_model)
    except ValueError as error:
        raise SystemExit(f"REELMILL_DIFFUSION_MODEL: {error}") from None
    if llm:
        writer = LlmWriter(llm, store, tokens, settings.script_near_duplicates)
        inventor = LlmInventor(llm, store)
    stage = ScriptStage(writer, store, tokens)
    worker = JobWorker(
        bus,
        common_pb2.STAGE_SCRIPT,
        ScriptJobs(stage),
        concurrency=settings.job_concurrency,
        ack_wait=settings.job_ack_wait,
    )
    runtime = Runtime("script", settings, bus)
    runtime.needs("object store", store.check)
    if llm:
        runtime.needs("language model", llm.check)
    service = ScriptService(stage, inventor, ScriptForecaster(llm, llm_settings))
    name = script_pb2.DESCRIPTOR.services_by_name["ScriptService"].full_name
    add = script_pb2_grpc.add_ScriptServiceServicer_to_server
    try:
        await runtime.run([(add, service, name)], [worker.run])
    finally:
        if llm:
            await llm.close()


def main() -> None:
    try:
        asyncio.run(serve())
    except ValidationError as error:
        raise SystemExit(f"settings: {error}") from None
