"""A whole service by TLS: its probe, its callers, its certificate changed; NATS by TLS."""

import asyncio
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from typer.testing import CliRunner

from reelmill.cli.app import app
from reelmill.client import CallError, Credentials, MovieClient
from reelmill.v1 import qa_pb2, qa_pb2_grpc
from reelmill_kit.auth import Role
from reelmill_kit.auth.minting import jwks, mint, new_key
from reelmill_kit.bus import Bus
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.tls import Certificates
from reelmill_movies.neighbours import Neighbour
from tests.support.nats import NatsServer
from tests.support.servers import free_port, program

from .test_commands import run
from .test_missing_servers import running

pytestmark = pytest.mark.stack


def reelmill(*arguments: str) -> None:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A CA and a certificate of it, by the commands that a person would use."""
    reelmill("tls", "ca", str(tmp_path / "ca"))
    reelmill(
        "tls", "certificate", str(tmp_path / "tls"), "localhost", "127.0.0.1", "--ca", str(tmp_path / "ca")
    )
    return tmp_path / "tls"


def settings_of(folder: Path, **more: str) -> dict[str, str]:
    files = {"CERT": "tls.crt", "KEY": "tls.key", "CA": "ca.crt"}
    return {"REELMILL_TLS": "on", **{f"REELMILL_TLS_{k}": str(folder / v) for k, v in files.items()}, **more}


async def test_the_front_door_is_called_by_tls_and_in_no_other_way(
    nats_server: NatsServer, certificates: Path, tmp_path: Path
) -> None:
    key, keys = new_key(), tmp_path / "keys.json"
    keys.write_text(jwks(key))
    token = mint(
        key, issuer="us", audience="reelmill", subject="ada", projects=["a"], role=Role.READER, seconds=60
    )
    more = {"REELMILL_AUTH": "on", "REELMILL_AUTH_ISSUER": "us", "REELMILL_AUTH_KEYS": str(keys)}
    async with running("movies", nats_server, tmp_path, **settings_of(certificates, **more)) as service:
        address = f"localhost:{service.port}"
        believing = Credentials(token=token, tls_ca=certificates / "ca.crt")
        async with MovieClient(address, credentials=believing, timeout=10) as client:
            with pytest.raises(CallError) as caught:
                await client.get("projects/other/movies/m")
        assert caught.value.reason == "NOT_FOUND"
        for wrong in (address, f"https://{address}"):
            async with MovieClient(wrong, credentials=Credentials(token=token), timeout=5) as client:
                with pytest.raises(CallError) as caught:
                    await client.get("projects/a/movies/m")
            assert not caught.value.from_server
        probed = run("probe", f"127.0.0.1:{service.port}", **settings_of(certificates))
        assert probed.stderr.strip().endswith(("SERVING", "NOT_SERVING")) or probed.returncode == 0
        plain = run("probe", f"127.0.0.1:{service.port}", REELMILL_TLS="off")
        assert plain.returncode == 1
        assert "SERVING" not in plain.stderr


async def test_a_service_that_wants_certificates_is_called_by_its_neighbour_through_a_change_of_them(
    nats_server: NatsServer, certificates: Path, tmp_path: Path
) -> None:
    more = {"REELMILL_TLS_CLIENTS": "certified", "REELMILL_AUTH": "off"}
    own = Certificates(certificates / "tls.crt", certificates / "tls.key", certificates / "ca.crt")
    async with running("qa", nats_server, tmp_path, **settings_of(certificates, **more)) as service:
        neighbour = Neighbour("qa", f"localhost:{service.port}", certificates=own)

        async def ask() -> None:
            stub = qa_pb2_grpc.QaServiceStub(neighbour.channel)
            await neighbour.call(stub.ForecastQuestions(_FORECAST, timeout=10))

        await ask()
        reelmill("tls", "ca", str(tmp_path / "another"))
        reelmill("tls", "certificate", str(certificates), "localhost", "--ca", str(tmp_path / "another"))
        await ask()
        await neighbour.close()
        without = grpc.ssl_channel_credentials((certificates / "ca.crt").read_bytes())
        async with grpc.aio.secure_channel(f"localhost:{service.port}", without) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await qa_pb2_grpc.QaServiceStub(channel).ForecastQuestions(_FORECAST, timeout=10)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


_FORECAST = qa_pb2.ForecastQuestionsRequest()
_FORECAST.shape.chapters = _FORECAST.shape.scenes = _FORECAST.shape.frames = 2


@pytest.mark.parametrize("believed", [True, False])
async def test_nats_is_reached_by_tls_where_its_ca_is_believed(
    certificates: Path, tmp_path: Path, believed: bool
) -> None:
    port = free_port()
    server = await asyncio.create_subprocess_exec(
            program("nats-server"), "-js", "-sd", str(tmp_path / "js"), "-a", "127.0.0.1", "-p", str(port),
            "--tls", "--tlscert", str(certificates / "tls.crt"), "--tlskey", str(certificates / "tls.key"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    bus = Bus(
        ServiceSettings(
            nats_url=f"tls://localhost:{port}", tls_ca=certificates / "ca.crt" if believed else None
        ),
        "test",
    )
    try:
        if believed:
            await asyncio.wait_for(bus.connect(), 30)
            await bus.check()
        else:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(bus.connect(), 8)
    finally:
        await bus.close()
        server.terminate()
        await asyncio.wait_for(server.wait(), 10)


def test_a_service_without_a_certificate_ends_and_says_what_to_set() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reelmill_qa"], capture_output=True, text=True, timeout=60, check=False,
        env={"REELMILL_AUTH": "off", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "REELMILL_TLS_CERT" in done.stderr
    assert "Traceback" not in done.stderr
