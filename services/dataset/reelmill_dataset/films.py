"""The film of a stored movie: made once from its frames, and again only where they have changed."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reelmill.v1 import dataset_pb2
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore

from .stored import StoredMovie, listed
from .video import make_film, subtitles

FILM, SUBTITLES = "film.mp4", "film.vtt"
_SECONDS = 2.0
_SHORTEST, _LONGEST = 0.1, 60.0


@dataclass(frozen=True, slots=True)
class Film:
    """The manifest's lines for a film and its subtitles; `made` is None where the stored one is right."""

    files: list[dataset_pb2.ManifestFile]
    subtitles: bytes
    made: Path | None


def seconds_per_frame(asked: float, field: str = "seconds_per_frame") -> float:
    """Raises INVALID_FIELD unless it is 0.1 to 60, or 0 for the default."""
    if asked and not _SHORTEST <= asked <= _LONGEST:
        raise invalid(field, f"is {asked:g}; it has to be {_SHORTEST} to {_LONGEST:g}, 0 for 2")
    return asked or _SECONDS


class Films:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def film(
        self,
        name: MovieName,
        movie: StoredMovie,
        stored: dataset_pb2.Manifest | None,
        seconds: float,
        folder: Path,
        report: Report,
    ) -> Film:
        """The film of these frames, in `folder` where it had to be made.

        Raises WRONG_STATE naming the frame that cannot be put into it.
        """
        text = subtitles(movie.script, seconds).encode()
        lines = listed(f"exports/{SUBTITLES}", text, "text/vtt")
        if (known := self._known(movie, stored, lines)) and await self._store.exists(name.export_key(FILM)):
            return Film([known, lines], text, None)
        path = folder / FILM
        loop = asyncio.get_running_loop()
        total = len(movie.frames)

        def pictures() -> Iterator[bytes]:
            # Made in a thread of its own, which waits for one frame after the other.
            for number, frame in enumerate(movie.frames):
                reading = self._store.get(name.frame_key(frame.index))
                yield asyncio.run_coroutine_threadsafe(reading, loop).result()
                loop.call_soon_threadsafe(report, "making the film", number + 1, total)

        try:
            await asyncio.to_thread(make_film, movie.script, pictures(), path, seconds)
        except ReelmillError as error:
            if "frame" not in error.metadata:
                raise
            raise ReelmillError(
                Reason.WRONG_STATE, f"{name} cannot be made into a film: {error.message}", **error.metadata
            ) from error
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        film = dataset_pb2.ManifestFile(
            path=f"exports/{FILM}", digest=digest, size=path.stat().st_size, content_type="video/mp4"
        )
        return Film([film, lines], text, path)

    def _known(
        self, movie: StoredMovie, stored: dataset_pb2.Manifest | None, lines: dataset_pb2.ManifestFile
    ) -> dataset_pb2.ManifestFile | None:
        """The stored manifest's film, if it is of the same frames, script and times."""
        if stored is None:
            return None
        before = {file.path: file for file in stored.files}
        same = all(before.get(file.path) == file for file in [*movie.files, lines])
        return before.get(f"exports/{FILM}") if same else None
