"""The core of releases: makes one, keeps its record, finds it again, compares it with its checksums."""

import asyncio
import hashlib
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from google.protobuf import json_format
from pydantic import BaseModel, ValidationError

from reelmill.v1 import dataset_pb2
from reelmill_kit import tasks
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.listing import Filter, Page, ReadMask
from reelmill_kit.names import ProjectName, ReleaseName
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import logger, tracer

from .maker import SUMS, ReleaseMaker
from .request import ReleaseRequest

_CHECKED_AT_A_TIME = 8


class Record(BaseModel):
    """What makes a release exist: the last object written, and the only one that readers look for."""

    release: dict[str, object]
    request_digest: str
    prefix: str


class ReleaseStage:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def create(self, message: dataset_pb2.CreateReleaseRequest, report: Report) -> dataset_pb2.Release:
        """The release; the one that is there where it was made by the same request.

        Raises INVALID_FIELD, ALREADY_EXISTS where the name belongs to another request, WRONG_STATE naming the
        movie and what of it is missing or changed, or STORE_UNAVAILABLE.
        """
        request = ReleaseRequest.parse(message)
        with tracer().start_as_current_span(
            "make release",
            attributes={"reelmill.release": str(request.name), "reelmill.movies": len(request.movies)},
        ):
            maker = ReleaseMaker(self._store, request, report)
            if record := await self._record(request.name):
                return await self._again(request, record, maker)
            try:
                made = await maker.make()
            except ReelmillError:
                # Whoever makes one of this name at the same moment tidies up when they are done.
                if await self._record(request.name):
                    return await self._lost(request, maker)
                raise
            release = request.message()
            release.create_time.FromDatetime(datetime.now(UTC))
            release.digest = next(file.digest for file in made.files if file.path == SUMS)
            release.size = sum(file.size for file in made.files)
            release.files = len(made.files)
            release.frames = sum(made.statistics.frames.values())
            release.questions = sum(made.statistics.questions.values())
            release.uri = self._store.uri(maker.prefix)
            record = Record(
                release=json_format.MessageToDict(release),
                request_digest=request.digest(),
                prefix=maker.prefix,
            )
            data = record.model_dump_json(indent=1).encode()
            if not await self._store.put_new(request.name.record_key, data, "application/json"):
                return await self._lost(request, maker)
            await maker.clear()
            await self._clear_attempts(request.name, maker.prefix)
            logger().info("release made", release=str(request.name), files=release.files, size=release.size)
            report("released", len(request.movies), len(request.movies))
            return release

    async def get(self, text: str) -> dataset_pb2.Release:
        """Raises INVALID_FIELD or NOT_FOUND."""
        return _release(await self.existing(ReleaseName.parse(text, "name")))

    async def list(self, message: dataset_pb2.ListReleasesRequest) -> dataset_pb2.ListReleasesResponse:
        """Newest first. Raises INVALID_FIELD."""
        project = ProjectName.parse(message.parent, "parent")
        wanted = Filter(message.filter, dataset_pb2.Release)
        mask = ReadMask(message.read_mask, dataset_pb2.Release)
        query = [message.parent, message.filter]
        page = Page("ListReleases", message.page_size, message.page_token, query)
        releases, unreachable = [], []
        for info in await self._store.list(f"{project}/releases/"):
            try:
                if record := await self._read(info.key):
                    releases.append(_release(record))
            except ReelmillError as error:
                if error.reason is not Reason.WRONG_STATE:
                    raise
                logger().error("release not listed", key=info.key, error=error.message)
                unreachable.append(info.key.removesuffix(".json"))
        found, token = page.of(release for release in releases if wanted.matches(release))
        return dataset_pb2.ListReleasesResponse(
            releases=[mask.of(release) for release in found], next_page_token=token, unreachable=unreachable
        )

    async def verify(self, text: str, report: Report) -> dataset_pb2.VerifyReleaseResponse.Result:
        """Reads every file of a release. Raises INVALID_FIELD or NOT_FOUND.

        Where the list of checksums itself is missing or changed, that alone is said: nothing can be compared.
        """
        record = await self.existing(ReleaseName.parse(text, "name"))
        data = await self._stored(f"{record.prefix}{SUMS}")
        if data is None or hashlib.sha256(data).hexdigest() != record.release["digest"]:
            return dataset_pb2.VerifyReleaseResponse.Result(
                missing=[SUMS] if data is None else [],
                changed=[SUMS] if data is not None else [],
                files=_release(record).files,
            )
        wanted = {SUMS: hashlib.sha256(data).hexdigest()}
        wanted |= {line[66:]: line[:64] for line in data.decode().splitlines()}
        present = {info.key.removeprefix(record.prefix) for info in await self._store.list(record.prefix)}
        result = dataset_pb2.VerifyReleaseResponse.Result(
            missing=sorted(set(wanted) - present), unknown=sorted(present - set(wanted)), files=len(wanted)
        )
        waiting = iter(sorted(set(wanted) & present))
        done = 0

        async def check_some(folder: Path) -> None:
            nonlocal done
            for path in waiting:
                file = folder / hashlib.sha256(path.encode()).hexdigest()
                await self._store.get_file(f"{record.prefix}{path}", file)
                if await asyncio.to_thread(_taken, file) != wanted[path]:
                    result.changed.append(path)
                done += 1
                report("comparing files", done, len(wanted))

        with tempfile.TemporaryDirectory(prefix="reelmill-verify-") as folder:
            work = [asyncio.create_task(check_some(Path(folder))) for _ in range(_CHECKED_AT_A_TIME)]
            try:
                await asyncio.gather(*work)
            finally:
                await tasks.end(work)
        result.changed.sort()
        return result

    def _known(self, request: ReleaseRequest, record: Record) -> dataset_pb2.Release:
        if record.request_digest != request.digest():
            raise ReelmillError(
                Reason.ALREADY_EXISTS,
                f"{request.name} is there already, made by another request; a release never changes: "
                "take another id, for example with a higher version",
                release=str(request.name),
            )
        return _release(record)

    async def _again(
        self, request: ReleaseRequest, record: Record, maker: ReleaseMaker
    ) -> dataset_pb2.Release:
        """The release that is there. Who has made it may have died before it was tidied up."""
        known = self._known(request, record)
        if record.prefix == maker.prefix:
            await maker.clear()
            await self._clear_attempts(request.name, record.prefix)
        return known

    async def _lost(self, request: ReleaseRequest, maker: ReleaseMaker) -> dataset_pb2.Release:
        """Somebody else was first: with the same files, or with a release of their own."""
        record = await self.existing(request.name)
        if record.prefix != maker.prefix:
            await maker.undo()
        return await self._again(request, record, maker)

    async def _clear_attempts(self, name: ReleaseName, made: str) -> None:
        """Removes what other requests for this name have left behind: none of it can become a release now."""
        for info in await self._store.list(name.attempts_prefix):
            prefix = name.files_prefix(info.key.removeprefix(name.attempts_prefix))
            if prefix != made:
                await self._store.delete_prefix(prefix)
            await self._store.delete_prefix(info.key)

    async def existing(self, name: ReleaseName) -> Record:
        """Raises NOT_FOUND."""
        if record := await self._record(name):
            return record
        raise ReelmillError(Reason.NOT_FOUND, f"there is no release {name}", release=str(name))

    async def _record(self, name: ReleaseName) -> Record | None:
        return await self._read(name.record_key)

    async def _read(self, key: str) -> Record | None:
        if (data := await self._stored(key)) is None:
            return None
        try:
            return Record.model_validate_json(data)
        except ValidationError as error:
            raise ReelmillError(
                Reason.WRONG_STATE, f"the record {key} cannot be read; restore it from a backup", key=key
            ) from error

    async def _stored(self, key: str) -> bytes | None:
        try:
            return await self._store.get(key)
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return None


def _release(record: Record) -> dataset_pb2.Release:
    return json_format.ParseDict(record.release, dataset_pb2.Release(), ignore_unknown_fields=True)


def _taken(path: Path) -> str:
    """The file's sha256; the file is gone then."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    path.unlink()
    return digest
