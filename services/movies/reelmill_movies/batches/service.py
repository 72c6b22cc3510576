"""The calls of MovieService that are about batches."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

from reelmill.v1 import movies_pb2
from reelmill_kit import validation
from reelmill_kit.errors import invalid
from reelmill_kit.listing import Filter, Page, ReadMask
from reelmill_kit.names import BatchName, ProjectName

from .controller import BatchController
from .items import message
from .record import BatchRecord
from .repository import BatchRepository
from .requests import BatchChecker


class BatchCalls:
    def __init__(self, controller: BatchController, batches: BatchRepository, checker: BatchChecker) -> None:
        self._batch_controller = controller
        self._batches = batches
        self._batch_checker = checker

    async def CreateBatch(
        self, request: movies_pb2.CreateBatchRequest, context: Any
    ) -> movies_pb2.CreateBatchResponse:
        request.request_id = request.request_id or str(uuid.uuid4())
        name, request_id, asked = await self._batch_checker.check(request)
        record = await self._batch_controller.create(name, request_id, asked)
        return movies_pb2.CreateBatchResponse(batch=await self._whole(record))

    async def GetBatch(
        self, request: movies_pb2.GetBatchRequest, context: Any
    ) -> movies_pb2.GetBatchResponse:
        mask = ReadMask(request.read_mask, movies_pb2.Batch)
        record = await self._batches.get(BatchName.parse(request.name, "name"))
        return movies_pb2.GetBatchResponse(batch=mask.of(await self._whole(record)))

    async def ListBatches(
        self, request: movies_pb2.ListBatchesRequest, context: Any
    ) -> movies_pb2.ListBatchesResponse:
        project = ProjectName.parse(request.parent, "parent").project
        mask, wanted = ReadMask(request.read_mask, movies_pb2.Batch), Filter(request.filter, movies_pb2.Batch)
        query = [request.parent, request.filter]
        page = Page("ListBatches", request.page_size, request.page_token, query)
        found = [record.batch for record in await self._batches.list(project)]
        batches, token = page.of(batch for batch in found if wanted.matches(batch))
        return movies_pb2.ListBatchesResponse(
            batches=[mask.of(batch) for batch in batches], next_page_token=token
        )

    async def WatchBatch(
        self, request: movies_pb2.WatchBatchRequest, context: Any
    ) -> AsyncIterator[movies_pb2.WatchBatchResponse]:
        if request.from_revision < 0:
            raise invalid("from_revision", "is negative; 0 begins with a snapshot")
        name, mask = BatchName.parse(request.name, "name"), ReadMask(request.read_mask, movies_pb2.Batch)
        async for record in self._batches.follow(name, request.from_revision):
            yield movies_pb2.WatchBatchResponse(batch=mask.of(await self._whole(record)))

    async def PauseBatch(
        self, request: movies_pb2.PauseBatchRequest, context: Any
    ) -> movies_pb2.PauseBatchResponse:
        record = await self._batch_controller.pause(BatchName.parse(request.name, "name"), request.etag)
        return movies_pb2.PauseBatchResponse(batch=await self._whole(record))

    async def ResumeBatch(
        self, request: movies_pb2.ResumeBatchRequest, context: Any
    ) -> movies_pb2.ResumeBatchResponse:
        name = BatchName.parse(request.name, "name")
        budget = validation.budget(request.budget, "budget") if request.HasField("budget") else None
        record = await self._batch_controller.resume(name, budget, request.etag)
        return movies_pb2.ResumeBatchResponse(batch=await self._whole(record))

    async def CancelBatch(
        self, request: movies_pb2.CancelBatchRequest, context: Any
    ) -> movies_pb2.CancelBatchResponse:
        record = await self._batch_controller.cancel(BatchName.parse(request.name, "name"), request.etag)
        return movies_pb2.CancelBatchResponse(batch=await self._whole(record))

    async def _whole(self, record: BatchRecord) -> movies_pb2.Batch:
        return message(record, await self._batches.themes(record))
