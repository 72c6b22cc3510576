"""The set-up says clearly where it cannot run, before it changes anything."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def set_up(tmp_path: Path, commands: dict[str, str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the set-up of a copy, with these shell scripts in place of the machine's commands."""
    copy = tmp_path / "checkout"
    for name in ("deploy/local/setup.sh", "deploy/local/reelmill_local/libpython.py", "locks/pins.txt"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, script in commands.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    result = subprocess.run(
        ["bash", str(copy / "deploy/local/setup.sh")],
        capture_output=True,
        text=True,
        env={"PATH": f"{programs}:{os.environ['PATH']}", **environment},
        timeout=60,
    )
    assert not (copy / ".venv").exists()
    return result


def test_another_kind_of_machine_is_told_what_is_needed(tmp_path: Path) -> None:
    result = set_up(tmp_path, {"uname": "echo Darwin arm64"})
    assert result.returncode == 1
    assert "runs on Linux x86-64; this is Darwin arm64" in result.stderr


def test_an_old_c_library_is_named(tmp_path: Path) -> None:
    result = set_up(tmp_path, {"getconf": "echo glibc 2.31"})
    assert result.returncode == 1
    assert "needs glibc 2.35 or newer" in result.stderr
    assert "has 2.31" in result.stderr


def test_an_unsuitable_python_is_named(tmp_path: Path) -> None:
    old = 'case "$1" in -V) echo Python 3.9.2;; *) exit 1;; esac'
    result = set_up(tmp_path, {"old-python": old}, PYTHON="old-python")
    assert result.returncode == 1
    assert "Python 3.11, 3.12 or 3.13 is needed; old-python is Python 3.9.2" in result.stderr


@pytest.mark.parametrize("sudo", ["exit 1", None])
def test_without_the_right_to_install_the_exact_command_is_shown(tmp_path: Path, sudo: str | None) -> None:
    # A Python without the shared library, a user who is not root, and no sudo that works.
    python = 'case "$*" in *libpython.py*) exit 1;; *%d.%d*) echo 3.11;; esac; exit 0'
    commands = {"fake-python": python, "id": "echo 1000", "apt-get": "exit 9", "sudo": sudo or "exit 127"}
    result = set_up(tmp_path, commands, PYTHON="fake-python")
    assert result.returncode == 1
    assert "needs the system library libpython3.11.so.1.0" in result.stderr
    assert "sudo apt-get install -y --no-install-recommends libpython3.11" in result.stderr
