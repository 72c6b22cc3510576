"""Supervised processes, with small real programs in place of the servers."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reelmill_local.process import LAUNCHER, StartError, State, SupervisedProcess, running
from reelmill_local.spec import ProcessSpec

SERVE = "import pathlib, time; pathlib.Path('up').write_text('1'); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVE}"
WITH_CHILD = f"import subprocess; subprocess.Popen(['sleep', '61.25']); {SERVE}"


def spec(folder: Path, program: str, *, ready_within: float = 10, stop_within: float = 5) -> ProcessSpec:
    async def probe() -> None:
        if not (folder / "up").exists():
            raise ConnectionError("not up")

    return ProcessSpec(
        name="probe-me",
        command=(sys.executable, "-S", "-c", program),
        address="nowhere",
        probe=probe,
        folder=folder,
        ready_within=ready_within,
        stop_within=stop_within,
        hint="the moon is full",
    )


def supervised(
    folder: Path, program: str, report: Callable[[str], None] = lambda _: None, **times: float
) -> SupervisedProcess:
    return SupervisedProcess(spec(folder, program, **times), folder / "log", report)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_process_is_ready_when_its_probe_is_and_gone_when_stopped(tmp_path: Path) -> None:
    async with running(spec(tmp_path, SERVE)) as process:
        assert process.state is State.READY
        pid = process.pid
        assert pid
        assert alive(pid)
    assert not alive(pid)


async def test_a_killed_process_is_started_again_and_reported(tmp_path: Path) -> None:
    lines: list[str] = []
    process = supervised(tmp_path, SERVE, lines.append)
    await process.start()
    try:
        first = process.pid
        (tmp_path / "up").unlink()
        process.kill()
        await process.wait_ready()
        assert process.pid != first
        assert process.restarts == 1
        assert any("SIGKILL; starting it again" in line for line in lines)
        assert any("ready again" in line for line in lines)
    finally:
        await process.stop()


async def test_a_process_that_never_starts_fails_with_the_end_of_its_log_and_a_hint(tmp_path: Path) -> None:
    process = supervised(tmp_path, "print('no such model', flush=True); raise SystemExit(3)")
    with pytest.raises(StartError) as error:
        await process.start()
    assert "exit status 3" in str(error.value)
    assert "no such model" in str(error.value)
    assert "the moon is full" in str(error.value)
    assert process.state is State.FAILED


async def test_a_process_that_is_never_ready_is_ended_when_its_time_is_up(tmp_path: Path) -> None:
    process = supervised(tmp_path, "import time; time.sleep(60)", ready_within=0.5)
    with pytest.raises(StartError, match="not ready within"):
        await process.start()
    assert process.pid is None


async def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    process = supervised(tmp_path, STUBBORN, stop_within=0.3)
    await process.start()
    pid = process.pid
    assert pid
    await process.stop()
    assert not alive(pid)


async def test_what_a_process_has_started_ends_with_it(tmp_path: Path) -> None:
    process = supervised(tmp_path, WITH_CHILD)
    await process.start()
    group = process.pid
    await process.stop()
    async with asyncio.timeout(5):  # killed is not yet gone
        while members(group):
            await asyncio.sleep(0.02)


async def test_files_it_leaves_outside_its_folder_are_removed(tmp_path: Path) -> None:
    base = spec(tmp_path, SERVE)
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    fields = {name: getattr(base, name) for name in base.__dataclass_fields__}
    async with running(ProcessSpec(**{**fields, "leftovers": (f"{outside}/mine-*",)})):
        (outside / "mine-1").touch()
        (outside / "other").touch()
    assert [p.name for p in outside.iterdir()] == ["other"]


async def test_a_stopped_process_stays_stopped_until_it_is_started(tmp_path: Path) -> None:
    process = supervised(tmp_path, SERVE)
    await process.start()
    await process.stop()
    await asyncio.sleep(0.5)
    assert process.pid is None
    with pytest.raises(ProcessLookupError):
        process.kill()
    await process.start()
    assert process.pid
    await process.stop()


def test_a_launched_command_dies_with_the_one_that_launched_it(tmp_path: Path) -> None:
    launch = (
        "import os, subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, {str(LAUNCHER)!r}, str(os.getpid()), 'sleep', '62'])\n"
        "print(p.pid, flush=True)\ntime.sleep(62)"
    )
    with subprocess.Popen([sys.executable, "-c", launch], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        time.sleep(0.3)
        assert alive(child)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    end = time.monotonic() + 5
    while alive(child) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(child)


def members(group: int | None) -> list[Path]:
    return [stat for stat in Path("/proc").glob("[0-9]*/stat") if _group(stat) == group]


def _group(stat: Path) -> int | None:
    try:
        state, _, group, *_ = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state == "Z" else int(group)
