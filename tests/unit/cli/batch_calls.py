"""The calls about batches of a MovieService in memory."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from reelmill.v1 import movies_pb2
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.names import BatchName, ProjectName

Batch, Movie = movies_pb2.Batch, movies_pb2.Movie


class BatchCalls:
    """Remembers batches; watching one shows each of its movies succeed."""

    def __init__(self) -> None:
        self.batches: dict[str, movies_pb2.Batch] = {}
        self.batch_fails = False

    async def CreateBatch(self, request: movies_pb2.CreateBatchRequest, context: Any) -> Any:
        project = ProjectName.parse(request.parent, "parent").project
        if not request.batch.themes:
            raise invalid("batch.themes", "is empty; give at least one theme")
        name = str(BatchName.for_request(project, request.request_id))
        if name not in self.batches:
            batch = Batch()
            batch.CopyFrom(request.batch)
            batch.name, batch.state, batch.movies = (
                name,
                Batch.STATE_RUNNING,
                batch.movies or len(batch.themes),
            )
            batch.create_time.GetCurrentTime()
            for index in range(batch.movies):
                batch.items.add(index=index, theme=batch.themes[index % len(batch.themes)])
            batch.counts.waiting = batch.movies
            self.batches[name] = batch
        return movies_pb2.CreateBatchResponse(batch=self.batches[name])

    async def GetBatch(self, request: movies_pb2.GetBatchRequest, context: Any) -> Any:
        return movies_pb2.GetBatchResponse(batch=self._batch(request.name))

    async def ListBatches(self, request: movies_pb2.ListBatchesRequest, context: Any) -> Any:
        return movies_pb2.ListBatchesResponse(batches=self.batches.values())

    async def WatchBatch(self, request: movies_pb2.WatchBatchRequest, context: Any) -> AsyncIterator[Any]:
        batch = self._batch(request.name)
        for done in range(request.from_revision, batch.movies + 1):
            batch.revision = done + 1
            batch.counts.CopyFrom(movies_pb2.BatchCounts(waiting=batch.movies - done, succeeded=done))
            if done == batch.movies:
                batch.state = Batch.STATE_FAILED if self.batch_fails else Batch.STATE_SUCCEEDED
                if self.batch_fails:
                    batch.failure.reason, batch.failure.message = (
                        "LLM_REFUSED",
                        "none of the movies succeeded",
                    )
            yield movies_pb2.WatchBatchResponse(batch=batch)
            await asyncio.sleep(0.01)

    async def PauseBatch(self, request: movies_pb2.PauseBatchRequest, context: Any) -> Any:
        return movies_pb2.PauseBatchResponse(batch=self._into(request.name, Batch.STATE_PAUSED))

    async def ResumeBatch(self, request: movies_pb2.ResumeBatchRequest, context: Any) -> Any:
        return movies_pb2.ResumeBatchResponse(batch=self._into(request.name, Batch.STATE_RUNNING))

    async def CancelBatch(self, request: movies_pb2.CancelBatchRequest, context: Any) -> Any:
        return movies_pb2.CancelBatchResponse(batch=self._into(request.name, Batch.STATE_CANCELLED))

    def _batch(self, name: str) -> movies_pb2.Batch:
        if name not in self.batches:
            raise ReelmillError(Reason.NOT_FOUND, f"there is no batch {name}", batch=name)
        return self.batches[name]

    def _into(self, name: str, state: "movies_pb2.Batch.State.ValueType") -> movies_pb2.Batch:
        batch = self._batch(name)
        if batch.state in (Batch.STATE_SUCCEEDED, Batch.STATE_CANCELLED):
            raise ReelmillError(Reason.WRONG_STATE, f"{name} has ended", state="SUCCEEDED")
        batch.state = state
        return batch
