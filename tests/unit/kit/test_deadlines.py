"""A caller's deadline and its going away reach everything that is done for it. Real servers, no others."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from reelmill.v1 import movies_pb2, movies_pb2_grpc, qa_pb2, qa_pb2_grpc, script_pb2, script_pb2_grpc
from reelmill_kit.deadlines import left
from reelmill_kit.grpc_server import GrpcServer
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import Report, stream
from reelmill_movies.cost_calls import CostCalls
from reelmill_movies.forecast import MovieForecaster
from reelmill_movies.neighbours import Neighbour
from reelmill_movies.requests import RequestChecker

REQUEST = movies_pb2.ForecastMovieRequest(
    parent="projects/films", movie=movies_pb2.Movie(theme="A lighthouse")
)


class Slow(script_pb2_grpc.ScriptServiceServicer, qa_pb2_grpc.QaServiceServicer):
    """Works on everything for a minute."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.stopped = asyncio.Event()
        self.remaining: list[float | None] = []

    async def work(self, context: Any) -> None:
        self.remaining.append(context.time_remaining())
        self.begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.stopped.set()

    async def ForecastScript(
        self, request: script_pb2.ForecastScriptRequest, context: Any
    ) -> script_pb2.ForecastScriptResponse:
        await self.work(context)
        return script_pb2.ForecastScriptResponse()

    async def ForecastQuestions(
        self, request: qa_pb2.ForecastQuestionsRequest, context: Any
    ) -> qa_pb2.ForecastQuestionsResponse:
        return qa_pb2.ForecastQuestionsResponse()

    async def WriteScript(
        self, request: script_pb2.WriteScriptRequest, context: Any
    ) -> AsyncIterator[script_pb2.WriteScriptResponse]:
        async def write(report: Report) -> None:
            report("writing")
            await self.work(context)

        async for _ in stream(write):
            yield script_pb2.WriteScriptResponse()


class Front(CostCalls, movies_pb2_grpc.MovieServiceServicer):
    """The front door's forecasts alone."""


@pytest.fixture
async def slow() -> Slow:
    return Slow()  # type: ignore[abstract]


@pytest.fixture
async def behind(slow: Slow) -> AsyncIterator[str]:
    """The address of the script and QA service."""
    server = GrpcServer(
        [
            (script_pb2_grpc.add_ScriptServiceServicer_to_server, slow, "reelmill.v1.ScriptService"),
            (qa_pb2_grpc.add_QaServiceServicer_to_server, slow, "reelmill.v1.QaService"),
        ]
    )
    yield f"127.0.0.1:{await server.start('127.0.0.1:0')}"
    await server.stop(0)


@pytest.fixture
async def front(behind: str) -> AsyncIterator[Any]:
    script, qa = Neighbour("script", behind), Neighbour("qa", behind)
    unused: Any = None
    calls: Any = Front(  # type: ignore[abstract]
        RequestChecker(MemoryStore(), "starter"), MovieForecaster(script, qa), unused, unused
    )
    server = GrpcServer(
        [(movies_pb2_grpc.add_MovieServiceServicer_to_server, calls, "reelmill.v1.MovieService")]
    )
    port = await server.start("127.0.0.1:0")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield movies_pb2_grpc.MovieServiceStub(channel)
    await script.close()
    await qa.close()
    await server.stop(0)


async def test_a_call_ends_with_its_deadline_at_every_service_behind(front: Any, slow: Slow) -> None:
    began = time.monotonic()
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await front.ForecastMovie(REQUEST, timeout=1.0)
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - began < 3
    async with asyncio.timeout(3):
        await slow.stopped.wait()
    (remaining,) = slow.remaining
    assert remaining is not None
    assert 0 < remaining < 1.2  # on the wire gRPC rounds up


async def test_a_call_without_a_deadline_asks_the_services_behind_with_one(front: Any, slow: Slow) -> None:
    call = front.ForecastMovie(REQUEST)
    async with asyncio.timeout(5):
        await slow.begun.wait()
    call.cancel()
    (remaining,) = slow.remaining
    assert remaining is not None
    assert 1.2 < remaining < 11


async def test_a_cancelled_call_stops_the_work_of_the_services_behind(front: Any, slow: Slow) -> None:
    call = front.ForecastMovie(REQUEST)
    async with asyncio.timeout(5):
        await slow.begun.wait()
    assert not slow.stopped.is_set()
    call.cancel()
    async with asyncio.timeout(3):
        await slow.stopped.wait()


@pytest.mark.parametrize("way", ["cancelled", "deadline"])
async def test_long_work_stops_when_its_caller_waits_no_longer(behind: str, slow: Slow, way: str) -> None:
    async with grpc.aio.insecure_channel(behind) as channel:
        stub: Any = script_pb2_grpc.ScriptServiceStub(channel)
        updates = stub.WriteScript(
            script_pb2.WriteScriptRequest(), timeout=1.0 if way == "deadline" else None
        )
        await anext(aiter(updates))
        async with asyncio.timeout(5):
            await slow.begun.wait()
        assert not slow.stopped.is_set()
        if way == "cancelled":
            updates.cancel()
        async with asyncio.timeout(4):
            await slow.stopped.wait()


_CALLER = """
import grpc, sys
from reelmill.v1 import script_pb2, script_pb2_grpc
stub = script_pb2_grpc.ScriptServiceStub(grpc.insecure_channel(sys.argv[1]))
for update in stub.WriteScript(script_pb2.WriteScriptRequest()):
    pass
"""


async def test_long_work_stops_when_its_caller_is_killed(behind: str, slow: Slow) -> None:
    caller = await asyncio.create_subprocess_exec(sys.executable, "-c", _CALLER, behind)
    try:
        async with asyncio.timeout(30):
            await slow.begun.wait()
    finally:
        caller.kill()
        await caller.wait()
    async with asyncio.timeout(4):
        await slow.stopped.wait()


def test_outside_of_a_call_there_is_no_deadline() -> None:
    assert left(10.0) == 10.0
