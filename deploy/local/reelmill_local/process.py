"""One process of the stack: started, watched, started again when it ends by itself, stopped for good."""

import asyncio
import contextlib
import glob
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path

from reelmill_local.spec import ProcessSpec

LAUNCHER = Path(__file__).with_name("launch.py")
BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the first, second, ... start after an unwanted end; the last one repeats."""
STEADY_AFTER = 30.0
"""Seconds after which a process counts as healthy and its back-off begins anew."""
START_ATTEMPTS = 3
"""Ends before it was ever ready that are taken for a mistake in its settings."""
PROBE_PAUSE = 0.1
ERROR_LINE = re.compile(r"error|exception|fatal|failed|traceback|not found|cannot|in use", re.IGNORECASE)

Report = Callable[[str], None]


class State(StrEnum):
    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"  # for its next start, after an unwanted end
    STOPPED = "stopped"
    FAILED = "failed"


class StartError(Exception):
    """A process did not become ready; the message has the end of its log and what to do."""


class SupervisedProcess:
    """Keeps one process running from start() to stop(). All methods belong to one event loop.

    Args:
        spec: What to run.
        log: The file that takes its output.
        report: Called with one line for people whenever something happens.
    """

    def __init__(self, spec: ProcessSpec, log: Path, report: Report) -> None:
        self.spec = spec
        self.log = log
        self.state = State.STOPPED
        self.restarts = 0
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._failure: str | None = None
        self._spawning = asyncio.Lock()  # held while a process is born: then it must not be forgotten

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Starts it and waits until it is ready. Raises StartError, with the process stopped."""
        if self._keeper is None or self._keeper.done():
            self._ready.clear()
            self._failure = None
            self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.spec.name}")
        await self.wait_ready()

    async def wait_ready(self) -> None:
        """Returns once it is ready. Raises StartError when it is not going to be."""
        keeper = self._keeper
        if keeper is None:
            raise StartError(f"{self.spec.name} is stopped")
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait(
                {ready, keeper}, timeout=self.spec.ready_within, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ready.cancel()
        if self._ready.is_set():
            return
        failure = self._failure or f"was not ready within {self.spec.ready_within:.0f} s"
        await self.stop()
        self.state = State.FAILED
        raise StartError(self._explain(failure))

    async def stop(self) -> None:
        """Ends it: SIGTERM, after `stop_within` seconds SIGKILL. What it leaves in its group is killed."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            async with self._spawning:
                keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), self.spec.stop_within)
            except TimeoutError:
                process.kill()
        await self._end_group()
        self._ready.clear()
        self.state = State.STOPPED

    async def restart(self) -> None:
        """Stops it in order and starts it again; returns when it is ready."""
        await self.stop()
        self.restarts += 1
        await self.start()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Sends a signal to the process, as a fault would; it is started again. Returns its id.

        Raises ProcessLookupError when it does not run.
        """
        process = self._process
        if process is None or process.returncode is not None:
            raise ProcessLookupError(f"{self.spec.name} is not running")
        if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP):
            self._ready.clear()
        process.send_signal(number)
        return process.pid

    async def _keep(self) -> None:
        ends_in_a_row = 0
        ever_ready = False
        while True:
            begun = time.monotonic()
            await self._spawn()
            became_ready = asyncio.create_task(self._watch_ready(begun, first=not ever_ready))
            assert self._process is not None
            try:
                code = await self._process.wait()
            finally:
                became_ready.cancel()
            ever_ready = (
                ever_ready or self._ready.is_set() or (became_ready.done() and not became_ready.cancelled())
            )
            self._ready.clear()
            await self._end_group()
            steady = time.monotonic() - begun > STEADY_AFTER
            ends_in_a_row = 1 if steady else ends_in_a_row + 1
            if not ever_ready and ends_in_a_row >= START_ATTEMPTS:
                self._failure = f"ended with {_code(code)} {ends_in_a_row} times"
                return
            pause = BACKOFF[min(ends_in_a_row, len(BACKOFF)) - 1]
            self.state = State.WAITING
            self.restarts += 1
            self._report(f"{self.spec.name} ended with {_code(code)}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)

    async def _spawn(self) -> None:
        self.state = State.STARTING
        self.spec.folder.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        async with self._spawning:
            with self.log.open("ab") as output:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid())),
                    *self.spec.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self.spec.folder,
                    env={**os.environ, **self.spec.environment},
                    start_new_session=True,  # a process group of its own: Ctrl-C reaches the supervisor alone
                )

    async def _watch_ready(self, begun: float, first: bool) -> None:
        while True:
            try:
                await self.spec.probe()
                break
            except Exception:  # any failure of a probe means the same: not yet
                await asyncio.sleep(PROBE_PAUSE)
        self.state = State.READY
        self._ready.set()
        again = "" if first else " again"
        self._report(
            f"{self.spec.name} is ready{again} at {self.spec.address} ({time.monotonic() - begun:.1f} s)"
        )

    async def _end_group(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        for pattern in self.spec.leftovers:
            for file in glob.glob(pattern):
                with contextlib.suppress(OSError):
                    os.unlink(file)

    def _explain(self, failure: str) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        parts = [f"{self.spec.name} {failure}. From {self.log}:", *(f"    {line}" for line in telling(lines))]
        if self.spec.hint:
            parts.append(f"Perhaps {self.spec.hint}.")
        return "\n".join(parts)


def telling(lines: Sequence[str], most: int = 14, last: int = 3) -> list[str]:
    """What a log says went wrong: of its end, the lines that speak of an error, and the last ones."""
    recent = lines[-150:]
    chosen = [at for at, line in enumerate(recent) if ERROR_LINE.search(line)][-(most - last) :]
    chosen += [at for at in range(max(0, len(recent) - last), len(recent)) if at not in chosen]
    return [recent[at] if len(recent[at]) <= 300 else f"{recent[at][:297]}..." for at in sorted(chosen)]


def _code(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


@asynccontextmanager
async def running(spec: ProcessSpec, log: Path | None = None) -> AsyncIterator[SupervisedProcess]:
    """One process for as long as the block runs. Raises StartError when it does not become ready."""
    process = SupervisedProcess(spec, log or spec.folder / f"{spec.name}.log", report=lambda _: None)
    try:
        await process.start()
        yield process
    finally:
        await process.stop()
