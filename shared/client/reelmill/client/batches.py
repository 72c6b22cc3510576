"""The batches of MovieService."""

import uuid
from collections.abc import AsyncIterator

from reelmill.v1 import common_pb2
from reelmill.v1 import movies_pb2 as pb

from .connection import Connection

BATCH_ENDED = frozenset({pb.Batch.STATE_SUCCEEDED, pb.Batch.STATE_FAILED, pb.Batch.STATE_CANCELLED})


class BatchClient(Connection):
    """A connection to one movie service, for batches. Methods raise CallError."""

    async def create(self, project: str, batch: pb.Batch, request_id: str = "") -> pb.Batch:
        """Starts a batch. The same `request_id` again returns the same batch; empty: a new one is made up."""
        request = pb.CreateBatchRequest(
            parent=f"projects/{project}", batch=batch, request_id=request_id or str(uuid.uuid4())
        )
        return (await self._call(self._stub.CreateBatch(request, timeout=self._timeout))).batch

    async def get(self, name: str) -> pb.Batch:
        request = pb.GetBatchRequest(name=name)
        return (await self._call(self._stub.GetBatch(request, timeout=self._timeout))).batch

    async def page(
        self, project: str, *, fitting: str = "", page_size: int = 0, page_token: str = ""
    ) -> tuple[list[pb.Batch], str]:
        """One page of batches, newest first, without items, and the token of the next; "" on the last.
        `fitting`: a filter (AIP-160), for example "counts.failed > 0"."""
        request = pb.ListBatchesRequest(
            parent=f"projects/{project}", filter=fitting, page_size=page_size, page_token=page_token
        )
        answer = await self._call(self._stub.ListBatches(request, timeout=self._timeout))
        return list(answer.batches), answer.next_page_token

    async def pause(self, name: str, *, etag: str = "") -> pb.Batch:
        """Begins no more movies; those under way wait."""
        request = pb.PauseBatchRequest(name=name, etag=etag)
        return (await self._call(self._stub.PauseBatch(request, timeout=self._timeout))).batch

    async def resume(self, name: str, budget: common_pb2.Budget | None = None, *, etag: str = "") -> pb.Batch:
        """Goes on, with another budget where one is given."""
        request = pb.ResumeBatchRequest(name=name, budget=budget, etag=etag)
        return (await self._call(self._stub.ResumeBatch(request, timeout=self._timeout))).batch

    async def cancel(self, name: str, *, etag: str = "") -> pb.Batch:
        """Stops the batch and its movies; what is stored stays."""
        request = pb.CancelBatchRequest(name=name, etag=etag)
        return (await self._call(self._stub.CancelBatch(request, timeout=self._timeout))).batch

    def watch(self, name: str, from_revision: int = 0) -> AsyncIterator[pb.Batch]:
        """The batch as it is now and after every change, until it has ended.

        Where the connection breaks it goes on from the last revision that was seen; nothing comes twice.
        """
        return self._follow(
            lambda revision: self._stub.WatchBatch(pb.WatchBatchRequest(name=name, from_revision=revision)),
            lambda answer: answer.batch,
            lambda: self.get(name),
            lambda batch: batch.state in BATCH_ENDED,
            from_revision,
        )
