"""The dataset stage: one core behind both doors. Exports a movie and stores its manifest last."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

from google.protobuf import json_format

from reelmill.v1 import dataset_pb2
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import logger, tracer

from .formats import FORMATS, Format
from .stored import StoredMovies, listed


class DatasetStage:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._movies = StoredMovies(store)

    async def run(self, request: dataset_pb2.ExportMovieRequest, report: Report) -> dataset_pb2.Manifest:
        """Writes the export files and then the manifest; what is stored already and right is left as it is.

        Raises ReelmillError: INVALID_FIELD, WRONG_STATE naming what the movie lacks, or STORE_UNAVAILABLE.
        """
        name = MovieName.parse(request.movie, "movie")
        formats = _formats(request.formats)
        with tracer().start_as_current_span("export movie", attributes={"reelmill.movie": str(name)}) as span:
            movie = await self._movies.load(name, report)
            exports = {form: form.write(movie.script, movie.questions) for form in formats}
            files = [
                *movie.files,
                *(listed(f"exports/{form.file}", data, form.content_type) for form, data in exports.items()),
            ]
            manifest = dataset_pb2.Manifest(
                movie=str(name),
                files=sorted(files, key=lambda file: file.path),
                frames=len(movie.frames),
                questions=len(movie.questions.questions),
                digest=digest(files),
            )
            stored = await self._stored(name)
            span.set_attribute("reelmill.reused", stored is not None and stored.digest == manifest.digest)
            if stored is not None and stored.digest == manifest.digest:
                manifest.create_time.CopyFrom(stored.create_time)
            if stored != manifest or not await self._has(name, exports):
                await self._write(name, exports, manifest)
            report("exported", manifest.frames, manifest.frames)
            return manifest

    async def _write(
        self, name: MovieName, exports: dict[Format, bytes], manifest: dataset_pb2.Manifest
    ) -> None:
        # A manifest that stood while its files were replaced would be wrong for a moment.
        await self._store.delete_prefix(name.manifest_key)
        for form, data in exports.items():
            await self._store.put(name.export_key(form.file), data, form.content_type)
        if not manifest.HasField("create_time"):
            manifest.create_time.FromDatetime(datetime.now(UTC))
        data = json_format.MessageToJson(manifest, indent=1, ensure_ascii=False).encode()
        await self._store.put(name.manifest_key, data, "application/json")
        logger().info("movie exported", movie=str(name), files=len(manifest.files), digest=manifest.digest)

    async def _has(self, name: MovieName, exports: dict[Format, bytes]) -> bool:
        """Whether the stored export files are the ones the manifest lists."""
        for form, data in exports.items():
            try:
                if await self._store.get(name.export_key(form.file)) != data:
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


def _formats(asked: Iterable[dataset_pb2.ExportFormat.ValueType]) -> list[Format]:
    """Each format once; every format if none is named."""
    wanted = list(asked)
    for index, value in enumerate(wanted):
        if value not in FORMATS:
            names = ", ".join(dataset_pb2.ExportFormat.Name(known) for known in FORMATS)
            raise invalid(f"formats[{index}]", f"{value} is none of {names}")
    return [form for value, form in FORMATS.items() if not wanted or value in wanted]
