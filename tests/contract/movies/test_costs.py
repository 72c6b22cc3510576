"""What movies will cost, asked of the real services; and what a project's movies have cost, on a real bus."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from reelmill.v1 import (
    common_pb2,
    events_pb2,
    movies_pb2,
    qa_pb2_grpc,
    script_pb2,
    script_pb2_grpc,
)
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.grpc_server import GrpcServer
from reelmill_kit.jobs import Outcome
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import ProjectName
from reelmill_kit.progress import Report
from reelmill_llm import LlmSettings, open_llm
from reelmill_movies.cost_calls import CostCalls
from reelmill_movies.forecast import MovieForecaster
from reelmill_movies.neighbours import Neighbour
from reelmill_qa.service import QaService
from reelmill_qa.stage import QaStage
from reelmill_script.forecast import ScriptForecaster
from reelmill_script.offline.writer import OfflineWriter
from reelmill_script.service import ScriptService
from reelmill_script.stage import ScriptStage
from reelmill_script.themes.offline import OfflineInventor
from tests.support.front_door import FrontDoor

pytestmark = pytest.mark.stack
ACME = ProjectName("acme")
MOVIE = movies_pb2.Movie(theme="A lamp", shape=script_pb2.ScriptShape(chapters=11, scenes=11, frames=11))


@pytest.fixture
def door(bus: Bus) -> FrontDoor:
    return FrontDoor(bus, MemoryStore())


@pytest.fixture(params=["offline", "model"])
async def address(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The script and the QA service on one port, without a language model or with one that nobody may ask."""
    settings = LlmSettings()
    if request.param == "model":
        settings = LlmSettings(
            model="big",
            base_url="http://127.0.0.1:9/v1",
            api_key=SecretStr("x"),
            input_price=1,
            output_price=4,
        )
    llm, store = open_llm(settings), MemoryStore()
    script = ScriptService(
        ScriptStage(OfflineWriter(), store), OfflineInventor(), ScriptForecaster(llm, settings)
    )
    server = GrpcServer(
        [
            (script_pb2_grpc.add_ScriptServiceServicer_to_server, script, "reelmill.v1.ScriptService"),
            (
                qa_pb2_grpc.add_QaServiceServicer_to_server,
                QaService(QaStage(store, llm)),
                "reelmill.v1.QaService",
            ),
        ]
    )
    port = await server.start("127.0.0.1:0")
    yield f"127.0.0.1:{port}"
    await server.stop(0)
    if llm:
        await llm.close()


async def test_a_forecast_adds_up_what_the_stages_say(address: str) -> None:
    script, qa = Neighbour("script", address), Neighbour("qa", address)
    told = await MovieForecaster(script, qa).forecast(MOVIE)
    await script.close()
    await qa.close()
    assert told.frames == 1331
    assert told.questions > 400
    assert told.script_writer == told.qa_writer
    if told.script_writer == "offline":
        assert not told.usage.calls
        return
    assert told.script.calls == 1 + 11 + 121
    assert told.qa.calls > 0
    for field in ("calls", "input_tokens", "output_tokens", "cost_micros"):
        assert getattr(told.usage, field) == getattr(told.script, field) + getattr(told.qa, field)
    assert told.usage.cost_micros == told.usage.input_tokens + 4 * told.usage.output_tokens


async def test_errors_of_the_stages_are_theirs_and_silence_is_named(address: str) -> None:
    script, qa, away = Neighbour("script", address), Neighbour("qa", address), Neighbour("qa", "127.0.0.1:9")
    with pytest.raises(ReelmillError) as error:
        await MovieForecaster(script, qa).forecast(movies_pb2.Movie())
    assert error.value.reason is Reason.INVALID_FIELD
    with pytest.raises(ReelmillError, match="REELMILL_QA_SERVER") as error:
        await MovieForecaster(script, away).forecast(MOVIE)
    assert error.value.reason is Reason.NOT_READY
    with pytest.raises(ReelmillError, match="set REELMILL_QA_SERVER") as error:
        await MovieForecaster(script, Neighbour("qa", "")).forecast(MOVIE)
    assert error.value.reason is Reason.WRONG_STATE
    for neighbour in (script, qa, away):
        await neighbour.close()


async def test_a_project_s_usage_outlives_its_movies_and_counts_none_twice(door: FrontDoor) -> None:
    async def dear_questions(job: events_pb2.StageJob, report: Report) -> Outcome:
        spent = common_pb2.Usage(calls=2, input_tokens=30, output_tokens=4, cost_micros=5)
        return events_pb2.StageEvent(stage=common_pb2.STAGE_QA, usage=spent)

    door.handlers[common_pb2.STAGE_QA] = dear_questions
    assert await used(door) == (common_pb2.Usage(), 0)
    async with door.open():
        first = (await door.ended((await door.ask("r-1", frames=1)).name)).name
        await door.ended((await door.ask("r-2", frames=1)).name)
        assert await used(door) == (spent_by(2), 2)
        record = await door.movies.get(first)
        await door.usage.keep(record)  # a deletion that stopped there
        assert await used(door) == (spent_by(2), 2)
        await door.controller.delete(first)
        assert await used(door) == (spent_by(2), 2)
        await door.ended((await door.ask("r-1", frames=1)).name)  # made again, paid again
        assert await used(door) == (spent_by(3), 3)
    assert await used(door, "other") == (common_pb2.Usage(), 0)


async def used(door: FrontDoor, project: str = "acme") -> tuple[common_pb2.Usage, int]:
    calls = CostCalls(
        door.checker, MovieForecaster(Neighbour("script", ""), Neighbour("qa", "")), door.usage, door.quotas
    )
    asked = movies_pb2.GetProjectUsageRequest(parent=f"projects/{project}")
    told = await calls.GetProjectUsage(asked, None)
    assert [(one.stage, one.usage) for one in told.stages] == (
        [(common_pb2.STAGE_QA, told.usage)] if told.usage.calls else []
    )
    assert told.frames == 2 * told.movies == told.frames_today.used
    return told.usage, told.movies


def spent_by(movies: int) -> common_pb2.Usage:
    return common_pb2.Usage(
        calls=2 * movies, input_tokens=30 * movies, output_tokens=4 * movies, cost_micros=5 * movies
    )
