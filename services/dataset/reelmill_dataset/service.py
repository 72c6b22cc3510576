"""The two doors of the dataset stage: gRPC and jobs."""

from collections.abc import AsyncIterator
from typing import Any

from reelmill.v1 import common_pb2, dataset_pb2, dataset_pb2_grpc, events_pb2
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.listing import ReadMask
from reelmill_kit.progress import Report, stream

from .releases.stage import ReleaseStage
from .stage import DatasetStage


class DatasetService(dataset_pb2_grpc.DatasetServiceServicer):
    def __init__(self, stage: DatasetStage, releases: ReleaseStage) -> None:
        self._stage = stage
        self._releases = releases

    async def ExportMovie(
        self, request: dataset_pb2.ExportMovieRequest, context: Any
    ) -> AsyncIterator[dataset_pb2.ExportMovieResponse]:
        async for update in stream(lambda report: self._stage.run(request, report)):
            if isinstance(update, dataset_pb2.Manifest):
                yield dataset_pb2.ExportMovieResponse(manifest=update)
            else:
                yield dataset_pb2.ExportMovieResponse(progress=update)

    async def CreateRelease(
        self, request: dataset_pb2.CreateReleaseRequest, context: Any
    ) -> AsyncIterator[dataset_pb2.CreateReleaseResponse]:
        async for update in stream(lambda report: self._releases.create(request, report)):
            if isinstance(update, dataset_pb2.Release):
                yield dataset_pb2.CreateReleaseResponse(release=update)
            else:
                yield dataset_pb2.CreateReleaseResponse(progress=update)

    async def GetRelease(
        self, request: dataset_pb2.GetReleaseRequest, context: Any
    ) -> dataset_pb2.GetReleaseResponse:
        mask = ReadMask(request.read_mask, dataset_pb2.Release)
        return dataset_pb2.GetReleaseResponse(release=mask.of(await self._releases.get(request.name)))

    async def ListReleases(
        self, request: dataset_pb2.ListReleasesRequest, context: Any
    ) -> dataset_pb2.ListReleasesResponse:
        return await self._releases.list(request)

    async def VerifyRelease(
        self, request: dataset_pb2.VerifyReleaseRequest, context: Any
    ) -> AsyncIterator[dataset_pb2.VerifyReleaseResponse]:
        async for update in stream(lambda report: self._releases.verify(request.name, report)):
            if isinstance(update, dataset_pb2.VerifyReleaseResponse.Result):
                yield dataset_pb2.VerifyReleaseResponse(result=update)
            else:
                yield dataset_pb2.VerifyReleaseResponse(progress=update)


class DatasetJobs:
    """Handles jobs of the dataset stage."""

    def __init__(self, stage: DatasetStage) -> None:
        self._stage = stage

    async def __call__(self, job: events_pb2.StageJob, report: Report) -> events_pb2.StageEvent:
        if job.WhichOneof("request") != "dataset":
            raise ReelmillError(
                Reason.MALFORMED_REQUEST,
                "a job of the dataset stage holds no dataset request",
                field="dataset",
            )
        if job.dataset.movie != job.movie:
            raise invalid("dataset.movie", f"is not the job's movie {job.movie!r}")
        await self._stage.run(job.dataset, report)
        return events_pb2.StageEvent(stage=common_pb2.STAGE_DATASET)
