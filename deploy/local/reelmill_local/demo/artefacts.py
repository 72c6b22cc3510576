"""Fetches what was made for a movie from the object store."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from minio import Minio

PARALLEL = 8


def download(environment: Mapping[str, str], prefix: str, folder: Path) -> list[Path]:
    """Every object below `prefix` (it ends with "/") into `folder`, under the same relative paths.

    Args:
        environment: The stack's settings, REELMILL_S3_*.
        prefix: For example "projects/demo/movies/m-1/".
        folder: Made when missing.

    Returns: The files, sorted.
    Raises: ValueError for a key that leads out of the folder; minio's errors.
    """
    endpoint = urlsplit(environment["REELMILL_S3_ENDPOINT"])
    client = Minio(
        endpoint.netloc,
        access_key=environment["REELMILL_S3_ACCESS_KEY"],
        secret_key=environment["REELMILL_S3_SECRET_KEY"],
        secure=endpoint.scheme == "https",
        region=environment.get("REELMILL_S3_REGION", "us-east-1"),
    )
    bucket = environment["REELMILL_S3_BUCKET"]
    found = client.list_objects(bucket, prefix=prefix, recursive=True)
    keys = sorted(o.object_name for o in found if o.object_name and not o.is_dir)
    targets = {key: folder / relative_path(key, prefix) for key in keys}

    def fetch(key: str) -> Path:
        targets[key].parent.mkdir(parents=True, exist_ok=True)
        client.fget_object(bucket, key, str(targets[key]))
        return targets[key]

    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(fetch, keys))


def relative_path(key: str, prefix: str) -> PurePosixPath:
    """The key's path below the prefix. Raises ValueError when it would lead elsewhere."""
    path = PurePosixPath(key.removeprefix(prefix))
    if not key.startswith(prefix) or path.is_absolute() or ".." in path.parts or path == PurePosixPath("."):
        raise ValueError(f"object key {key!r} does not name a file below {prefix!r}")
    return path
