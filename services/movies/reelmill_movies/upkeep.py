"""At the start, and from then on at intervals: takes up what a crash or a lost bus left behind."""

import asyncio
from contextlib import suppress

from reelmill_kit.errors import ReelmillError
from reelmill_kit.telemetry import logger

from .batches.controller import BatchController
from .batches.repository import BatchRepository
from .controller import Controller
from .repository import MovieRepository


class Upkeep:
    def __init__(
        self,
        controller: Controller,
        movies: MovieRepository,
        batch_controller: BatchController,
        batches: BatchRepository,
        interval: float,
    ) -> None:
        """`interval`: seconds between two looks."""
        self._controller = controller
        self._movies = movies
        self._batch_controller = batch_controller
        self._batches = batches
        self._interval = interval

    async def run(self) -> None:
        if restored := await self._movies.restore():
            logger().warning("movies restored from the object store", movies=restored)
        if restored := await self._batches.restore():
            logger().warning("batches restored from the object store", batches=restored)
        while True:
            with suppress(ReelmillError):
                await self._controller.reconcile(idle=self._interval)
            with suppress(ReelmillError):
                await self._batch_controller.reconcile()
            await asyncio.sleep(self._interval)
