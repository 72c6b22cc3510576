"""Batch records, and their themes, which never change."""

import json

from reelmill_kit.bus import BATCHES_BUCKET, Bus
from reelmill_kit.names import BatchName
from reelmill_kit.store import ObjectStore

from ..records import Records
from .domain import BatchRecord

_KEPT = 64


class BatchRepository(Records[BatchName, BatchRecord]):
    what, bucket, file, poll = "batch", BATCHES_BUCKET, "batch.json", 0.5

    def __init__(self, bus: Bus, store: ObjectStore) -> None:
        super().__init__(bus, store)
        self._themes: dict[str, list[str]] = {}

    def name(self, record: BatchRecord) -> BatchName:
        return record.name

    def load(self, data: bytes) -> BatchRecord:
        return BatchRecord.from_json(data)

    async def keep_themes(self, record: BatchRecord, themes: list[str]) -> None:
        """Stores them before the record that needs them."""
        data = json.dumps(themes, ensure_ascii=False).encode()
        await self._store.put(record.themes_key, data, "application/json")

    async def themes(self, record: BatchRecord) -> list[str]:
        if (found := self._themes.get(record.themes_key)) is None:
            found = [str(theme) for theme in json.loads(await self._store.get(record.themes_key))]
            while len(self._themes) >= _KEPT:
                self._themes.pop(next(iter(self._themes)))
            self._themes[record.themes_key] = found
        return found
