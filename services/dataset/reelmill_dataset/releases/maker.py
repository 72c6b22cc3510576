"""Makes a release's files, movie by movie. What is done is kept: who breaks off can go on where they were."""

import asyncio
import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from google.protobuf import json_format
from pydantic import BaseModel, ValidationError

from reelmill.v1 import dataset_pb2, render_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore

from ..formats import story_json
from ..video import make_film, subtitles
from .card import card
from .movie import ReleaseMovie
from .packs import TABLES, parquet, rows_to_parquet, webdataset
from .plots import plots, svg
from .request import SPLITS, ReleaseRequest
from .rows import ALWAYS, BY_FORMAT, RowFile
from .source import Source
from .statistics import Statistics, of_movie

SUMS = "SHA256SUMS"
PARTS = ".parts/"
_LINEAGE = "lineage/{split}.jsonl"
_JSON, _JSONL = "application/json", "application/jsonl"
_BYTES = "application/octet-stream"


class File(BaseModel):
    """A file of the release; `path` is relative to its folder."""

    path: str
    digest: str
    size: int


class Part(BaseModel):
    """What one movie has added: kept when all of it is stored."""

    files: list[File]
    chunks: dict[str, str]
    """Keys of the movie's rows by the path of the file they go into."""
    statistics: Statistics


class Made(BaseModel):
    files: list[File]
    statistics: Statistics


class ReleaseMaker:
    def __init__(self, store: ObjectStore, request: ReleaseRequest, report: Report) -> None:
        self._store = store
        self._request = request
        self._report = report
        self._prefix = request.name.files_prefix(request.files_digest())
        self._attempt = f"{request.name.attempts_prefix}{request.files_digest()[:16]}"
        self._row_files: tuple[RowFile, ...] = (
            *ALWAYS,
            *(rows for value in request.formats for rows in BY_FORMAT.get(value, ())),
        )

    @property
    def prefix(self) -> str:
        return self._prefix

    async def make(self) -> Made:
        """Stores every file below `prefix`, and a list of them with checksums; but no record.

        Raises WRONG_STATE naming the movie and the file of it that is missing or changed; nothing is made
        before all movies were looked through.
        """
        sources = []
        for number, name in enumerate(self._request.movies):
            self._report("looking through the movies", number, len(self._request.movies))
            sources.append(await Source.open(self._store, name))
        await self._store.put(self._attempt, b"", "text/plain")
        parts = []
        for number, source in enumerate(sources):
            self._report(f"movie {number + 1} of {len(sources)}", number, len(sources))
            parts.append(await self._part(source, number, len(sources)))
        self._report("writing what movies share", len(sources), len(sources))
        statistics = Statistics()
        for part in parts:
            statistics.add(part.statistics)
        files = [file for part in parts for file in part.files]
        async with _folder() as folder:
            files += await self._joined(parts, folder)
        files += await self._shared(statistics, files)
        files.sort(key=lambda file: file.path)
        sums = "".join(f"{file.digest}  {file.path}\n" for file in files).encode()
        await self._store.put(f"{self._prefix}{SUMS}", sums, "text/plain")
        files.append(_file(SUMS, sums))
        return Made(files=files, statistics=statistics)

    async def clear(self) -> None:
        """Removes what only the making needed."""
        await self._store.delete_prefix(f"{self._prefix}{PARTS}")

    async def undo(self) -> None:
        """Removes all that was made."""
        await self._store.delete_prefix(self._prefix)
        await self._store.delete_prefix(self._attempt)

    # One movie.

    async def _part(self, source: Source, number: int, count: int) -> Part:
        key = f"{self._prefix}{PARTS}{source.name.movie}.json"
        try:
            return Part.model_validate_json(await self._store.get(key))
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
        except ValidationError:
            pass  # of another version: made anew
        async with _folder() as folder:
            part = await self._new_part(source, folder, f"movie {number + 1} of {count}: frames")
        await self._store.put(key, part.model_dump_json().encode(), _JSON)
        return part

    async def _new_part(self, source: Source, folder: Path, doing: str) -> Part:
        request = self._request
        movie = ReleaseMovie(
            source.name,
            request.split(source.name),
            await source.script(),
            await source.questions(),
            request.seconds_per_frame,
        )
        pictures = folder / "frames"
        await asyncio.to_thread(pictures.mkdir)
        files: list[File] = []
        lineage: dict[int, render_pb2.KeyFrame] = {}
        indexes = [frame.index for frame in movie.frames]

        async def copy(index: int, frame: render_pb2.KeyFrame, listed: dataset_pb2.ManifestFile) -> None:
            path = movie.frame(index)
            await self._store.copy(source.name.frame_key(index), f"{self._prefix}{path}")
            lineage[index] = frame
            files.append(File(path=path, digest=listed.digest, size=listed.size))
            self._report(doing, len(files), len(indexes))

        await source.frames(indexes, pictures, copy)
        ordered = [lineage[index] for index in indexes]
        if request.videos:
            files += await self._film(source, movie, pictures, folder)
        files += await self._packs(movie, pictures, folder)
        chunks = await self._chunks(movie, ordered, folder)
        return Part(files=files, chunks=chunks, statistics=of_movie(movie, ordered))

    async def _film(self, source: Source, movie: ReleaseMovie, pictures: Path, folder: Path) -> list[File]:
        """The movie's own film where its times are those asked for; else one is made."""
        text = subtitles(movie.script, movie.seconds_per_frame).encode()
        own = source.film_files()
        if own and own[1].digest == hashlib.sha256(text).hexdigest():
            await self._store.copy(source.name.export_key("film.mp4"), f"{self._prefix}{movie.video}")
            film = File(path=movie.video, digest=own[0].digest, size=own[0].size)
        else:
            path = folder / "film.mp4"
            shots = ((pictures / f"{frame.index:06d}.png").read_bytes() for frame in movie.frames)
            await asyncio.to_thread(make_film, movie.script, shots, path, movie.seconds_per_frame)
            film = await self._upload(path, movie.video, "video/mp4")
        await self._store.put(f"{self._prefix}{movie.subtitles}", text, "text/vtt")
        return [film, _file(movie.subtitles, text)]

    async def _packs(self, movie: ReleaseMovie, pictures: Path, folder: Path) -> list[File]:
        made = []
        formats = self._request.formats
        if dataset_pb2.EXPORT_FORMAT_STORY_JSON in formats:
            data = story_json(movie.script, movie.questions)
            path = f"story_json/{movie.id}.json"
            await self._store.put(f"{self._prefix}{path}", data, _JSON)
            made.append(_file(path, data))
        for value, write, path, kind in (
            (dataset_pb2.EXPORT_FORMAT_WEBDATASET, webdataset, "webdataset/{}/{}.tar", "application/x-tar"),
            (
                dataset_pb2.EXPORT_FORMAT_HF_PARQUET,
                parquet,
                "parquet/frames/{}/{}.parquet",
                _BYTES,
            ),
        ):
            if value in formats:
                file = folder / "pack"
                await asyncio.to_thread(write, movie, pictures, file)
                made.append(await self._upload(file, path.format(movie.split, movie.id), kind))
                await asyncio.to_thread(file.unlink)
        return made

    async def _chunks(
        self, movie: ReleaseMovie, lineage: list[render_pb2.KeyFrame], folder: Path
    ) -> dict[str, str]:
        """The movie's rows of every file, each stored by itself until all movies are there."""
        keys = {}
        path = folder / "rows"
        for number, file in enumerate([*self._row_files, None]):
            if file is None:
                name = _LINEAGE.format(split=movie.split)
                rows = ({"movie": movie.id, **_lineage(frame)} for frame in lineage)
            else:
                name = file.path.format(split=movie.split)
                rows = file.rows(movie)  # type: ignore[assignment]
            await asyncio.to_thread(_write_rows, rows, path)
            keys[name] = f"{self._prefix}{PARTS}{movie.id}/{number}.jsonl"
            await self._store.put_file(keys[name], path, _JSONL)
        return keys

    # What movies share.

    async def _joined(self, parts: list[Part], folder: Path) -> list[File]:
        """The files of rows, each from all movies' chunks in the movies' order."""
        arrays = {file.path.format(split=split) for file in self._row_files for split in SPLITS if file.array}
        made = []
        names = dict.fromkeys(name for part in parts for name in part.chunks)
        for name in sorted(names):
            target, chunk = folder / "joined", folder / "chunk"
            empty = True
            with target.open("wb") as joined:
                for part in parts:
                    if name not in part.chunks:
                        continue
                    await self._store.get_file(part.chunks[name], chunk)
                    empty = await asyncio.to_thread(_append, chunk, joined, name in arrays, empty)
                if name in arrays and not empty:
                    joined.write(b"\n]\n")
            if empty:
                continue
            made.append(await self._upload(target, name, _JSON if name in arrays else _JSONL))
            table, _, file = name.partition("/")
            if table in TABLES and dataset_pb2.EXPORT_FORMAT_HF_PARQUET in self._request.formats:
                await asyncio.to_thread(rows_to_parquet, target, TABLES[table], chunk)
                path = f"parquet/{table}/{file.removesuffix('.jsonl')}.parquet"
                made.append(await self._upload(chunk, path, _BYTES))
        return made

    async def _shared(self, statistics: Statistics, files: list[File]) -> list[File]:
        """The data card with its plots, and LLaMA-Factory's list of datasets."""
        texts = {plot.path: (svg(plot), "image/svg+xml") for plot in plots(statistics)}
        texts |= {"README.md": (card(self._request, statistics, files), "text/markdown")}
        if dataset_pb2.EXPORT_FORMAT_LLAMA_FACTORY in self._request.formats:
            paths = {file.path for file in files}
            info = {
                f"{self._request.name.release}_{split}": _dataset_info(f"llama_factory/{split}.json")
                for split in SPLITS
                if f"llama_factory/{split}.json" in paths
            }
            texts["dataset_info.json"] = (json.dumps(info, indent=1).encode() + b"\n", _JSON)
        made = []
        for path, (data, content_type) in texts.items():
            await self._store.put(f"{self._prefix}{path}", data, content_type)
            made.append(_file(path, data))
        return made

    async def _upload(self, path: Path, name: str, content_type: str) -> File:
        digest, size = await asyncio.to_thread(_measure, path)
        await self._store.put_file(f"{self._prefix}{name}", path, content_type)
        return File(path=name, digest=digest, size=size)


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    """Gone afterwards; a feature's thousand files go in a thread, as removing them takes seconds."""
    made = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="reelmill-release-")
    try:
        yield Path(made.name)
    finally:
        await asyncio.to_thread(made.cleanup)


def _write_rows(rows: Iterable[dict[str, object]], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _lineage(frame: render_pb2.KeyFrame) -> dict[str, object]:
    """Every row with the same fields, those that are zero too."""
    return json_format.MessageToDict(frame, always_print_fields_with_no_presence=True)


def _append(chunk: Path, joined: "object", array: bool, empty: bool) -> bool:
    """Appends JSON Lines as they are, or as items of an array; returns whether the file is still empty."""
    with chunk.open("rb") as lines:
        for line in lines:
            if array:
                line = (b"[\n" if empty else b",\n") + line.rstrip(b"\n")
            joined.write(line)  # type: ignore[attr-defined]
            empty = False
    return empty


def _measure(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


def _file(path: str, data: bytes) -> File:
    return File(path=path, digest=hashlib.sha256(data).hexdigest(), size=len(data))


def _dataset_info(file: str) -> dict[str, object]:
    """As LLaMA-Factory reads it: media paths are relative to the folder of dataset_info.json."""
    return {
        "file_name": file,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "videos": "videos"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
        },
    }
