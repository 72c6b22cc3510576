"""The client's download of a movie's artefacts, from each S3 server."""

import asyncio
import hashlib
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from reelmill.client import ArtefactStore, DownloadError, sync
from reelmill.v1 import dataset_pb2
from reelmill_kit.store import S3Store
from tests.support.s3 import S3Server
from tests.support.servers import free_port

pytestmark = pytest.mark.stack


@pytest.fixture(params=["seaweedfs", "juicefs"])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def prefix() -> str:
    return f"projects/films/movies/m-{uuid.uuid4().hex[:12]}/"


def settings_of(server: S3Server) -> dict[str, str]:
    settings = server.settings
    return {
        "REELMILL_S3_ENDPOINT": settings.s3_endpoint,
        "REELMILL_S3_ACCESS_KEY": settings.s3_access_key.get_secret_value(),
        "REELMILL_S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
    }


def artefacts(server: S3Server) -> ArtefactStore:
    return ArtefactStore.from_settings(settings_of(server))


def blocking(server: S3Server) -> sync.ArtefactStore:
    return sync.ArtefactStore.from_settings(settings_of(server))


async def put_movie(store: S3Store, prefix: str, frames: int = 40) -> dict[str, bytes]:
    files = {f"frames/{n:06d}.png": bytes([n]) * (1000 + n) for n in range(frames)}
    files["script.json"] = b"{}"
    manifest = dataset_pb2.Manifest(
        files=[
            dataset_pb2.ManifestFile(path=path, digest=hashlib.sha256(data).hexdigest(), size=len(data))
            for path, data in files.items()
        ]
    )
    files["manifest.json"] = json_format.MessageToJson(manifest).encode()
    for path, data in files.items():
        await store.put(prefix + path, data, "application/octet-stream")
    return files


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def times(folder: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in folder.rglob("*.png")}


async def test_everything_is_fetched_under_the_same_paths_with_progress(
    server: S3Server, prefix: str, tmp_path: Path
) -> None:
    store = S3Store(server.settings)
    files = await put_movie(store, prefix)
    heard: list[tuple[int, int]] = []
    folder = tmp_path / "new" / "movie"
    fetched = await artefacts(server).download(
        store.uri(prefix),
        tmp_path / "new" / "movie",
        progress=lambda done, total: heard.append((done, total)),
    )
    assert files_in(folder) == files
    assert len(fetched) == len(files)
    assert heard == [(done, len(files)) for done in range(len(files) + 1)]


async def test_what_is_there_and_right_is_kept_and_what_is_spoiled_is_fetched_again(
    server: S3Server, prefix: str, tmp_path: Path
) -> None:
    store = S3Store(server.settings)
    files = await put_movie(store, prefix, frames=3)
    await artefacts(server).download(store.uri(prefix), tmp_path)
    kept, spoiled = tmp_path / "frames/000000.png", tmp_path / "frames/000001.png"
    before = kept.stat().st_mtime_ns
    await asyncio.to_thread(spoiled.write_bytes, b"spoiled")
    await artefacts(server).download(store.uri(prefix), tmp_path)
    assert files_in(tmp_path) == files
    assert kept.stat().st_mtime_ns == before


async def test_a_file_that_is_not_what_the_manifest_says_is_an_error_and_not_left_behind(
    server: S3Server, prefix: str, tmp_path: Path
) -> None:
    store = S3Store(server.settings)
    await put_movie(store, prefix, frames=3)
    await store.put(f"{prefix}frames/000001.png", b"another picture", "image/png")
    with pytest.raises(DownloadError, match=r"frames/000001\.png is not what the manifest says"):
        await artefacts(server).download(store.uri(prefix), tmp_path)
    assert "frames/000001.png" not in files_in(tmp_path)


async def test_a_file_that_the_manifest_lists_and_the_store_lacks_is_an_error(
    server: S3Server, prefix: str, tmp_path: Path
) -> None:
    store = S3Store(server.settings)
    await put_movie(store, prefix, frames=3)
    await store.delete_prefix(f"{prefix}frames/000002.png")
    with pytest.raises(DownloadError, match=r"frames/000002\.png"):
        await artefacts(server).download(store.uri(prefix), tmp_path)


async def test_a_movie_without_a_manifest_yet_is_fetched_as_far_as_it_is(
    server: S3Server, prefix: str, tmp_path: Path
) -> None:
    store = S3Store(server.settings)
    await store.put(f"{prefix}script.json", b"{}", "application/json")
    await artefacts(server).download(store.uri(prefix), tmp_path)
    assert files_in(tmp_path) == {"script.json": b"{}"}


async def test_a_store_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(DownloadError, match=endpoint):
        await ArtefactStore(endpoint, "key", "secret").download("s3://reelmill/projects/p/", tmp_path)


async def test_a_movies_frames_alone_are_fetched_and_checked(
    server: S3Server, prefix: str, tmp_path: Path
) -> None:
    store = S3Store(server.settings)
    files = await put_movie(store, prefix, frames=3)
    frames = {path: data for path, data in files.items() if path.startswith("frames/")}
    client = artefacts(server)
    fetched = await client.download(store.uri(prefix), tmp_path, only="frames/*.png")
    assert files_in(tmp_path) == frames
    assert fetched == [tmp_path / path for path in sorted(frames)]
    with pytest.raises(DownloadError, match=r"like 'pictures/\*'"):
        await client.download(store.uri(prefix), tmp_path, only="pictures/*")
    await store.put(f"{prefix}frames/000001.png", b"another picture", "image/png")
    (tmp_path / "frames/000001.png").unlink()
    with pytest.raises(DownloadError, match=r"frames/000001\.png is not what the manifest says"):
        await client.download(store.uri(prefix), tmp_path, only="frames/*.png")


async def test_a_download_that_broke_off_goes_on_where_it_was(
    server: S3Server, prefix: str, tmp_path: Path
) -> None:
    store = S3Store(server.settings)
    files = await put_movie(store, prefix)

    def enough(done: int, total: int) -> None:
        if done == 10:
            raise RuntimeError("the network went")

    with pytest.raises(RuntimeError, match="the network went"):
        await asyncio.to_thread(
            blocking(server).download, store.uri(prefix), tmp_path, parallel=4, progress=enough
        )
    there = times(tmp_path)
    assert 10 <= len(there) < len(files)
    await asyncio.to_thread(blocking(server).download, store.uri(prefix), tmp_path)
    assert files_in(tmp_path) == files
    assert {file: time for file, time in times(tmp_path).items() if file in there} == there


async def test_as_many_files_are_fetched_at_a_time_as_were_asked_for(
    server: S3Server, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, fetching = S3Store(server.settings), artefacts(server)
    files = await put_movie(store, prefix)
    fetch, lock = fetching._client.fget_object, threading.Lock()
    together = threading.Barrier(20)  # the first twenty wait for each other
    begun = running = most = 0

    def counted(*arguments: Any) -> object:
        nonlocal begun, running, most
        with lock:
            begun, running = begun + 1, running + 1
            most, first = max(most, running), begun <= 20
        try:
            if first:
                together.wait(20)
            return fetch(*arguments)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(fetching._client, "fget_object", counted)
    await fetching.download(store.uri(prefix), tmp_path, parallel=20)
    assert (begun, most) == (len(files), 20)


async def test_a_callback_that_would_wait_for_itself_is_refused(
    server: S3Server, prefix: str, tmp_path: Path
) -> None:
    store = S3Store(server.settings)
    await put_movie(store, prefix, frames=3)
    client, uri = blocking(server), store.uri(prefix)

    def ask(done: int, total: int) -> None:
        client.files(uri)

    with pytest.raises(RuntimeError, match="a callback of a call cannot make another one"):
        await asyncio.to_thread(client.download, uri, tmp_path, progress=ask)


async def put_release(store: S3Store, prefix: str) -> tuple[dict[str, bytes], str]:
    """Files by path, and the sha256 of the list of checksums."""
    files = {"README.md": b"films", "frames/train/m-1/000000.png": b"a picture"}
    lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in files.items())
    files["SHA256SUMS"] = lines.encode()
    for path, data in files.items():
        await store.put(prefix + path, data, "application/octet-stream")
    return files, hashlib.sha256(files["SHA256SUMS"]).hexdigest()


async def test_of_a_release_what_is_listed_is_fetched_and_nothing_else(
    server: S3Server, prefix: str, tmp_path: Path
) -> None:
    store = S3Store(server.settings)
    files, sums = await put_release(store, prefix)
    await store.put(f"{prefix}.parts/m-1.json", b"{}", "application/json")
    await artefacts(server).download(store.uri(prefix), tmp_path, sums=sums)
    assert files_in(tmp_path) == files


async def test_a_release_whose_files_or_list_are_not_those_released_is_refused(
    server: S3Server, prefix: str, tmp_path: Path
) -> None:
    store = S3Store(server.settings)
    _, sums = await put_release(store, prefix)
    client, uri = artefacts(server), store.uri(prefix)
    await store.put(f"{prefix}README.md", b"other films", "text/markdown")
    with pytest.raises(DownloadError, match=r"README\.md is not what SHA256SUMS says"):
        await client.download(uri, tmp_path, sums=sums)
    await store.delete_prefix(f"{prefix}README.md")
    with pytest.raises(DownloadError, match=r"README\.md is not in the object store, as SHA256SUMS says"):
        await client.download(uri, tmp_path, sums=sums)
    await store.put(f"{prefix}SHA256SUMS", b"garbage", "text/plain")
    with pytest.raises(DownloadError, match="SHA256SUMS is not the one of the release"):
        await client.download(uri, tmp_path, sums=sums)
    await store.delete_prefix(f"{prefix}SHA256SUMS")
    with pytest.raises(DownloadError, match="SHA256SUMS is missing"):
        await client.download(uri, tmp_path, sums=sums)
