"""A handle on a local stack: starts or finds one, tells its addresses, breaks and mends it."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reelmill.client import Credentials
from reelmill_local.control import ControlError, NotRunningError, ask
from reelmill_local.names import SERVERS, SERVICES

START_LIMIT = 420.0
STOP_LIMIT = 60.0
REPORT_LINE = re.compile(r"\d\d:\d\d:\d\d ")


class StackError(Exception):
    """The stack did not start, stop or do what was asked; the message says why and where the logs are."""


class LocalStack:
    """A stack of real servers and services in one folder.

    The processes belong to a supervisor process, not to the caller, so they outlive an event loop. With
    `async with` (or `with`) the stack ends with the block, and also when the caller is killed:

        async with LocalStack(tmp_path) as stack:
            client = MovieClient(stack.addresses["movies"], credentials=stack.credentials)

    Args:
        folder: Takes data and logs; made when missing, may be deleted when the stack is down.
        only: The processes to run, of those in reelmill_local.names; all by default.
        environment: More settings for every process.
        report: Called with one line for people whenever something happens while starting.
    """

    def __init__(
        self,
        folder: Path | str = ".reelmill",
        *,
        only: Sequence[str] = (*SERVERS, *SERVICES),
        environment: Mapping[str, str] | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = Path(folder).resolve()
        self._only = tuple(only)
        self._extra = dict(environment or {})
        self._report = report
        self._status: dict[str, Any] = {}
        self._log_begin = 0

    @property
    def addresses(self) -> dict[str, str]:
        """host:port by process name."""
        return dict(self._status["addresses"])

    @property
    def environment(self) -> dict[str, str]:
        """The REELMILL_* settings with which a program can use this stack's servers."""
        return {**self._extra, **self._status["environment"]}

    @property
    def credentials(self) -> Credentials:
        """With which its owner calls its services: everything is allowed."""
        return Credentials.from_settings(self.environment)

    def status(self) -> dict[str, Any]:
        """State, addresses and processes (pid, state, restarts, memory). Raises NotRunningError."""
        return ask(self.folder, "status")

    def is_running(self) -> bool:
        """Whether a supervisor runs in the folder."""
        try:
            self._status = self.status()
        except NotRunningError:
            return False
        return True

    def start(self, *, bound_to_caller: bool = False) -> bool:
        """Starts the stack, or finds it running, and waits until it is ready.

        Args:
            bound_to_caller: The stack ends when the calling process does.

        Returns: Whether it was started now.
        Raises: StackError.
        """
        while running := self.is_running():
            if self._status["state"] != "stopping":
                break
            time.sleep(0.1)
        started = None if running else self._launch(bound_to_caller)
        self._wait_ready(started)
        return started is not None and started.pid == self._status["pid"]

    def _wait_ready(self, started: subprocess.Popen[bytes] | None) -> None:
        log = self.folder / "logs" / "supervisor.log"
        shown = 0
        end = time.monotonic() + START_LIMIT
        while True:
            lines = _lines(log, self._log_begin) if started else []
            for line in lines[shown:]:
                if REPORT_LINE.match(line):
                    self._report(line)
            shown = len(lines)
            if self.is_running():
                if self._status["state"] == "ready":
                    if started and started.pid != self._status["pid"]:
                        # Another was faster. Left alone, ours would take over when that one ends.
                        started.terminate()
                        started.wait()
                    return
            elif started is None:
                raise StackError(f"the stack in {self.folder} ended while it was waited for; see {log}")
            elif started.poll() is not None:
                raise StackError(_error_in(lines) or f"the supervisor ended with status {started.returncode}")
            if time.monotonic() > end:
                self.stop()
                raise StackError(f"the stack was not ready within {START_LIMIT:.0f} s; see {log.parent}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ends every process of the stack; returns when they are gone. Does nothing when none runs."""
        try:
            pid = ask(self.folder, "down")["pid"]
        except NotRunningError:
            return
        end = time.monotonic() + STOP_LIMIT
        while _alive(pid):
            if time.monotonic() > end:
                raise StackError(f"the supervisor {pid} did not end within {STOP_LIMIT:.0f} s")
            time.sleep(0.05)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Sends a signal to one process, as a fault would; the supervisor starts it again. Returns its id."""
        return int(ask(self.folder, "kill", name=name, signal=int(number))["pid"])

    def wait_ready(self, name: str) -> None:
        """Returns when this process does its work again. Raises ControlError when it is not going to."""
        ask(self.folder, "wait", name=name, timeout=START_LIMIT)

    def restart(self, name: str) -> None:
        """Stops one process in order and starts it again; returns when it is ready."""
        ask(self.folder, "restart", name=name, timeout=START_LIMIT)

    def stop_process(self, name: str) -> None:
        """Stops one process until start_process()."""
        ask(self.folder, "stop", name=name)

    def start_process(self, name: str) -> None:
        """Starts a process that stop_process() has stopped; returns when it is ready."""
        ask(self.folder, "start", name=name, timeout=START_LIMIT)

    def _launch(self, bound_to_caller: bool) -> subprocess.Popen[bytes]:
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "reelmill_local", "up", "--folder", str(self.folder)]
        command += [f"--only={','.join(self._only)}"]
        command += ["--parent", str(os.getpid())] if bound_to_caller else []
        with (logs / "supervisor.log").open("ab") as log:
            self._log_begin = log.tell()
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._extra},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        self.start(bound_to_caller=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)


def _lines(file: Path, begin: int) -> list[str]:
    """The lines of a file from this position on."""
    with file.open("rb") as content:
        content.seek(begin)
        return content.read().decode(errors="replace").splitlines()


def _error_in(lines: Sequence[str]) -> str:
    """What follows "error:" in the supervisor's output; all of it where nothing does."""
    begin = next((at for at, line in enumerate(lines) if line.startswith("error: ")), 0)
    return "\n".join(lines[begin:]).removeprefix("error: ")


def _alive(pid: int) -> bool:
    """Whether the process runs; one that has ended but was not waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


__all__ = ["ControlError", "LocalStack", "NotRunningError", "StackError"]
