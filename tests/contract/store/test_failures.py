"""An S3 server that is not there, does not answer, says no, or breaks off: an error soon, with what to do."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store
from reelmill_local.stack import LocalStack
from tests.support.s3 import S3Server, settings
from tests.support.servers import free_port

CALLS: dict[str, Callable[[S3Store], Coroutine[Any, Any, Any]]] = {
    "put": lambda store: store.put("projects/p/a", b"data", "text/plain"),
    "get": lambda store: store.get("projects/p/a"),
    "exists": lambda store: store.exists("projects/p/a"),
    "list": lambda store: store.list("projects/p/"),
    "delete_prefix": lambda store: store.delete_prefix("projects/p/"),
    "check": lambda store: store.check(),
}


async def unavailable(call: Coroutine[Any, Any, Any]) -> str:
    with pytest.raises(ReelmillError) as caught:
        await call
    assert caught.value.reason is Reason.STORE_UNAVAILABLE
    return caught.value.message


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[ServiceSettings]:
    """A server that gives every request the same answer and hangs up; without one it says nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer:
            writer.write(answer)
            await writer.drain()
            writer.close()
        else:
            await asyncio.sleep(300)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield settings(f"http://127.0.0.1:{port}", "reelmill", "key", "secret")
    finally:
        server.close()


@pytest.mark.parametrize("call", CALLS)
async def test_a_dead_endpoint_is_told_of_soon(call: str) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    begun = time.monotonic()
    message = await unavailable(CALLS[call](S3Store(settings(endpoint, "reelmill", "key", "secret"))))
    assert time.monotonic() - begun < 5
    assert endpoint in message
    assert "REELMILL_S3_ENDPOINT" in message
    assert "secret" not in message


async def test_a_host_without_a_name_is_told_of_soon() -> None:
    begun = time.monotonic()
    store = S3Store(settings("http://no-such-host.invalid:9000", "reelmill", "key", "secret"))
    assert "no-such-host.invalid" in await unavailable(store.check())
    assert time.monotonic() - begun < 10


@pytest.mark.slow
async def test_a_server_that_never_answers_is_given_up() -> None:
    async with answering(b"") as silent:
        begun = time.monotonic()
        await unavailable(S3Store(silent).get("projects/p/a"))
        assert time.monotonic() - begun < 30


async def test_an_object_that_breaks_off_is_an_error_and_no_shorter_object(tmp_path: Path) -> None:
    async with answering(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: "1"\r\n\r\nhalf') as broken:
        await unavailable(S3Store(broken).get("projects/p/a"))
        await unavailable(S3Store(broken).get_file("projects/p/a", tmp_path / "a"))
    assert not os.listdir(tmp_path)


async def test_an_error_of_the_server_is_told_of_after_a_few_tries() -> None:
    async with answering(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n") as busy:
        begun = time.monotonic()
        await unavailable(S3Store(busy).put("projects/p/a", b"1", "text/plain"))
        assert time.monotonic() - begun < 10


@pytest.mark.parametrize("page", [b"<html>welcome</html>", b"hello", b""])
async def test_an_answer_that_is_not_s3_is_told_of(page: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n"
    async with answering(head.encode() + page) as website:
        await unavailable(S3Store(website).list("projects/p/"))


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "ftp://127.0.0.1", "http://", ""])
def test_an_endpoint_that_is_no_url_is_refused_by_its_setting(endpoint: str) -> None:
    with pytest.raises(ValueError, match="REELMILL_S3_ENDPOINT"):
        S3Store(settings(endpoint, "reelmill", "key", "secret"))


@pytest.mark.stack
@pytest.mark.parametrize("server", ["seaweedfs", "juicefs"])
async def test_a_missing_bucket_is_named(server: str, request: pytest.FixtureRequest) -> None:
    found: S3Server = request.getfixturevalue(server)
    store = S3Store(found.settings.model_copy(update={"s3_bucket": "no-such-bucket"}))
    message = await unavailable(store.check())
    assert "'no-such-bucket'" in message
    assert "REELMILL_S3_BUCKET" in message


@pytest.mark.stack
@pytest.mark.parametrize("server", ["seaweedfs", "juicefs"])
@pytest.mark.parametrize("field", ["s3_access_key", "s3_secret_key"])
async def test_wrong_keys_are_told_of_and_not_shown(
    server: str, field: str, request: pytest.FixtureRequest
) -> None:
    found: S3Server = request.getfixturevalue(server)
    store = S3Store(found.settings.model_copy(update={field: SecretStr("wrong-secret-0123456789")}))
    for call in CALLS.values():
        message = await unavailable(call(store))
        assert "keys" in message
        assert found.settings.s3_secret_key.get_secret_value() not in message


@pytest.mark.stack
@pytest.mark.slow
async def test_what_was_put_outlives_a_crash_of_the_server(
    seaweedfs: S3Server, seaweedfs_stack: LocalStack
) -> None:
    store = S3Store(seaweedfs.settings)
    frames = {f"projects/crash/{n}.png": bytes([n]) * 1000 for n in range(20)}
    for key, data in frames.items():
        await store.put(key, data, "image/png")
    await asyncio.to_thread(seaweedfs_stack.kill, "s3")
    await asyncio.to_thread(seaweedfs_stack.wait_ready, "s3")
    assert {info.key: await store.get(info.key) for info in await store.list("projects/crash/")} == frames
