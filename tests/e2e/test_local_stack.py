"""The local stack itself: found again, mended, and gone without a trace."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from minio import Minio

from reelmill_local import LocalStack

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("stack"), only=["nats", "s3"]) as stack:
        yield stack


def client(stack: LocalStack) -> Minio:
    settings = stack.environment
    return Minio(
        settings["REELMILL_S3_ENDPOINT"].removeprefix("http://"),
        access_key=settings["REELMILL_S3_ACCESS_KEY"],
        secret_key=settings["REELMILL_S3_SECRET_KEY"],
        secure=False,
        region="us-east-1",
    )


def test_a_second_start_finds_the_running_stack(stack: LocalStack) -> None:
    again = LocalStack(stack.folder)
    assert again.start() is False
    assert again.addresses == stack.addresses
    assert again.environment == stack.environment


def test_two_starts_at_once_make_one_stack(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        stacks = [LocalStack(tmp_path, only=["nats"]) for _ in range(3)]
        started = list(pool.map(lambda stack: stack.start(), stacks))
    try:
        assert len({stack.status()["pid"] for stack in stacks}) == 1
        assert started.count(True) == 1
    finally:
        stacks[0].stop()
    assert _gone(tmp_path)


def test_a_start_while_the_stack_ends_waits_for_its_end(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path, only=["nats", "s3"])
    stack.start()
    first = stack.status()["pid"]
    with ThreadPoolExecutor() as pool:
        ending = pool.submit(stack.stop)
        time.sleep(0.2)
        again = LocalStack(tmp_path, only=["nats"])
        again.start()
        ending.result()
    try:
        assert again.status()["pid"] != first
    finally:
        again.stop()


def test_another_stack_gets_other_ports(stack: LocalStack, tmp_path: Path) -> None:
    with LocalStack(tmp_path, only=["nats"]) as other:
        assert other.addresses["nats"] != stack.addresses["nats"]


def test_objects_outlive_a_kill_of_the_s3_server(stack: LocalStack) -> None:
    for number in range(20):
        data = os.urandom(5000)
        client(stack).put_object("reelmill", f"kept/{number}", io.BytesIO(data), len(data))
    stack.kill("s3")
    stack.wait_ready("s3")
    kept = list(client(stack).list_objects("reelmill", prefix="kept/"))
    assert len(kept) == 20
    assert all(o.size == 5000 for o in kept)
    answer = client(stack).get_object("reelmill", "kept/19")
    assert answer.read() == data


def test_status_tells_of_restarts(stack: LocalStack) -> None:
    before = _process(stack, "nats")
    stack.restart("nats")
    after = _process(stack, "nats")
    assert after["state"] == "ready"
    assert after["pid"] != before["pid"]
    assert after["restarts"] == before["restarts"] + 1


def test_secrets_of_the_stack_are_readable_by_their_owner_alone(stack: LocalStack) -> None:
    for name in ("stack.json", "s3-keys.json", "control.sock", "data/s3/s3.json"):
        assert (stack.folder / name).stat().st_mode & 0o077 == 0, name


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_supervisor_ends_by(number: signal.Signals, tmp_path: Path) -> None:
    stack = LocalStack(tmp_path, only=["nats"])
    stack.start()
    os.kill(stack.status()["pid"], number)
    assert _gone(tmp_path)


def test_nothing_is_left_when_the_program_that_uses_the_stack_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from reelmill_local import LocalStack\n"
        "with LocalStack(sys.argv[1], only=['nats']):\n    print('up', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "stack")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout
        assert user.stdout.readline() == "up\n"
        user.kill()
    assert _gone(tmp_path / "stack")


def test_nothing_is_left_when_the_folder_of_a_running_stack_is_deleted(tmp_path: Path) -> None:
    LocalStack(tmp_path / "stack", only=["nats"]).start()
    shutil.rmtree(tmp_path / "stack")
    assert _gone(tmp_path / "stack")


def test_a_deep_folder_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    with LocalStack(deep, only=["nats"]) as stack:
        assert stack.status()["state"] == "ready"


def _process(stack: LocalStack, name: str) -> dict[str, Any]:
    return next(p for p in stack.status()["processes"] if p["name"] == name)


def _gone(folder: Path) -> bool:
    """Whether, within a few seconds, no process is left whose command line names the folder."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        lines = (_command_line(entry) for entry in Path("/proc").glob("[0-9]*"))
        if not any(str(folder) in line for line in lines):
            return True
        time.sleep(0.1)
    return False


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""
