"""Themes for batches that come without: invented by the script service."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from reelmill.v1 import common_pb2, script_pb2, script_pb2_grpc
from reelmill_kit.errors import DOMAIN, Reason, ReelmillError
from reelmill_kit.names import ProjectName

_OPTIONS = [("grpc.keepalive_time_ms", 30_000), ("grpc.max_reconnect_backoff_ms", 3_000)]


class Inventor(Protocol):
    async def invent(
        self, project: str, genres: Sequence[str], seed: int, known: Sequence[str], budget: common_pb2.Budget
    ) -> script_pb2.InventThemesResponse:
        """A theme for each genre, none near to another or to `known`; it may take minutes. Raises
        ReelmillError."""


class ScriptService:
    """Asked again for the same, it answers the same, and a language model is not paid twice."""

    def __init__(self, address: str) -> None:
        """`address`: host:port."""
        self._address = address
        self._channel: grpc.aio.Channel | None = None

    async def invent(
        self, project: str, genres: Sequence[str], seed: int, known: Sequence[str], budget: common_pb2.Budget
    ) -> script_pb2.InventThemesResponse:
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self._address, options=_OPTIONS)
        request = script_pb2.InventThemesRequest(
            parent=str(ProjectName(project)), genres=genres, seed=seed, known=known, budget=budget
        )
        try:
            return await script_pb2_grpc.ScriptServiceStub(self._channel).InventThemes(request)
        except grpc.aio.AioRpcError as error:
            raise self._error(error) from error

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close(None)

    def _error(self, error: grpc.aio.AioRpcError) -> ReelmillError:
        """The error as the script service means it; where it did not answer, one that passes."""
        trailing: Iterable[Any] = error.trailing_metadata() or ()
        for key, value in trailing:
            if key != "grpc-status-details-bin" or not isinstance(value, bytes):
                continue
            info = error_details_pb2.ErrorInfo()
            try:
                details = status_pb2.Status.FromString(value).details
            except DecodeError:
                continue
            if any(detail.Unpack(info) for detail in details) and info.domain == DOMAIN:
                return ReelmillError(Reason(info.reason), error.details() or info.reason, **info.metadata)
        return ReelmillError(
            Reason.NOT_READY,
            f"the script service at {self._address} did not answer ({error.code().name}: {error.details()}); "
            "REELMILL_SCRIPT_SERVER says where it is",
        )
