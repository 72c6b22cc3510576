"""The two doors of the QA stage: gRPC and jobs."""

from collections.abc import AsyncIterator
from typing import Any

from reelmill.v1 import common_pb2, events_pb2, qa_pb2, qa_pb2_grpc
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.progress import Report, stream

from .stage import QaStage


class QaService(qa_pb2_grpc.QaServiceServicer):
    def __init__(self, stage: QaStage) -> None:
        self._stage = stage

    async def WriteQuestions(
        self, request: qa_pb2.WriteQuestionsRequest, context: Any
    ) -> AsyncIterator[qa_pb2.WriteQuestionsResponse]:
        async for update in stream(lambda report: self._stage.run(request, report)):
            if isinstance(update, qa_pb2.QuestionSet):
                yield qa_pb2.WriteQuestionsResponse(questions=update)
            else:
                yield qa_pb2.WriteQuestionsResponse(progress=update)

    async def ForecastQuestions(
        self, request: qa_pb2.ForecastQuestionsRequest, context: Any
    ) -> qa_pb2.ForecastQuestionsResponse:
        return self._stage.forecast(request)


class QaJobs:
    """Handles jobs of the QA stage."""

    def __init__(self, stage: QaStage) -> None:
        self._stage = stage

    async def __call__(self, job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        if job.WhichOneof("request") != "qa":
            raise ReelmillError(
                Reason.MALFORMED_REQUEST, "a job of the QA stage holds no QA request", field="qa"
            )
        if job.qa.movie != job.movie:
            raise invalid("qa.movie", f"is not the job's movie {job.movie!r}")
        questions = await self._stage.run(job.qa, report)
        return events_pb2.StageEvent(stage=common_pb2.STAGE_QA, usage=questions.usage)
