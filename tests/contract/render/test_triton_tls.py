"""Triton by TLS: it is called with this service's certificate, which may be replaced."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.tls import Certificates
from reelmill_kit.tls.making import make_ca, make_certificate
from reelmill_local.process import SupervisedProcess
from reelmill_local.servers import triton_server
from reelmill_local.services import repository_root
from reelmill_render.connection import TritonConnection
from reelmill_render.triton import TritonRenderer
from tests.support.servers import free_port

pytestmark = [pytest.mark.stack, pytest.mark.torch]


def install(folder: Path, ca: tuple[bytes, bytes]) -> Certificates:
    """A certificate of this CA in the folder, in the place of what is there."""
    folder.mkdir(exist_ok=True)
    made = make_certificate(*ca, ["localhost"])
    for name, data in zip(("ca.crt", "tls.crt", "tls.key"), (ca[0], *made), strict=True):
        (folder / name).write_bytes(data)
    return Certificates(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")


@pytest.fixture
def ca() -> tuple[bytes, bytes]:
    return make_ca()


@pytest.fixture
async def port(tmp_path: Path, ca: tuple[bytes, bytes]) -> AsyncIterator[int]:
    """Of a Triton that has no model and wants certificates, with the options the chart gives it."""
    install(tmp_path / "server", ca)
    ports = {name: free_port() for name in ("triton", "triton-http", "triton-metrics")}
    starter = repository_root() / "services" / "render" / "starter" / "model"
    spec = triton_server(tmp_path, ports, tmp_path, starter)
    tls = {"server-cert": "tls.crt", "server-key": "tls.key", "root-cert": "ca.crt"}
    command = (
        *(part for part in spec.command if not part.startswith("--load-model")),
        "--grpc-use-ssl-mutual=true",
        *(f"--grpc-{name}={tmp_path / 'server' / file}" for name, file in tls.items()),
    )
    process = SupervisedProcess(replace(spec, command=command), tmp_path / "log", lambda line: None)
    await process.start()
    yield ports["triton"]
    await process.stop()


async def told(triton: TritonConnection) -> str:
    """What becomes of asking for a model that is not there."""
    with pytest.raises(ReelmillError) as missing:
        await TritonRenderer(triton, "diffusion", frame_timeout=5).check()
    assert missing.value.reason is Reason.RENDERER_UNAVAILABLE
    return missing.value.message


async def test_who_has_a_certificate_is_answered_also_with_a_new_one_and_nobody_else(
    tmp_path: Path, ca: tuple[bytes, bytes], port: int
) -> None:
    own = install(tmp_path / "own", ca)
    url = f"https://localhost:{port}"
    triton = TritonConnection(url, own)
    plain = TritonConnection(f"localhost:{port}", own)
    try:
        assert "not loaded" in await told(triton)
        assert "not loaded" not in await told(plain)
        install(tmp_path / "own", make_ca())
        assert "not loaded" not in await told(triton)
        install(tmp_path / "own", ca)
        assert "not loaded" in await told(triton)
        (tmp_path / "own" / "tls.key").unlink()
        assert "not loaded" in await told(triton)
        unreadable = TritonConnection(url, own)
        assert "certificate of this service cannot be read" in await told(unreadable)
    finally:
        await triton.close()
        await plain.close()


async def test_tls_without_a_certificate_of_ones_own_is_refused_at_the_start() -> None:
    with pytest.raises(ReelmillError) as refused:
        TritonConnection("https://localhost:8001")
    assert refused.value.reason is Reason.INVALID_FIELD
    assert "REELMILL_TLS=on" in refused.value.message
