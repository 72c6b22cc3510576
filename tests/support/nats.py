"""A real nats-server with JetStream, which knows the users that an installation has."""

import json
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reelmill_kit.bus import Bus
from reelmill_kit.settings import ServiceSettings
from reelmill_local.bus_users import BusUsers

from .servers import ServerProcess, free_port, program


class NatsServer(ServerProcess):
    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._storage = folder / "jetstream"
        self.users = BusUsers.kept_in(folder / "users")
        self._configuration = folder / "nats.conf"
        command = [program("nats-server"), "-c", str(self._configuration)]
        super().__init__(command, port, folder / "nats.log")
        self.configure(self.users.accounts)

    def configure(self, accounts: str) -> None:
        """With other users, from its next start on."""
        store = json.dumps(str(self._storage))
        self._configuration.write_text(
            f"host: 127.0.0.1\nport: {self.port}\njetstream {{ store_dir: {store} }}\n{accounts}"
        )

    def reload(self) -> None:
        """Takes up what `configure` has said."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def settings(self, service: str = "") -> ServiceSettings:
        """Settings of a service that uses this server; without a name, of who may do everything."""
        seed = self.users.seed(service) if service else self.users.owner
        return self.settings_for(self.url, seed)

    @staticmethod
    def settings_for(url: str, seed: Path | None = None) -> ServiceSettings:
        # Tests do not wait long for dead workers.
        return ServiceSettings(nats_url=url, nats_nkey_file=seed, job_ack_wait=2.0)

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
