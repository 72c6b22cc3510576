"""Real servers as local processes, each on a free port, with a folder of its own, gone afterwards."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path


def free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def program(name: str) -> str:
    """A program that a wheel has put beside this interpreter."""
    return str(Path(sys.executable).parent / name)


async def wait_until(
    true: Callable[[], bool], timeout: float = 20.0, what: str = "it", every: float = 0.02
) -> None:
    """Returns when `true()` is; raises AssertionError after `timeout` seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while not true():
        assert loop.time() < end, f"{what} did not come about within {timeout:.0f} s"
        await asyncio.sleep(every)


def port_open(port: int) -> bool:
    with closing(socket.socket()) as caller:
        caller.settimeout(0.2)
        return caller.connect_ex(("127.0.0.1", port)) == 0


class ServerProcess:
    """A child process that listens on a port."""

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        self.port = port
        self._command = list(command)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.to_thread(
                subprocess.Popen, self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        await wait_until(
            lambda: port_open(self.port) or self._ended(), what=f"{self._command[0]} on port {self.port}"
        )
        assert not self._ended(), f"{self._command[0]} ended:\n{self._log.read_text()[-2000:]}"

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            await asyncio.to_thread(self._process.wait, 15)
            self._process = None

    async def kill(self) -> None:
        await self.stop(signal.SIGKILL)

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None
