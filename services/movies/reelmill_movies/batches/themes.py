"""Themes for batches that come without: invented by the script service."""

from collections.abc import Sequence
from typing import Protocol

from reelmill.v1 import common_pb2, script_pb2, script_pb2_grpc
from reelmill_kit.names import ProjectName

from ..neighbours import Neighbour


class Inventor(Protocol):
    async def invent(
        self, project: str, genres: Sequence[str], seed: int, known: Sequence[str], budget: common_pb2.Budget
    ) -> script_pb2.InventThemesResponse:
        """A theme for each genre, none near to another or to `known`; it may take minutes. Raises
        ReelmillError."""


class ScriptService:
    """Asked again for the same, it answers the same, and a language model is not paid twice."""

    def __init__(self, script: Neighbour) -> None:
        self._script = script

    async def invent(
        self, project: str, genres: Sequence[str], seed: int, known: Sequence[str], budget: common_pb2.Budget
    ) -> script_pb2.InventThemesResponse:
        request = script_pb2.InventThemesRequest(
            parent=str(ProjectName(project)), genres=genres, seed=seed, known=known, budget=budget
        )
        stub = script_pb2_grpc.ScriptServiceStub(self._script.channel)
        return await self._script.call(stub.InventThemes(request))
