"""The gateway by TLS: its certificate is replaced while it runs, and one that does not fit is not taken."""

import asyncio
import ssl
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from reelmill_gateway.web import WebServer
from reelmill_kit import tasks
from reelmill_kit.tls import Certificates
from reelmill_kit.tls.making import make_ca, make_certificate
from tests.support.servers import free_port, port_open, wait_until


def believing(ca: bytes) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=ca.decode())


async def answers(port: int, ca: bytes) -> bool:
    """Whether a caller who believes this CA, and nobody else, gets an answer."""
    try:
        async with httpx2.AsyncClient(verify=believing(ca)) as client:
            return (await client.get(f"https://localhost:{port}/")).status_code == 404
    except httpx2.ConnectError:
        return False


async def test_a_certificate_is_replaced_without_a_restart_and_a_wrong_one_is_not_taken(
    tmp_path: Path,
) -> None:
    cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    first, second = make_ca(), make_ca()

    def install(ca: tuple[bytes, bytes]) -> None:
        for file, data in zip((cert, key), make_certificate(*ca, ["localhost"]), strict=True):
            file.write_bytes(data)

    install(first)
    port = free_port()
    web = WebServer(Starlette(), f"127.0.0.1:{port}", Certificates(cert, key), grace=1, look_every=0.2)
    running = asyncio.create_task(web.run())
    try:
        await wait_until(lambda: port_open(port), what="the HTTP server")
        assert await answers(port, first[0])
        assert not await answers(port, second[0])
        key.write_bytes(make_certificate(*second, ["localhost"])[1])
        await asyncio.sleep(0.6)
        assert await answers(port, first[0])
        install(second)
        async with asyncio.timeout(10):
            while not await answers(port, second[0]):
                await asyncio.sleep(0.1)
        assert not await answers(port, first[0])
        with pytest.raises(httpx2.HTTPError):
            async with httpx2.AsyncClient() as client:
                await client.get(f"http://localhost:{port}/")
    finally:
        await tasks.end([running])
