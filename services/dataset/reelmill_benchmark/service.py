"""The gRPC door of benchmarks."""

from collections.abc import AsyncIterator
from typing import Any

from reelmill.v1 import benchmark_pb2, benchmark_pb2_grpc
from reelmill_kit.progress import stream

from .stage import BenchmarkStage


class BenchmarkService(benchmark_pb2_grpc.BenchmarkServiceServicer):
    def __init__(self, stage: BenchmarkStage) -> None:
        self._stage = stage

    async def RunBenchmark(
        self, request: benchmark_pb2.RunBenchmarkRequest, context: Any
    ) -> AsyncIterator[benchmark_pb2.RunBenchmarkResponse]:
        async for update in stream(lambda report: self._stage.run(request, report)):
            if isinstance(update, benchmark_pb2.BenchmarkReport):
                yield benchmark_pb2.RunBenchmarkResponse(report=update)
            else:
                yield benchmark_pb2.RunBenchmarkResponse(progress=update)
