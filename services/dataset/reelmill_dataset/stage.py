"""The dataset stage: one core behind both doors. Exports a movie and stores its manifest last."""

import hashlib
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf import json_format

from reelmill.v1 import dataset_pb2
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import logger, tracer

from .films import FILM, SUBTITLES, Films, seconds_per_frame
from .formats import FORMATS
from .stored import StoredMovies, listed


class Export(NamedTuple):
    """A file made for training or watching."""

    file: str
    content_type: str
    data: bytes


class DatasetStage:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._movies = StoredMovies(store)
        self._films = Films(store)

    async def run(self, request: dataset_pb2.ExportMovieRequest, report: Report) -> dataset_pb2.Manifest:
        """Writes the export files and then the manifest; what is stored already and right is left as it is.

        Raises ReelmillError: INVALID_FIELD, WRONG_STATE naming what the movie lacks, or STORE_UNAVAILABLE.
        """
        name = MovieName.parse(request.movie, "movie")
        formats = _formats(request.formats)
        seconds = seconds_per_frame(request.seconds_per_frame)
        with (
            tracer().start_as_current_span("export movie", attributes={"reelmill.movie": str(name)}) as span,
            tempfile.TemporaryDirectory(prefix="reelmill-film-") as folder,
        ):
            movie = await self._movies.load(name, report)
            stored = await self._stored(name)
            texts = [FORMATS[form] for form in formats if form in FORMATS]
            exports = [
                Export(form.file, form.content_type, form.write(movie.script, movie.questions))
                for form in texts
            ]
            film = None
            if dataset_pb2.EXPORT_FORMAT_FILM in formats:
                film = await self._films.film(name, movie, stored, seconds, Path(folder), report)
                exports.append(Export(SUBTITLES, "text/vtt", film.subtitles))
            files = [
                *movie.files,
                *(listed(f"exports/{one.file}", one.data, one.content_type) for one in exports),
                *(film.files[:1] if film else []),
            ]
            manifest = dataset_pb2.Manifest(
                movie=str(name),
                files=sorted(files, key=lambda file: file.path),
                frames=len(movie.frames),
                questions=len(movie.questions.questions),
                digest=digest(files),
            )
            span.set_attribute("reelmill.reused", stored is not None and stored.digest == manifest.digest)
            if stored is not None and stored.digest == manifest.digest:
                manifest.create_time.CopyFrom(stored.create_time)
            made = film.made if film else None
            if stored != manifest or made or not await self._has(name, exports):
                await self._write(name, exports, made, manifest)
            report("exported", manifest.frames, manifest.frames)
            return manifest

    async def _write(
        self,
        name: MovieName,
        exports: list[Export],
        film: Path | None,
        manifest: dataset_pb2.Manifest,
    ) -> None:
        # A manifest that stood while its files were replaced would be wrong for a moment.
        await self._store.delete_prefix(name.manifest_key)
        for file, content_type, data in exports:
            await self._store.put(name.export_key(file), data, content_type)
        if film:
            await self._store.put_file(name.export_key(FILM), film, "video/mp4")
        if not manifest.HasField("create_time"):
            manifest.create_time.FromDatetime(datetime.now(UTC))
        data = json_format.MessageToJson(manifest, indent=1, ensure_ascii=False).encode()
        await self._store.put(name.manifest_key, data, "application/json")
        logger().info("movie exported", movie=str(name), files=len(manifest.files), digest=manifest.digest)

    async def _has(self, name: MovieName, exports: list[Export]) -> bool:
        """Whether the stored export files are the ones the manifest lists."""
        for file, _, data in exports:
            try:
                if await self._store.get(name.export_key(file)) != data:
                    return False
            except ReelmillError as error:
                if error.reason is not Reason.NOT_FOUND:
                    raise
                return False
        return True

    async def _stored(self, name: MovieName) -> dataset_pb2.Manifest | None:
        try:
            return json_format.Parse(await self._store.get(name.manifest_key), dataset_pb2.Manifest())
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
        except (json_format.ParseError, UnicodeDecodeError):
            logger().warning("stored manifest cannot be read and is written anew", movie=str(name))
        return None


def digest(files: Iterable[dataset_pb2.ManifestFile]) -> str:
    """sha256 over the lines "<digest>  <path>" sorted by path, as `sha256sum` prints them."""
    lines = (f"{file.digest}  {file.path}\n" for file in sorted(files, key=lambda file: file.path))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _formats(asked: Iterable[Any]) -> list[Any]:
    """Each format's number once; every format if none is named."""
    wanted = list(asked)
    possible = [*FORMATS, dataset_pb2.EXPORT_FORMAT_FILM]
    for index, value in enumerate(wanted):
        if value not in possible:
            names = ", ".join(dataset_pb2.ExportFormat.Name(known) for known in possible)
            raise invalid(f"formats[{index}]", f"{value} is none of {names}")
    return [value for value in possible if not wanted or value in wanted]
