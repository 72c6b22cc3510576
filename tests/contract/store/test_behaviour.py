"""What every ObjectStore does, whatever is behind it: written once, run against each."""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from minio import Minio

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.store import ObjectStore, S3Store
from tests.support.s3 import S3Server

MANY = 1050  # more than one page of a listing, and more than one delete request takes
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Opened:
    store: ObjectStore
    content_type: Callable[[str], Awaitable[str]]


@pytest.fixture(
    params=[
        "memory",
        pytest.param("seaweedfs", marks=pytest.mark.stack),
        pytest.param("juicefs", marks=pytest.mark.stack),
    ]
)
def opened(request: pytest.FixtureRequest) -> Opened:
    if request.param == "memory":
        memory = MemoryStore()

        async def remembered(key: str) -> str:
            return memory.content_types[key]

        return Opened(memory, remembered)
    server: S3Server = request.getfixturevalue(request.param)

    async def asked(key: str) -> str:
        stat = await asyncio.to_thread(client_of(server).stat_object, server.settings.s3_bucket, key)
        return str(stat.content_type)

    return Opened(S3Store(server.settings), asked)


@pytest.fixture
def store(opened: Opened) -> ObjectStore:
    return opened.store


@pytest.fixture
def prefix() -> str:
    """Keys of one test alone."""
    return f"projects/{uuid.uuid4().hex}/"


def client_of(server: S3Server) -> Minio:
    """The library itself, as another program would use it."""
    return Minio(
        endpoint=server.settings.s3_endpoint.removeprefix("http://"),
        access_key=server.settings.s3_access_key.get_secret_value(),
        secret_key=server.settings.s3_secret_key.get_secret_value(),
        secure=False,
        region=server.settings.s3_region,
    )


@pytest.mark.parametrize("size", [0, 1, 70_000, 6 * MEBIBYTE])
async def test_what_is_put_comes_back(store: ObjectStore, prefix: str, size: int) -> None:
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    await store.put(f"{prefix}a.bin", data, "application/octet-stream")
    assert await store.get(f"{prefix}a.bin") == data
    assert await store.exists(f"{prefix}a.bin")


async def test_the_content_type_is_kept(opened: Opened, prefix: str) -> None:
    await opened.store.put(f"{prefix}a.png", b"..", "image/png")
    assert await opened.content_type(f"{prefix}a.png") == "image/png"


async def test_what_is_not_there_is_not_found(store: ObjectStore, prefix: str) -> None:
    assert not await store.exists(f"{prefix}a")
    with pytest.raises(ReelmillError) as caught:
        await store.get(f"{prefix}a")
    assert caught.value.reason is Reason.NOT_FOUND
    assert caught.value.metadata == {"key": f"{prefix}a"}


async def test_putting_again_replaces_the_whole_object(store: ObjectStore, prefix: str) -> None:
    await store.put(f"{prefix}a", b"long content", "text/plain")
    await store.put(f"{prefix}a", b"new", "text/plain")
    assert await store.get(f"{prefix}a") == b"new"
    assert [info.size for info in await store.list(prefix)] == [3]


async def test_of_objects_put_at_once_under_one_key_one_stands_whole(store: ObjectStore, prefix: str) -> None:
    versions = [bytes([n]) * 50_000 for n in range(8)]
    await asyncio.gather(*(store.put(f"{prefix}a", data, "text/plain") for data in versions))
    assert await store.get(f"{prefix}a") in versions


async def test_a_listing_is_sorted_has_sizes_and_goes_into_folders(store: ObjectStore, prefix: str) -> None:
    for path in ("b/2.png", "a.json", "b/10.png", "b/c/d/e.txt"):
        await store.put(prefix + path, b"x" * len(path), "text/plain")
    found = await store.list(prefix)
    paths = [info.key.removeprefix(prefix) for info in found]
    assert paths == ["a.json", "b/10.png", "b/2.png", "b/c/d/e.txt"]
    assert [info.size for info in found] == [len(path) for path in paths]
    assert [info.key for info in await store.list(f"{prefix}b/c/")] == [f"{prefix}b/c/d/e.txt"]
    assert await store.list(f"{prefix}z/") == []


async def test_a_prefix_is_a_beginning_of_keys_not_a_folder(store: ObjectStore, prefix: str) -> None:
    for path in ("m-1/a", "m-10/a", "m-2/a"):
        await store.put(prefix + path, b"", "text/plain")
    assert len(await store.list(f"{prefix}m-1")) == 2
    assert len(await store.list(f"{prefix}m-1/")) == 1


async def test_deleting_a_prefix_leaves_its_neighbours(store: ObjectStore, prefix: str) -> None:
    for path in ("m-1/a.json", "m-1/frames/0.png", "m-10/a.json", "m-2/a.json"):
        await store.put(prefix + path, b"1", "text/plain")
    await store.delete_prefix(f"{prefix}m-1/")
    left = [info.key.removeprefix(prefix) for info in await store.list(prefix)]
    assert left == ["m-10/a.json", "m-2/a.json"]
    assert not await store.exists(f"{prefix}m-1/frames/0.png")


async def test_one_object_is_deleted_by_its_key_and_deleting_nothing_is_fine(
    store: ObjectStore, prefix: str
) -> None:
    await store.put(f"{prefix}a.json", b"1", "text/plain")
    await store.put(f"{prefix}b.json", b"1", "text/plain")
    await store.delete_prefix(f"{prefix}a.json")
    await store.delete_prefix(f"{prefix}a.json")
    assert [info.key for info in await store.list(prefix)] == [f"{prefix}b.json"]


async def test_what_was_deleted_can_be_put_again(store: ObjectStore, prefix: str) -> None:
    for content in (b"first", b"second"):
        await store.put(f"{prefix}d/a", content, "text/plain")
        assert await store.get(f"{prefix}d/a") == content
        await store.delete_prefix(f"{prefix}d/")
        assert await store.list(f"{prefix}d/") == []


async def test_more_objects_than_a_page_holds_are_listed_and_deleted(store: ObjectStore, prefix: str) -> None:
    gate = asyncio.Semaphore(32)

    async def put(number: int) -> None:
        async with gate:
            await store.put(f"{prefix}frames/{number:06d}.png", b"x", "image/png")

    await asyncio.gather(*map(put, range(MANY)))
    keys = [info.key for info in await store.list(prefix)]
    assert keys == [f"{prefix}frames/{number:06d}.png" for number in range(MANY)]
    await store.delete_prefix(prefix)
    assert await store.list(prefix) == []


@pytest.mark.parametrize("name", ["Mein Bild.png", "ü+ä=ß&ö.png", "100%.png", "a#b?c.png", "日本語.png"])
async def test_names_that_people_give_files_are_kept(store: ObjectStore, prefix: str, name: str) -> None:
    await store.put(prefix + name, b"1", "image/png")
    assert await store.get(prefix + name) == b"1"
    assert [info.key for info in await store.list(prefix)] == [prefix + name]
    await store.delete_prefix(prefix + name)
    assert not await store.exists(prefix + name)


async def test_a_store_that_can_be_used_says_so(store: ObjectStore) -> None:
    await store.check()


async def test_a_uri_ends_with_the_key(store: ObjectStore) -> None:
    assert store.uri("projects/p/a.json").endswith("/projects/p/a.json") or store.uri("a") == "memory://a"


async def test_a_file_is_stored_as_its_bytes_are(opened: Opened, prefix: str, tmp_path: Path) -> None:
    large = bytes(range(256)) * 4 * 6 * 1024  # 6 MiB: more than one part
    for name, data in (("small.mp4", b"film"), ("large.mp4", large)):
        (tmp_path / name).write_bytes(data)
        await opened.store.put_file(f"{prefix}{name}", tmp_path / name, "video/mp4")
        assert await opened.store.get(f"{prefix}{name}") == data
        assert await opened.content_type(f"{prefix}{name}") == "video/mp4"


async def test_an_object_is_fetched_into_a_file_whole_or_not_at_all(
    store: ObjectStore, prefix: str, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 4 * 3 * 1024  # 3 MiB: more than one piece
    target = tmp_path / "large.mp4"
    await store.put(f"{prefix}large.mp4", data, "video/mp4")
    await store.get_file(f"{prefix}large.mp4", target)
    assert target.read_bytes() == data
    with pytest.raises(ReelmillError) as caught:
        await store.get_file(f"{prefix}absent.mp4", target)
    assert caught.value.reason is Reason.NOT_FOUND
    assert target.read_bytes() == data
    assert os.listdir(tmp_path) == ["large.mp4"]


async def test_only_the_first_object_of_a_key_is_new(store: ObjectStore, prefix: str) -> None:
    assert await store.put_new(f"{prefix}record", b"first", "text/plain")
    assert not await store.put_new(f"{prefix}record", b"second", "text/plain")
    assert await store.get(f"{prefix}record") == b"first"


async def test_of_many_who_come_at_once_one_is_first(opened: Opened, prefix: str, request: Any) -> None:
    if "juicefs" in request.node.name:
        pytest.skip("JuiceFS's gateway ignores If-None-Match")
    tries = [opened.store.put_new(f"{prefix}record", bytes([n]) * 100, "text/plain") for n in range(16)]
    won = [n for n, new in enumerate(await asyncio.gather(*tries)) if new]
    assert len(won) == 1
    assert await opened.store.get(f"{prefix}record") == bytes([won[0]]) * 100


async def test_a_copy_has_the_bytes_and_the_type_and_outlives_its_source(opened: Opened, prefix: str) -> None:
    await opened.store.put(f"{prefix}a/x.png", b"picture", "image/png")
    await opened.store.copy(f"{prefix}a/x.png", f"{prefix}b/x.png")
    await opened.store.delete_prefix(f"{prefix}a/")
    assert await opened.store.get(f"{prefix}b/x.png") == b"picture"
    assert await opened.content_type(f"{prefix}b/x.png") == "image/png"


async def test_what_is_not_there_cannot_be_copied(store: ObjectStore, prefix: str) -> None:
    with pytest.raises(ReelmillError) as caught:
        await store.copy(f"{prefix}nothing", f"{prefix}copy")
    assert caught.value.reason is Reason.NOT_FOUND
    assert not await store.exists(f"{prefix}copy")
