"""The two doors of the style stage: gRPC and jobs."""

from collections.abc import AsyncIterator
from typing import Any

from reelmill.v1 import common_pb2, events_pb2, style_pb2, style_pb2_grpc
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.progress import Report, stream

from .stage import StyleStage


class StyleServicer(style_pb2_grpc.StyleServiceServicer):
    def __init__(self, stage: StyleStage) -> None:
        self._stage = stage

    async def LearnStyle(
        self, request: style_pb2.LearnStyleRequest, context: Any
    ) -> AsyncIterator[style_pb2.LearnStyleResponse]:
        async for update in stream(lambda report: self._stage.run(request, report)):
            if isinstance(update, style_pb2.LearnedStyle):
                yield style_pb2.LearnStyleResponse(learned=update)
            else:
                yield style_pb2.LearnStyleResponse(progress=update)


class StyleJobs:
    """Handles jobs of the style stage."""

    def __init__(self, stage: StyleStage) -> None:
        self._stage = stage

    async def __call__(self, job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        if job.WhichOneof("request") != "style":
            raise ReelmillError(
                Reason.MALFORMED_REQUEST, "a job of the style stage holds no style request", field="style"
            )
        if job.style.movie != job.movie:
            raise invalid("style.movie", f"is not the job's movie {job.movie!r}")
        learned = await self._stage.run(job.style, report)
        return events_pb2.StageEvent(stage=common_pb2.STAGE_STYLE, style=learned.style)
