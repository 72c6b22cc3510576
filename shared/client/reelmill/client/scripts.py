"""Themes of ScriptService."""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

import grpc

from reelmill.v1 import common_pb2, script_pb2, script_pb2_grpc

from .channel import Credentials, open_channel
from .failures import call_error

_OPTIONS = [("grpc.keepalive_time_ms", 30_000), ("grpc.max_reconnect_backoff_ms", 3_000)]


class ScriptClient:
    """A connection to one script service. Methods raise CallError."""

    def __init__(self, address: str, *, credentials: Credentials | None = None) -> None:
        """`address` and `credentials` as for MovieClient."""
        self.address = address
        self._channel = open_channel(address, credentials, _OPTIONS)
        self._stub = script_pb2_grpc.ScriptServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close(None)

    async def invent_themes(
        self,
        project: str,
        genres: Iterable[str],
        seed: int = 0,
        known: Iterable[str] = (),
        budget: common_pb2.Budget | None = None,
    ) -> script_pb2.InventThemesResponse:
        """A theme for each genre, 1 to 1000, none near to another one or to `known`.

        A language model may take minutes; asked again after it broke off, nothing is paid for twice.
        """
        request = script_pb2.InventThemesRequest(
            parent=f"projects/{project}", genres=genres, seed=seed, known=known, budget=budget
        )
        try:
            return await self._stub.InventThemes(request)
        except grpc.aio.AioRpcError as error:
            raise call_error(error, self.address) from error
