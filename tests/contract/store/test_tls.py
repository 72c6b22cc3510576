"""An S3 server by TLS: it is believed where its CA is."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from reelmill.client import ArtefactStore, DownloadError
from reelmill_kit.errors import ReelmillError
from reelmill_kit.store import S3Store
from reelmill_kit.tls.making import make_ca, make_certificate
from reelmill_local import ports as port_choice
from reelmill_local.servers import S3Keys, seaweed_server
from tests.support.s3 import BUCKET, settings

pytestmark = pytest.mark.stack


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, S3Keys, Path]]:
    """Its endpoint, its keys, and its CA."""
    ca = make_ca()
    cert, key = make_certificate(*ca, ["localhost", "127.0.0.1"])
    for name, data in (("ca.crt", ca[0]), ("tls.crt", cert), ("tls.key", key)):
        (tmp_path / name).write_bytes(data)
    keys = S3Keys.kept_in(tmp_path / "keys.json")
    with port_choice.reserved(tmp_path) as ports:
        spec = seaweed_server(tmp_path / "data", ports, keys, BUCKET, {})
        tls = (f"-s3.cert.file={tmp_path / 'tls.crt'}", f"-s3.key.file={tmp_path / 'tls.key'}")
        with (tmp_path / "weed.log").open("wb") as log:
            process = subprocess.Popen([*spec.command, *tls], stdout=log, stderr=log, cwd=spec.folder)
        try:
            yield f"https://localhost:{ports['s3']}", keys, tmp_path / "ca.crt"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(spec.stop_within)
            process.kill()
            process.wait()


async def test_a_store_by_tls_is_used_where_its_ca_is_believed_and_only_there(
    server: tuple[str, S3Keys, Path],
) -> None:
    endpoint, keys, ca = server
    told = settings(endpoint, BUCKET, keys.access_key, keys.secret_key)
    store = S3Store(told.model_copy(update={"tls_ca": ca}))
    async with asyncio.timeout(60):
        while True:
            with suppress(ReelmillError):
                await store.make_bucket()
                await store.put("projects/a/x.txt", b"x", "text/plain")
                break
            await asyncio.sleep(0.5)
    assert await store.get("projects/a/x.txt") == b"x"
    with pytest.raises(ReelmillError) as caught:
        await S3Store(told).get("projects/a/x.txt")
    assert caught.value.reason == "STORE_UNAVAILABLE"
    found = await ArtefactStore(endpoint, keys.access_key, keys.secret_key, ca=str(ca)).files(
        f"s3://{BUCKET}/projects/a/"
    )
    assert [one.path for one in found] == ["x.txt"]
    with pytest.raises(DownloadError):
        await ArtefactStore(endpoint, keys.access_key, keys.secret_key).files(f"s3://{BUCKET}/projects/a/")
