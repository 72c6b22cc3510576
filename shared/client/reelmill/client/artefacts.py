"""Fetches a movie's artefacts from the object store, checked against the manifest; stores stories."""

import asyncio
import hashlib
import io
import os
import ssl
from collections.abc import Callable, Container, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

import urllib3
from google.protobuf import json_format
from minio import Minio
from minio.error import MinioException, S3Error

from reelmill.v1 import dataset_pb2

_MANIFEST, _SUMS = "manifest.json", "SHA256SUMS"
P = ParamSpec("P")
R = TypeVar("R")
Progress = Callable[[int, int], None]
"""Called with the files done and the files in all."""


class DownloadError(Exception):
    """Artefacts could not be fetched, or are not what the manifest says; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A stored file; `path` is relative to the movie."""

    path: str
    size: int


class ArtefactStore:
    """The object store that a Reelmill installation writes to. Methods raise DownloadError."""

    def __init__(
        self, endpoint: str, access_key: str, secret_key: str, region: str = "us-east-1", ca: str = ""
    ) -> None:
        """`endpoint`: http(s)://host:port. `ca`: a file of certificates to believe beside the system's."""
        url = urlsplit(endpoint)
        if url.scheme not in ("http", "https") or not url.netloc:
            raise DownloadError(f"REELMILL_S3_ENDPOINT {endpoint!r} is not http(s)://host:port")
        self._endpoint = endpoint
        self._client = Minio(
            endpoint=url.netloc,
            access_key=access_key,
            secret_key=secret_key,
            secure=url.scheme == "https",
            region=region,
            http_client=urllib3.PoolManager(
                maxsize=64,
                ssl_context=_trusting(ca),
                timeout=urllib3.Timeout(connect=3, read=20),
                retries=urllib3.Retry(
                    total=4, connect=2, read=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]
                ),
            ),
        )

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> "ArtefactStore":
        """From REELMILL_S3_ENDPOINT, _ACCESS_KEY, _SECRET_KEY and _REGION, and REELMILL_TLS_CA."""
        return cls(*store_settings(settings))

    async def upload(self, bucket: str, key: str, data: bytes, content_type: str) -> None:
        """Stores an object; what was there under this key is replaced."""

        def put() -> None:
            content = io.BytesIO(data)
            self._client.put_object(bucket, key, content, len(data), content_type=content_type)

        await self._call(put)

    async def files(self, uri: str) -> list[Artefact]:
        """What lies below "s3://bucket/prefix/", sorted by path."""
        bucket, prefix = _parse(uri)

        def read() -> list[Artefact]:
            found = self._client.list_objects(bucket, prefix=prefix, recursive=True)
            return [
                Artefact(str(item.object_name).removeprefix(prefix), item.size or 0)
                for item in found
                if not item.is_dir
            ]

        return sorted(await self._call(read), key=lambda artefact: artefact.path)

    async def download(
        self,
        uri: str,
        folder: Path,
        *,
        parallel: int = 8,
        only: str = "*",
        progress: Progress = lambda done, total: None,
        sums: str = "",
    ) -> list[Path]:
        """Everything below "s3://bucket/prefix/" into `folder`, `parallel` files at a time; returns them.

        A file is there whole or not at all. Where a movie has a manifest, or a release its list of checksums,
        every file is checked against it, and one that is in the folder already and right is not fetched
        again: a download that broke off goes on. What a release's list does not name is no part of it and
        left out. `only`: those whose path is like this pattern, "frames/*.png" for a movie's frames.
        `sums`: the list's own sha256, where it is known.
        """
        artefacts = await self.files(uri)
        bucket, prefix = _parse(uri)
        digests = await self._digests(bucket, prefix, artefacts, sums)
        if _SUMS in digests:
            artefacts = [artefact for artefact in artefacts if artefact.path in digests]
        artefacts = [artefact for artefact in artefacts if fnmatchcase(artefact.path, only)]
        known, digests = digests, {path: sum_ for path, sum_ in digests.items() if fnmatchcase(path, only)}
        if known and not (artefacts or digests):
            raise DownloadError(f"nothing that is listed below {uri} is like {only!r}")
        targets = {artefact.path: _target(folder, artefact.path) for artefact in artefacts}
        if lost := sorted(set(digests) - set(targets)):
            raise DownloadError(f"{lost[0]} is not in the object store, as {_listing(known)}")
        waiting = iter(artefacts)
        done = 0

        def fetch(artefact: Artefact) -> None:
            target, digest = targets[artefact.path], digests.get(artefact.path)
            if digest and target.is_file() and _sha256(target) == digest:
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            self._client.fget_object(bucket, prefix + artefact.path, str(target))
            if digest and _sha256(target) != digest:
                target.unlink()
                raise DownloadError(f"{artefact.path} is not what {_listing(known)}")

        loop = asyncio.get_running_loop()
        # asyncio's own threads are few where cores are few.
        threads = ThreadPoolExecutor(max(1, parallel), thread_name_prefix="reelmill-download")

        async def work() -> None:
            nonlocal done
            for artefact in waiting:
                with self._telling():
                    await loop.run_in_executor(threads, fetch, artefact)
                done += 1
                progress(done, len(artefacts))

        progress(0, len(artefacts))
        workers = [asyncio.create_task(work()) for _ in range(max(1, parallel))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            threads.shutdown(wait=False, cancel_futures=True)
        return [targets[artefact.path] for artefact in artefacts]

    async def _digests(
        self, bucket: str, prefix: str, artefacts: list[Artefact], sums: str
    ) -> dict[str, str]:
        """Checksums by path: a movie's manifest's, a release's list's; none where neither is."""
        paths = {artefact.path for artefact in artefacts}

        def read(name: str) -> bytes:
            response = self._client.get_object(bucket, prefix + name)
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

        if _SUMS in paths:
            data = await self._call(read, _SUMS)
            found = hashlib.sha256(data).hexdigest()
            if sums and sums != found:
                raise DownloadError(
                    f"{_SUMS} is not the one of the release; `reelmill release verify` says more"
                )
            listed = {line[66:]: line[:64] for line in data.decode(errors="replace").splitlines()}
            return {_SUMS: found, **listed}
        if sums:
            raise DownloadError(f"{_SUMS} is missing; `reelmill release verify` says more")
        if _MANIFEST not in paths:
            return {}
        try:
            manifest = json_format.Parse(
                await self._call(read, _MANIFEST), dataset_pb2.Manifest(), ignore_unknown_fields=True
            )
        except json_format.ParseError as error:
            raise DownloadError(f"the movie's manifest cannot be read: {error}") from error
        return {file.path: file.digest for file in manifest.files}

    async def _call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        with self._telling():
            return await asyncio.to_thread(function, *args, **kwargs)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Errors of the S3 client and of files become DownloadErrors."""
        try:
            yield
        except S3Error as error:
            raise DownloadError(
                f"the object store at {self._endpoint} says {error.code}: {error.message}"
            ) from error
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise DownloadError(
                f"the object store at {self._endpoint} cannot be reached ({type(error).__name__}); "
                "check REELMILL_S3_ENDPOINT"
            ) from error
        except OSError as error:
            raise DownloadError(f"{error.strerror or error}: {error.filename or ''}".rstrip(": ")) from error


def store_settings(settings: Mapping[str, str]) -> tuple[str, str, str, str, str]:
    """What ArtefactStore is made with. Raises DownloadError naming what is missing."""
    if missing := [
        name
        for name in ("REELMILL_S3_ENDPOINT", "REELMILL_S3_ACCESS_KEY", "REELMILL_S3_SECRET_KEY")
        if not settings.get(name)
    ]:
        raise DownloadError(f"set {', '.join(missing)} to the object store of the installation")
    return (
        settings["REELMILL_S3_ENDPOINT"],
        settings["REELMILL_S3_ACCESS_KEY"],
        settings["REELMILL_S3_SECRET_KEY"],
        settings.get("REELMILL_S3_REGION", "us-east-1"),
        settings.get("REELMILL_TLS_CA", ""),
    )


def _listing(paths: Container[str]) -> str:
    """Who says so, and what to do."""
    if _SUMS in paths:
        return f"{_SUMS} says; `reelmill release verify` names all such files"
    return "the manifest says; export the movie again"


def _trusting(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if ca:
            context.load_verify_locations(ca)
    except OSError as error:  # ssl.SSLError is one
        raise DownloadError(f"REELMILL_TLS_CA {ca!r} is no file of certificates: {error}") from error
    return context


def _parse(uri: str) -> tuple[str, str]:
    url = urlsplit(uri)
    prefix = url.path.removeprefix("/")
    if url.scheme != "s3" or not url.netloc or not prefix.endswith("/"):
        raise DownloadError(f"{uri!r} is not s3://bucket/prefix/")
    return url.netloc, prefix


def _target(folder: Path, path: str) -> Path:
    """Where a file goes; keys that would lead out of the folder are refused."""
    parts = PurePosixPath(path)
    if not path or parts.is_absolute() or ".." in parts.parts or os.sep != "/" or "\0" in path:
        raise DownloadError(f"{path!r} is no path below the folder")
    return folder / parts


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
