"""TLS of services, by real servers on real ports."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from reelmill_kit.errors import ReelmillError
from reelmill_kit.grpc_server import GrpcServer
from reelmill_kit.tls import Certificates
from reelmill_kit.tls.making import make_ca, make_certificate

NAMES = ["localhost", "127.0.0.1"]


def files(folder: Path, ca: tuple[bytes, bytes], *, certified: bool = False) -> Certificates:
    """A certificate of this CA, written into the folder."""
    folder.mkdir(exist_ok=True)
    cert, key = make_certificate(*ca, NAMES)
    made = Certificates(folder / "tls.crt", folder / "tls.key", folder / "ca.crt", certified=certified)
    for file, data in ((made.cert, cert), (made.key, key), (folder / "ca.crt", ca[0])):
        file.write_bytes(data)
    return made


@asynccontextmanager
async def serving(certificates: Certificates) -> AsyncIterator[int]:
    server = GrpcServer([], certificates=certificates)
    port = await server.start("127.0.0.1:0")
    try:
        yield port
    finally:
        await server.stop(0)


async def reached(port: int, credentials: grpc.ChannelCredentials | None) -> bool:
    target = f"localhost:{port}"
    channel = (
        grpc.aio.secure_channel(target, credentials) if credentials else grpc.aio.insecure_channel(target)
    )
    async with channel:
        try:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            return False
    return True


async def test_a_server_is_reached_by_those_alone_who_believe_its_ca(tmp_path: Path) -> None:
    ours, another = make_ca(), make_ca()
    async with serving(files(tmp_path, ours)) as port:
        assert await reached(port, grpc.ssl_channel_credentials(ours[0]))
        assert not await reached(port, grpc.ssl_channel_credentials(another[0]))
        assert not await reached(port, grpc.ssl_channel_credentials())
        assert not await reached(port, None)


async def test_callers_need_a_certificate_where_that_is_asked_for(tmp_path: Path) -> None:
    ours, another = make_ca(), make_ca()
    async with serving(files(tmp_path / "server", ours, certified=True)) as port:
        assert await reached(port, files(tmp_path / "caller", ours).for_caller())
        assert not await reached(port, grpc.ssl_channel_credentials(ours[0]))
        stranger = files(tmp_path / "stranger", another)
        credentials = grpc.ssl_channel_credentials(
            ours[0], stranger.key.read_bytes(), stranger.cert.read_bytes()
        )
        assert not await reached(port, credentials)


async def test_certificates_are_changed_without_a_restart(tmp_path: Path) -> None:
    old, new = make_ca(), make_ca()
    async with serving(files(tmp_path, old)) as port:
        assert await reached(port, grpc.ssl_channel_credentials(old[0]))
        for _ in range(3):
            files(tmp_path, new)
            assert await reached(port, grpc.ssl_channel_credentials(new[0]))
            assert not await reached(port, grpc.ssl_channel_credentials(old[0]))
            old, new = new, old


async def test_half_a_change_leaves_the_certificate_of_before(tmp_path: Path) -> None:
    ca = make_ca()
    made = files(tmp_path, ca)
    async with serving(made) as port:
        right = made.key.read_bytes()
        for broken in (make_certificate(*ca, NAMES)[1], b"nonsense", b""):
            made.key.write_bytes(broken)
            assert await reached(port, grpc.ssl_channel_credentials(ca[0]))
        made.key.unlink()
        assert await reached(port, grpc.ssl_channel_credentials(ca[0]))
        made.key.write_bytes(right)
        assert await reached(port, grpc.ssl_channel_credentials(ca[0]))


@pytest.mark.parametrize(
    ("file", "name"), [("tls.crt", "TLS_CERT"), ("tls.key", "TLS_KEY"), ("ca.crt", "TLS_CA")]
)
def test_a_file_that_is_not_there_is_named(tmp_path: Path, file: str, name: str) -> None:
    made = files(tmp_path, make_ca())
    (tmp_path / file).unlink()
    with pytest.raises(ReelmillError, match=name):
        made.for_server()


def test_a_certificate_that_is_made_stands_up_to_strict_checks(tmp_path: Path) -> None:
    made = files(tmp_path, make_ca())
    context = ssl.create_default_context(cafile=str(made.ca))
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.cert, made.key)
    here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = context.wrap_bio(here, there, server_hostname="localhost")
    called = server.wrap_bio(there, here, server_side=True)
    for side in (caller, called, caller, called):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert caller.getpeercert()


def test_a_certificate_needs_a_name_and_a_ca_that_fits() -> None:
    with pytest.raises(ReelmillError, match="names"):
        make_certificate(*make_ca(), [])
    with pytest.raises(ReelmillError, match="do not belong together"):
        make_certificate(make_ca()[0], make_ca()[1], NAMES)
    with pytest.raises(ReelmillError, match="ca"):
        make_certificate(b"", b"", NAMES)
