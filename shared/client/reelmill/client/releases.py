"""Releases of DatasetService: makes them, finds them, compares them with their checksums."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar, cast

import grpc

from reelmill.v1 import common_pb2, dataset_pb2_grpc
from reelmill.v1 import dataset_pb2 as pb

from .channel import Credentials, open_channel
from .failures import call_error

T = TypeVar("T")
Told = Callable[[common_pb2.Progress], None]
_OPTIONS = [("grpc.keepalive_time_ms", 30_000), ("grpc.max_reconnect_backoff_ms", 3_000)]


def unheard(progress: common_pb2.Progress) -> None:
    """Progress that nobody hears."""


class ReleaseClient:
    """A connection to one dataset service. Methods raise CallError."""

    def __init__(
        self, address: str, *, credentials: Credentials | None = None, timeout: float = 30.0
    ) -> None:
        """`address` and `credentials` as for MovieClient. `timeout`: seconds that a short call may take;
        making one has no limit."""
        self.address = address
        self._timeout = timeout
        self._channel = open_channel(address, credentials, _OPTIONS)
        self._stub = dataset_pb2_grpc.DatasetServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close(None)

    async def create(
        self, project: str, release_id: str, release: pb.Release, told: Told = unheard
    ) -> pb.Release:
        """Makes a release. Asked again after it broke off, it goes on where it was."""
        request = pb.CreateReleaseRequest(
            parent=f"projects/{project}", release_id=release_id, release=release
        )
        last = pb.CreateReleaseResponse()
        call = self._stub.CreateRelease(request)
        async for last in self._updates(cast(AsyncIterable[pb.CreateReleaseResponse], call)):
            if last.HasField("progress"):
                told(last.progress)
        return last.release

    async def get(self, name: str) -> pb.Release:
        request = pb.GetReleaseRequest(name=name)
        return (await self._call(self._stub.GetRelease(request, timeout=self._timeout))).release

    async def page(
        self, project: str, *, fitting: str = "", page_size: int = 0, page_token: str = ""
    ) -> pb.ListReleasesResponse:
        """One page of releases, newest first, the next page's token, and the names of unreadable ones.
        `fitting`: a filter (AIP-160), for example "frames > 1000"."""
        request = pb.ListReleasesRequest(
            parent=f"projects/{project}", filter=fitting, page_size=page_size, page_token=page_token
        )
        return await self._call(self._stub.ListReleases(request, timeout=self._timeout))

    async def verify(self, name: str, told: Told = unheard) -> pb.VerifyReleaseResponse.Result:
        """Compares every stored file with its checksum."""
        last = pb.VerifyReleaseResponse()
        call = self._stub.VerifyRelease(pb.VerifyReleaseRequest(name=name))
        async for last in self._updates(cast(AsyncIterable[pb.VerifyReleaseResponse], call)):
            if last.HasField("progress"):
                told(last.progress)
        return last.result

    async def _updates(self, call: AsyncIterable[T]) -> AsyncIterator[T]:
        try:
            async for update in call:
                yield update
        except grpc.aio.AioRpcError as error:
            raise call_error(error, self.address) from error

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise call_error(error, self.address) from error
