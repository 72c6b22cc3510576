"""The dataset service: `python -m reelmill_dataset`, settings in REELMILL_ environment variables."""

import asyncio

from pydantic import ValidationError

from reelmill.v1 import benchmark_pb2, benchmark_pb2_grpc, common_pb2, dataset_pb2, dataset_pb2_grpc
from reelmill_benchmark.service import BenchmarkService
from reelmill_benchmark.settings import configured_judges
from reelmill_benchmark.stage import BenchmarkStage
from reelmill_kit.bus import Bus
from reelmill_kit.errors import ReelmillError
from reelmill_kit.jobs import JobWorker
from reelmill_kit.runtime import Runtime
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store

from .releases.stage import ReleaseStage
from .service import DatasetJobs, DatasetService
from .stage import DatasetStage


async def serve() -> None:
    settings = ServiceSettings()
    bus = Bus(settings, "dataset", common_pb2.STAGE_DATASET)
    store = S3Store(settings)
    stage = DatasetStage(store)
    releases = ReleaseStage(store)
    try:
        judges = configured_judges()
    except ReelmillError as error:
        raise SystemExit(f"settings: {error.message}") from None
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
    benchmarks = (
        benchmark_pb2_grpc.add_BenchmarkServiceServicer_to_server,
        BenchmarkService(BenchmarkStage(store, releases, judges)),
        benchmark_pb2.DESCRIPTOR.services_by_name["BenchmarkService"].full_name,
    )
    try:
        await runtime.run([(add, DatasetService(stage, releases), name), benchmarks], [worker.run])
    finally:
        for judge in judges:
            await judge.close()


def main() -> None:
    try:
        asyncio.run(serve())
    except ValidationError as error:
        raise SystemExit(f"settings: {error}") from None
