"""A service that starts before its servers lives on, says what is missing, and is ready once it is there."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from reelmill_kit.bus import Bus
from tests.support.nats import NatsServer
from tests.support.servers import free_port, port_open, wait_until

pytestmark = pytest.mark.stack
SERVING = health_pb2.HealthCheckResponse.SERVING


class Service:
    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self._log = process, port, log

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def health(self) -> int:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            return int((await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)).status)


@asynccontextmanager
async def running(name: str, nats: NatsServer, folder: Path, **settings: str) -> AsyncIterator[Service]:
    port, log = free_port(), folder / f"{name}.log"
    environment = {
        **os.environ,
        "REELMILL_GRPC_ADDRESS": f"127.0.0.1:{port}",
        "REELMILL_NATS_URL": nats.url,
        "REELMILL_NATS_NKEY_FILE": str(nats.users.seed(name)),
        "REELMILL_S3_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "REELMILL_TRITON_URL": f"127.0.0.1:{free_port()}",
        "REELMILL_AUTH": "off",
        "REELMILL_TLS": "off",
        **settings,
    }
    with log.open("wb") as out:
        process = await asyncio.to_thread(
            subprocess.Popen,
            [sys.executable, "-m", f"reelmill_{name}"],
            stdout=out,
            stderr=out,
            env=environment,
        )
    try:
        await wait_until(lambda: port_open(port), 60, f"{name} on its port")
        yield Service(process, port, log)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)


async def said(service: Service, words: Callable[[str], bool]) -> None:
    await wait_until(lambda: words(service.log), 40, "the message in the log")


@pytest.mark.parametrize("name", ["movies", "script", "render", "qa", "dataset"])
async def test_a_service_without_its_servers_waits_unready_and_says_which(
    name: str, nats_server: NatsServer, bus: Bus, tmp_path: Path
) -> None:
    async with running(name, nats_server, tmp_path) as service:
        await said(service, lambda log: "object store" in log and "REELMILL_S3_ENDPOINT" in log)
        if name == "render":
            await said(service, lambda log: "Triton" in log)
        assert await service.health() != SERVING
        assert service.process.poll() is None


async def test_a_service_without_its_language_model_waits_unready_and_says_which(
    nats_server: NatsServer, bus: Bus, tmp_path: Path
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    settings = {"REELMILL_LLM_MODEL": "some-model", "REELMILL_LLM_BASE_URL": nowhere}
    async with running("script", nats_server, tmp_path, **settings) as service:
        await said(service, lambda log: "language model" in log and nowhere in log)
        assert await service.health() != SERVING


async def test_a_service_that_was_started_before_nats_goes_on_when_it_comes(tmp_path: Path) -> None:
    late = NatsServer(tmp_path / "nats", free_port())
    async with running("qa", late, tmp_path) as service:
        await said(service, lambda log: "waiting for NATS" in log and "REELMILL_NATS_URL" in log)
        assert await service.health() != SERVING
        await late.start()
        try:
            await said(service, lambda log: "start the movies service" in log)
            front_door = Bus(late.settings("movies"), "movies")
            await front_door.connect()
            await front_door.close()
            await said(service, lambda log: "connected to NATS" in log)
            assert service.process.poll() is None
        finally:
            await late.stop()
