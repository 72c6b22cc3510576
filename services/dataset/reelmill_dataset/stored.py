"""Reads a movie's artefacts from the object store and checks that they are whole."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from reelmill.v1 import dataset_pb2, qa_pb2, render_pb2, script_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore

M = TypeVar("M", bound=Message)
_SHOWN = 10

PNG, JSON, JSONL = "image/png", "application/json", "application/jsonl"


@dataclass(frozen=True, slots=True)
class StoredMovie:
    """What the exports are made from, and the list of files it lies in."""

    script: script_pb2.Script
    questions: qa_pb2.QuestionSet
    files: list[dataset_pb2.ManifestFile]

    @property
    def frames(self) -> list[script_pb2.Frame]:
        return [
            frame for chapter in self.script.chapters for scene in chapter.scenes for frame in scene.frames
        ]


def listed(path: str, data: bytes, content_type: str) -> dataset_pb2.ManifestFile:
    """A manifest's line for a file; `path` is relative to the movie."""
    digest = hashlib.sha256(data).hexdigest()
    return dataset_pb2.ManifestFile(path=path, digest=digest, size=len(data), content_type=content_type)


class StoredMovies:
    def __init__(self, store: ObjectStore, concurrency: int = 8) -> None:
        """`concurrency`: frames that are read at a time."""
        self._store = store
        self._concurrency = concurrency

    async def load(self, name: MovieName, report: Report) -> StoredMovie:
        """Raises WRONG_STATE naming what is missing or does not fit its checksum, or STORE_UNAVAILABLE."""
        present = {info.key for info in await self._store.list(name.prefix)}
        texts = [key for key in (name.script_key, name.questions_key) if key not in present]
        if texts:
            raise _missing(name, texts)
        script, script_file = await self._message(name, name.script_key, script_pb2.Script())
        questions, questions_file = await self._message(name, name.questions_key, qa_pb2.QuestionSet())
        movie = StoredMovie(script, questions, [script_file, questions_file])
        indexes = [frame.index for frame in movie.frames]
        keys = [key for index in indexes for key in (name.frame_key(index), name.lineage_key(index))]
        if missing := [key for key in keys if key not in present]:
            raise _missing(name, missing)
        _check_evidence(name, questions, set(indexes))
        movie.files.extend(await self._frames(name, indexes, report))
        for key in sorted(present):
            if _is_other(_path(name, key)):
                content_type = JSON if key.endswith(".json") else "application/octet-stream"
                movie.files.append(listed(_path(name, key), await self._read(name, key), content_type))
        return movie

    async def _frames(
        self, name: MovieName, indexes: list[int], report: Report
    ) -> list[dataset_pb2.ManifestFile]:
        found: list[dataset_pb2.ManifestFile] = []
        waiting = iter(indexes)
        done = 0

        async def check_some() -> None:
            nonlocal done
            for index in waiting:
                found.extend(await self._frame(name, index))
                done += 1
                report("checking frames", done, len(indexes))

        tasks = [asyncio.create_task(check_some()) for _ in range(self._concurrency)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return found

    async def _frame(self, name: MovieName, index: int) -> list[dataset_pb2.ManifestFile]:
        lineage, lineage_file = await self._message(name, name.lineage_key(index), render_pb2.KeyFrame())
        image = await self._read(name, name.frame_key(index))
        image_file = listed(_path(name, name.frame_key(index)), image, PNG)
        if lineage.index != index or image_file.digest != lineage.image_digest:
            raise ReelmillError(
                Reason.WRONG_STATE,
                f"frame {index} of {name} is not the picture that its lineage describes "
                f"(sha256 {image_file.digest[:12]}.., expected {lineage.image_digest[:12]}..); draw it again",
                missing=_path(name, name.frame_key(index)),
                frame=str(index),
            )
        return [image_file, lineage_file]

    async def _message(self, name: MovieName, key: str, message: M) -> tuple[M, dataset_pb2.ManifestFile]:
        data = await self._read(name, key)
        try:
            json_format.Parse(data, message, ignore_unknown_fields=True)
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise ReelmillError(
                Reason.WRONG_STATE,
                f"{_path(name, key)} of {name} cannot be read ({str(error)[:200]}); make it again",
                missing=_path(name, key),
            ) from error
        return message, listed(_path(name, key), data, JSON)

    async def _read(self, name: MovieName, key: str) -> bytes:
        try:
            return await self._store.get(key)
        except ReelmillError as error:
            if error.reason is Reason.NOT_FOUND:
                raise _missing(name, [key]) from error
            raise


def _is_other(path: str) -> bool:
    """Whether a file is one of those that tell where the others are from.

    The record of the movie's state goes on changing, and the export writes its own files.
    """
    known = ("script.json", "questions.json", "manifest.json", "movie.json")
    return path not in known and not path.startswith(("frames/", "exports/"))


def _path(name: MovieName, key: str) -> str:
    return key.removeprefix(name.prefix)


def _missing(name: MovieName, keys: list[str]) -> ReelmillError:
    paths = [_path(name, key) for key in keys]
    shown = ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
    return ReelmillError(
        Reason.WRONG_STATE,
        f"{name} is not complete: {shown} missing; let its stages end, then export it",
        missing=shown,
    )


def _check_evidence(name: MovieName, questions: qa_pb2.QuestionSet, frames: set[int]) -> None:
    """Questions of another script would point to frames that are not there."""
    for question in questions.questions:
        strangers = [evidence.frame for evidence in question.evidence if evidence.frame not in frames]
        if strangers or not question.evidence:
            raise ReelmillError(
                Reason.WRONG_STATE,
                f"question {question.id} of {name} names frames {strangers} that its script does not have; "
                "write the questions again",
                missing="questions.json",
            )
