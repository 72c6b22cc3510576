"""Finished movies as a release takes them: looked through before anything is made, fetched with checksums."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from reelmill.v1 import dataset_pb2, qa_pb2, render_pb2, script_pb2
from reelmill_kit import tasks
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import MovieName
from reelmill_kit.store import ObjectStore

from ..films import FILM, SUBTITLES

M = TypeVar("M", bound=Message)
Take = Callable[[int, render_pb2.KeyFrame, dataset_pb2.ManifestFile], Awaitable[None]]
_FETCHED_AT_A_TIME = 16
_SHOWN = 5


class Source:
    """One movie: what its manifest lists. Methods raise WRONG_STATE naming what is wrong."""

    def __init__(self, store: ObjectStore, name: MovieName, manifest: dataset_pb2.Manifest) -> None:
        self._store = store
        self.name = name
        self._files = {file.path: file for file in manifest.files}

    @classmethod
    async def open(cls, store: ObjectStore, name: MovieName) -> "Source":
        """Looks whether the movie is finished and all that its manifest lists is there, by size."""
        try:
            data = await store.get(name.manifest_key)
            manifest = json_format.Parse(data, dataset_pb2.Manifest(), ignore_unknown_fields=True)
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            raise ReelmillError(
                Reason.WRONG_STATE,
                f"{name} is not finished: it has no manifest; let it end, or leave it out of the release",
                movie=str(name),
                missing="manifest.json",
            ) from error
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise _wrong(name, "manifest.json", "cannot be read") from error
        source = cls(store, name, manifest)
        sizes = {info.key.removeprefix(name.prefix): info.size for info in await store.list(name.prefix)}
        files = source._files.values()
        for what, bad in (
            ("missing", [file.path for file in files if file.path not in sizes]),
            ("not as large as its manifest says", [f.path for f in files if sizes.get(f.path) != f.size]),
        ):
            if bad:
                shown = ", ".join(sorted(bad)[:_SHOWN])
                more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
                raise _wrong(name, sorted(bad)[0], f"is {what}", f"{shown}{more}")
        return source

    async def script(self) -> script_pb2.Script:
        return await self._message("script.json", script_pb2.Script())

    async def questions(self) -> qa_pb2.QuestionSet:
        return await self._message("questions.json", qa_pb2.QuestionSet())

    def digest(self, path: str) -> str:
        """The manifest's sha256 of a file, empty where it lists none."""
        return self._files[path].digest if path in self._files else ""

    def film_files(self) -> tuple[dataset_pb2.ManifestFile, dataset_pb2.ManifestFile] | None:
        """The movie's own film and its subtitles, where it has them."""
        film, lines = (self._files.get(f"exports/{name}") for name in (FILM, SUBTITLES))
        return (film, lines) if film is not None and lines is not None else None

    async def frames(self, indexes: list[int], folder: Path, take: Take) -> None:
        """Fetches pictures into `folder` as 000042.png; `take` gets each with its lineage, in any order."""
        waiting = iter(indexes)

        async def some() -> None:
            for index in waiting:
                lineage = await self._message(f"frames/{index:06d}.json", render_pb2.KeyFrame())
                path, target = f"frames/{index:06d}.png", folder / f"{index:06d}.png"
                await self._fetch(path, target)
                file = self._files.get(path)
                if file is None or await asyncio.to_thread(_digest, target) != file.digest:
                    raise _wrong(self.name, path, "is not the picture that its manifest lists")
                await take(index, lineage, file)

        work = [asyncio.create_task(some()) for _ in range(_FETCHED_AT_A_TIME)]
        try:
            await asyncio.gather(*work)
        finally:
            await tasks.end(work)

    async def _fetch(self, path: str, target: Path) -> None:
        try:
            await self._store.get_file(f"{self.name.prefix}{path}", target)
        except ReelmillError as error:
            if error.reason is Reason.NOT_FOUND:
                raise _wrong(self.name, path, "is missing") from error
            raise

    async def _message(self, path: str, message: M) -> M:
        try:
            data = await self._store.get(f"{self.name.prefix}{path}")
        except ReelmillError as error:
            if error.reason is Reason.NOT_FOUND:
                raise _wrong(self.name, path, "is missing") from error
            raise
        if hashlib.sha256(data).hexdigest() != self.digest(path):
            raise _wrong(self.name, path, "is not what its manifest lists")
        try:
            return json_format.Parse(data, message, ignore_unknown_fields=True)
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise _wrong(self.name, path, "cannot be read") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wrong(name: MovieName, path: str, what: str, shown: str = "") -> ReelmillError:
    details = {"movie": str(name), "missing": path}
    number = path.removeprefix("frames/").removesuffix(".png").removesuffix(".json")
    if path.startswith("frames/") and number.isdigit():
        details["frame"] = str(int(number))
    return ReelmillError(
        Reason.WRONG_STATE,
        f"{shown or path} of {name} {what}; retry the movie and export it, or leave it out of the release",
        **details,
    )
