"""The dataset service: `python -m reelmill_dataset`, settings in REELMILL_ environment variables."""

import asyncio

from pydantic import ValidationError

from reelmill.v1 import common_pb2, dataset_pb2, dataset_pb2_grpc
from reelmill_kit.bus import Bus
from reelmill_kit.jobs import JobWorker
from reelmill_kit.runtime import Runtime
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store

from .releases.stage import ReleaseStage
from .service import DatasetJobs, DatasetService
from .stage import DatasetStage


async def serve() -> None:
    settings = ServiceSettings()
    bus = Bus(settings, "dataset")
    store = S3Store(settings)
    stage = DatasetStage(store)
    runtime = Runtime("dataset", settings, bus)
    runtime.needs("object store", store.check)
    worker = JobWorker(
        bus,
        common_pb2.STAGE_DATASET,
        DatasetJobs(stage),
        concurrency=settings.job_concurrency,
        ack_wait=settings.job_ack_wait,
        ready=runtime.ready,
    )
    name = dataset_pb2.DESCRIPTOR.services_by_name["DatasetService"].full_name
    add = dataset_pb2_grpc.add_DatasetServiceServicer_to_server
    await runtime.run([(add, DatasetService(stage, ReleaseStage(store)), name)], [worker.run])


def main() -> None:
    try:
        asyncio.run(serve())
    except ValidationError as error:
        raise SystemExit(f"settings: {error}") from None
