"""The two doors of the script stage."""

from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from reelmill.v1 import common_pb2, events_pb2, script_pb2, script_pb2_grpc
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.grpc_server import GrpcServer
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import silent
from reelmill_llm import LlmSettings
from reelmill_script.forecast import ScriptForecaster
from reelmill_script.offline.writer import OfflineWriter
from reelmill_script.service import ScriptJobs, ScriptService
from reelmill_script.stage import ScriptStage
from reelmill_script.themes.offline import OfflineInventor

MOVIE = "projects/acme/movies/m-1"
NAME = script_pb2.DESCRIPTOR.services_by_name["ScriptService"].full_name
REQUEST = script_pb2.WriteScriptRequest(
    movie=MOVIE, theme="A baker moves to Mars", shape=script_pb2.ScriptShape(chapters=2, scenes=2, frames=2)
)


@pytest.fixture
def stage() -> ScriptStage:
    return ScriptStage(OfflineWriter(), MemoryStore())


@pytest.fixture
async def channel(stage: ScriptStage) -> AsyncIterator[grpc.aio.Channel]:
    service = ScriptService(stage, OfflineInventor(), ScriptForecaster(None, LlmSettings()))
    server = GrpcServer([(script_pb2_grpc.add_ScriptServiceServicer_to_server, service, NAME)])
    port = await server.start("127.0.0.1:0")
    await server.set_ready(True)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)


async def test_a_caller_without_the_bus_gets_progress_and_then_the_script(channel: grpc.aio.Channel) -> None:
    stub: script_pb2_grpc.ScriptServiceAsyncStub = script_pb2_grpc.ScriptServiceStub(channel)
    updates = [update async for update in stub.WriteScript(REQUEST)]
    assert [update.WhichOneof("update") for update in updates[-2:]] == ["progress", "script"]
    assert updates[-2].progress.done == updates[-2].progress.total == 8
    assert len(updates[-1].script.chapters) == 2


async def test_bad_input_is_an_invalid_argument_that_names_the_field(channel: grpc.aio.Channel) -> None:
    stub: script_pb2_grpc.ScriptServiceAsyncStub = script_pb2_grpc.ScriptServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        async for _ in stub.WriteScript(script_pb2.WriteScriptRequest(movie=MOVIE, theme="x")):
            pass
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "shape.chapters" in str(error.value.details())


async def test_themes_can_be_asked_for(channel: grpc.aio.Channel) -> None:
    stub: script_pb2_grpc.ScriptServiceAsyncStub = script_pb2_grpc.ScriptServiceStub(channel)
    request = script_pb2.InventThemesRequest(parent="projects/acme", genres=["Horror", "", "Sci-Fi"])
    assert len((await stub.InventThemes(request)).themes) == 3
    with pytest.raises(grpc.aio.AioRpcError, match="genres: is empty"):
        await stub.InventThemes(script_pb2.InventThemesRequest(parent="projects/acme"))


async def test_a_forecast_without_a_language_model_costs_nothing(channel: grpc.aio.Channel) -> None:
    stub: script_pb2_grpc.ScriptServiceAsyncStub = script_pb2_grpc.ScriptServiceStub(channel)
    answer = await stub.ForecastScript(script_pb2.ForecastScriptRequest(script=REQUEST))
    assert (answer.writer, answer.usage.calls, answer.seconds) == ("offline", 0, 0)


async def test_the_service_is_known_to_health(channel: grpc.aio.Channel) -> None:
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=NAME))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_job_writes_the_same_script_and_tells_its_title(stage: ScriptStage) -> None:
    outcome = await ScriptJobs(stage)(events_pb2.StageJob(movie=MOVIE, script=REQUEST), silent)
    assert outcome.stage == common_pb2.STAGE_SCRIPT
    assert outcome.title == (await stage.run(REQUEST, silent)).title


@pytest.mark.parametrize(
    ("job", "field"),
    [
        (events_pb2.StageJob(movie=MOVIE), "script"),
        (events_pb2.StageJob(movie="projects/acme/movies/m-2", script=REQUEST), "script.movie"),
    ],
)
async def test_a_job_that_is_none_is_refused_by_field(
    stage: ScriptStage, job: events_pb2.StageJob, field: str
) -> None:
    with pytest.raises(ReelmillError) as error:
        await ScriptJobs(stage)(job, silent)
    assert error.value.reason in (Reason.MALFORMED_REQUEST, Reason.INVALID_FIELD)
    assert error.value.metadata["field"] == field
