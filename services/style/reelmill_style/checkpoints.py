"""Checkpoints of what is being learned, on their way to the store."""

import asyncio
from contextlib import suppress
from typing import Any

from reelmill_kit.errors import ReelmillError
from reelmill_kit.telemetry import logger

from .archive import Archive


class CheckpointKeeper:
    """Stores checkpoints one after the other while learning goes on; only the newest matters."""

    def __init__(self, archive: Archive[Any]) -> None:
        self._archive = archive
        self._newest: bytes | None = None
        self._storing: asyncio.Task[None] | None = None

    def keep(self, data: bytes) -> None:
        self._newest = data
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store())

    async def finish(self) -> None:
        if self._storing is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self._storing)

    async def _store(self) -> None:
        while (data := self._newest) is not None:
            self._newest = None
            try:
                await self._archive.keep_checkpoint(data)
            except ReelmillError as error:  # learning can do without
                logger().warning("checkpoint not stored", error=error.message)
