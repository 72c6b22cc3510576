"""A real nats-server with JetStream."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reelmill_kit.bus import Bus
from reelmill_kit.settings import ServiceSettings

from .servers import ServerProcess, free_port, program


class NatsServer(ServerProcess):
    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._storage = folder / "jetstream"
        super().__init__(
            [program("nats-server"), "-js", "-sd", str(self._storage), "-a", "127.0.0.1", "-p", str(port)],
            port,
            folder / "nats.log",
        )

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def settings(self) -> ServiceSettings:
        """Settings of a service that uses this server."""
        return self.settings_for(self.url)

    @staticmethod
    def settings_for(url: str) -> ServiceSettings:
        return ServiceSettings(nats_url=url, job_ack_wait=2.0)  # tests do not wait long for dead workers

    async def restart(self, *, forget: bool = False) -> None:
        """On the same port; `forget`: with its storage empty."""
        await self.stop()
        if forget:
            shutil.rmtree(self._storage)
        await self.start()


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    server = NatsServer(tmp_path / "nats", free_port())
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    """Connected, with all streams and consumers."""
    connected = Bus(nats_server.settings(), "test")
    await connected.connect()
    yield connected
    await connected.close()
