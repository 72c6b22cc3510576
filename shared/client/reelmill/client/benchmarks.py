"""Benchmarks of BenchmarkService: answers that lie in the object store, judged."""

from collections.abc import AsyncIterable
from typing import cast

from reelmill.v1 import benchmark_pb2 as pb
from reelmill.v1 import benchmark_pb2_grpc

from .channel import Credentials
from .releases import ReleaseClient, Told, unheard


class BenchmarkClient(ReleaseClient):
    """A connection to one dataset service, which runs benchmarks too. Methods raise CallError."""

    def __init__(
        self, address: str, *, credentials: Credentials | None = None, timeout: float = 30.0
    ) -> None:
        """As ReleaseClient."""
        super().__init__(address, credentials=credentials, timeout=timeout)
        self._benchmarks = benchmark_pb2_grpc.BenchmarkServiceStub(self._channel)

    async def run(self, request: pb.RunBenchmarkRequest, told: Told = unheard) -> pb.BenchmarkReport:
        """Judges answers. Asked again after it broke off, it goes on and pays for no judgement twice."""
        last = pb.RunBenchmarkResponse()
        call = self._benchmarks.RunBenchmark(request)
        async for last in self._updates(cast(AsyncIterable[pb.RunBenchmarkResponse], call)):
            if last.HasField("progress"):
                told(last.progress)
        return last.report
