"""Movie records."""

from reelmill_kit.names import MovieName
from reelmill_kit.topology import MOVIES_BUCKET

from .domain import Record
from .records import Records


class MovieRepository(Records[MovieName, Record]):
    what, bucket, file, poll = "movie", MOVIES_BUCKET, "movie.json", 0.25

    def name(self, record: Record) -> MovieName:
        return record.name

    def load(self, data: bytes) -> Record:
        return Record.from_json(data)
