"""The two doors of the script stage: gRPC and jobs."""

from collections.abc import AsyncIterator
from typing import Any

from reelmill.v1 import common_pb2, events_pb2, script_pb2, script_pb2_grpc
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.progress import Report, stream

from .forecast import ScriptForecaster
from .stage import ScriptStage
from .themes import Inventor, ThemesRequest


class ScriptService(script_pb2_grpc.ScriptServiceServicer):
    def __init__(self, stage: ScriptStage, inventor: Inventor, forecaster: ScriptForecaster) -> None:
        self._stage = stage
        self._inventor = inventor
        self._forecaster = forecaster

    async def ForecastScript(
        self, request: script_pb2.ForecastScriptRequest, context: Any
    ) -> script_pb2.ForecastScriptResponse:
        return self._forecaster.forecast(request)

    async def InventThemes(
        self, request: script_pb2.InventThemesRequest, context: Any
    ) -> script_pb2.InventThemesResponse:
        invented = await self._inventor.invent(ThemesRequest.parse(request))
        return script_pb2.InventThemesResponse(themes=invented.themes, usage=invented.usage.message)

    async def WriteScript(
        self, request: script_pb2.WriteScriptRequest, context: Any
    ) -> AsyncIterator[script_pb2.WriteScriptResponse]:
        async for update in stream(lambda report: self._stage.run(request, report)):
            if isinstance(update, script_pb2.Script):
                yield script_pb2.WriteScriptResponse(script=update)
            else:
                yield script_pb2.WriteScriptResponse(progress=update)


class ScriptJobs:
    """Handles jobs of the script stage."""

    def __init__(self, stage: ScriptStage) -> None:
        self._stage = stage

    async def __call__(self, job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        if job.WhichOneof("request") != "script":
            raise ReelmillError(
                Reason.MALFORMED_REQUEST, "a job of the script stage holds no script request", field="script"
            )
        if job.script.movie != job.movie:
            raise invalid("script.movie", f"is not the job's movie {job.movie!r}")
        script = await self._stage.run(job.script, report)
        return events_pb2.StageEvent(stage=common_pb2.STAGE_SCRIPT, title=script.title, usage=script.usage)
