"""The object store: the record of everything that was made. One port, plain S3 behind it."""

import asyncio
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from opentelemetry.trace import SpanKind

from .errors import Reason, ReelmillError
from .rights.store import PROBE
from .settings import ServiceSettings
from .telemetry import tracer
from .tls.trust import trusting

T = TypeVar("T")
_PIECE = 1024 * 1024  # bytes
_ABSENT = {"NoSuchKey", "NoSuchObject", "NotFound"}
_TAKEN = {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    key: str
    size: int


class ObjectStore(Protocol):
    """Objects by key. Every method raises STORE_UNAVAILABLE where the store cannot be reached."""

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        """Stores the object whole or not at all; replaces what was there."""

    async def put_file(self, key: str, path: Path, content_type: str) -> None:
        """Stores a file as `put` stores bytes, without holding it in memory."""

    async def put_new(self, key: str, data: bytes, content_type: str) -> bool:
        """Stores the object if there is none of this key; returns whether it did.

        Of several who try at once one succeeds, on servers that keep S3's `If-None-Match` (AWS, MinIO,
        SeaweedFS, Ceph; not JuiceFS's gateway, where the last of those who come at the same moment wins).
        """

    async def copy(self, source: str, target: str) -> None:
        """Copies an object inside the store. Raises NOT_FOUND."""

    async def get(self, key: str) -> bytes:
        """Raises NOT_FOUND."""

    async def get_file(self, key: str, path: Path) -> None:
        """Fetches an object into a file, without holding it in memory. Raises NOT_FOUND."""

    async def exists(self, key: str) -> bool: ...

    async def list(self, prefix: str) -> list[ObjectInfo]:
        """Every object below the prefix, sorted by key."""

    async def delete_prefix(self, prefix: str) -> None:
        """Removes every object below the prefix; none there is fine."""

    async def check(self) -> None:
        """Returns if the store can be used now."""

    def uri(self, key: str) -> str: ...


class S3Store:
    """ObjectStore on any S3 server, through the `minio` client."""

    def __init__(self, settings: ServiceSettings) -> None:
        endpoint = urlsplit(settings.s3_endpoint)
        self._bucket = settings.s3_bucket
        self._may_write = False
        self._endpoint = settings.s3_endpoint
        self._http = urllib3.PoolManager(
            maxsize=32,
            ssl_context=trusting(settings.tls_ca),
            timeout=urllib3.Timeout(connect=3, read=10),
            # A server that keeps silent is asked twice, not four times: whoever waits has to hear of it.
            retries=urllib3.Retry(
                # A server that has just come back may need some seconds to find its data.
                total=5,
                connect=2,
                read=1,
                status=4,
                backoff_factor=0.4,
                backoff_max=2,
                status_forcelist=[500, 502, 503, 504],
            ),
        )
        self._client = Minio(
            endpoint=endpoint.netloc,
            access_key=settings.s3_access_key.get_secret_value(),
            secret_key=settings.s3_secret_key.get_secret_value(),
            secure=endpoint.scheme == "https",
            region=settings.s3_region,
            http_client=self._http,
        )

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        await self._call(
            "PutObject",
            key,
            self._client.put_object,
            key,
            io.BytesIO(data),
            len(data),
            content_type=content_type,
        )

    async def put_file(self, key: str, path: Path, content_type: str) -> None:
        await self._call(
            "PutObject", key, self._client.fput_object, key, str(path), content_type=content_type
        )

    async def put_new(self, key: str, data: bytes, content_type: str) -> bool:
        if await self.exists(key):
            return False

        def put(bucket: str) -> bool:
            # The client has no argument for conditions, and a signed URL takes them as ordinary headers.
            answer = self._http.request(
                "PUT",
                self._client.presigned_put_object(bucket, key, expires=timedelta(minutes=1)),
                body=data,
                headers={"If-None-Match": "*", "Content-Type": content_type},
            )
            if answer.status in _TAKEN:
                return False
            if answer.status != HTTPStatus.OK:
                raise MinioException(f"HTTP {answer.status} {answer.data[:200].decode(errors='replace')}")
            return True

        return await self._call("PutObject", key, put)

    async def copy(self, source: str, target: str) -> None:
        def copy(bucket: str) -> None:
            self._client.copy_object(bucket, target, CopySource(bucket, source))

        await self._call("CopyObject", target, copy)

    async def get(self, key: str) -> bytes:
        def read(bucket: str, key: str) -> bytes:
            response = self._client.get_object(bucket, key)
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

        return await self._call("GetObject", key, read, key)

    async def get_file(self, key: str, path: Path) -> None:
        def fetch(bucket: str) -> None:
            # Not the client's own `fget_object`, which asks for the object's size first, a call more.
            response = self._client.get_object(bucket, key)
            part = path.with_name(f".{path.name}.part")
            try:
                with part.open("wb") as file:
                    shutil.copyfileobj(response, file, _PIECE)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
                response.close()
                response.release_conn()

        await self._call("GetObject", key, fetch)

    async def exists(self, key: str) -> bool:
        try:
            await self._call("HeadObject", key, self._client.stat_object, key)
        except ReelmillError as error:
            if error.reason is Reason.NOT_FOUND:
                return False
            raise
        return True

    async def list(self, prefix: str) -> list[ObjectInfo]:
        def read(bucket: str, prefix: str) -> list[ObjectInfo]:
            found = self._client.list_objects(bucket, prefix=prefix, recursive=True)
            return sorted(
                (ObjectInfo(o.object_name, o.size or 0) for o in found if not o.is_dir), key=lambda o: o.key
            )

        return await self._call("ListObjects", prefix, read, prefix)

    async def delete_prefix(self, prefix: str) -> None:
        def delete(bucket: str, prefix: str) -> None:
            names = [
                DeleteObject(o.object_name)
                for o in self._client.list_objects(bucket, prefix=prefix, recursive=True)
            ]
            for error in self._client.remove_objects(bucket, names):
                raise MinioException(f"could not delete {error.name}: {error.message}")

        await self._call("DeleteObjects", prefix, delete, prefix)

    async def check(self) -> None:
        """Returns if the bucket is there and this process may write; needs no right on the bucket itself."""

        def there(bucket: str) -> bool:
            try:
                return bool(self._client.bucket_exists(bucket))
            except S3Error as error:
                if error.code != "AccessDenied":
                    raise
                return True  # whoever may not ask learns it by writing

        if not await self._call("HeadBucket", "", there):
            raise self._no_bucket()
        if not (self._may_write and await self.exists(PROBE)):
            # Whoever may only read is not told so by the server before the first artefact.
            await self.put(PROBE, b"", "text/plain")
            self._may_write = True

    async def make_bucket(self) -> bool:
        """Makes the bucket; returns whether there was none."""

        def make(bucket: str) -> bool:
            if self._client.bucket_exists(bucket):
                return False
            try:
                self._client.make_bucket(bucket)
            except S3Error as error:
                if error.code in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                    return False
                raise
            return True

        return await self._call("CreateBucket", "", make)

    def uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"

    async def _call(
        self, operation: str, key: str, function: Callable[..., T], *args: Any, **kwargs: Any
    ) -> T:
        with tracer().start_as_current_span(
            f"S3 {operation}",
            kind=SpanKind.CLIENT,
            attributes={"aws.s3.bucket": self._bucket, "aws.s3.key": key, "rpc.method": operation},
        ):
            try:
                return await asyncio.to_thread(function, self._bucket, *args, **kwargs)
            except S3Error as error:
                if error.code == "NoSuchBucket":
                    raise self._no_bucket() from error
                if error.code in _ABSENT:
                    raise ReelmillError(
                        Reason.NOT_FOUND, f"no object {key!r} in bucket {self._bucket!r}", key=key
                    ) from error
                self._may_write = self._may_write and error.code != "AccessDenied"
                raise self._unavailable(f"{error.code}: {error.message}") from error
            except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError, ParseError) as error:
                # The last two: something answers there that does not speak S3.
                raise self._unavailable(f"{type(error).__name__}: {error}") from error

    def _no_bucket(self) -> ReelmillError:
        return ReelmillError(
            Reason.STORE_UNAVAILABLE,
            f"bucket {self._bucket!r} does not exist at {self._endpoint}; create it, "
            "or set REELMILL_S3_BUCKET to one that does",
        )

    def _unavailable(self, detail: str) -> ReelmillError:
        return ReelmillError(
            Reason.STORE_UNAVAILABLE,
            f"object store at {self._endpoint} did not do what was asked ({detail[:300]}); "
            "check REELMILL_S3_ENDPOINT, the keys and the bucket",
        )
