"""Batch records; and what is read again and again and never changes: their themes, sketches of plots."""

import json

from google.protobuf import json_format

from reelmill.v1 import script_pb2
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import BatchName, MovieName
from reelmill_kit.store import ObjectStore
from reelmill_kit.topology import BATCHES_BUCKET

from ..records import Records
from . import plots
from .plots import Sketch
from .record import BatchRecord

_KEPT = 64
_SKETCHES_KEPT = 4000


class BatchRepository(Records[BatchName, BatchRecord]):
    what, bucket, file, poll = "batch", BATCHES_BUCKET, "batch.json", 0.5

    def __init__(self, bus: Bus, store: ObjectStore) -> None:
        super().__init__(bus, store)
        self._themes: dict[str, list[str]] = {}
        self._sketches: dict[MovieName, Sketch] = {}

    def name(self, record: BatchRecord) -> BatchName:
        return record.name

    def load(self, data: bytes) -> BatchRecord:
        return BatchRecord.from_json(data)

    async def keep_themes(self, record: BatchRecord, themes: list[str]) -> None:
        """Stores them before the record that needs them; the first who does is right."""
        data = json.dumps(themes, ensure_ascii=False).encode()
        await self._store.put_new(record.themes_key, data, "application/json")

    async def themes(self, record: BatchRecord) -> list[str]:
        """None where they are still to be invented."""
        if not record.themed:
            return []
        if (found := self._themes.get(record.themes_key)) is None:
            found = [str(theme) for theme in json.loads(await self._store.get(record.themes_key))]
            while len(self._themes) >= _KEPT:
                self._themes.pop(next(iter(self._themes)))
            self._themes[record.themes_key] = found
        return found

    async def sketch(self, record: BatchRecord, movie: MovieName) -> Sketch:
        """Of the movie's plot, whose script is written; kept, for it is asked for with every other plot."""
        if (found := self._sketches.get(movie)) is None:
            key = record.name.plot_key(movie)
            try:
                found = tuple(json.loads(await self._store.get(key)))
            except ReelmillError as error:
                if error.reason is not Reason.NOT_FOUND:
                    raise
                script = json_format.Parse(await self._store.get(movie.script_key), script_pb2.Script())
                found = plots.sketch(script)
                await self._store.put(key, json.dumps(found).encode(), "application/json")
            while len(self._sketches) >= _SKETCHES_KEPT:
                self._sketches.pop(next(iter(self._sketches)))
            self._sketches[movie] = found
        return found
