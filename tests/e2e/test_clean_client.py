"""The client from wheels, where nothing else of ours is: movies, frames, errors, restarts."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reelmill_local import LocalStack
from tests.support.movies import StackClient, wanted

pytestmark = [pytest.mark.stack, pytest.mark.torch, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
STRANGER = ROOT / "tests" / "e2e" / "stranger.py"
FRAMES = 8


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--no-input", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment: the client, the stubs, and what they say they need."""
    folder = tmp_path_factory.mktemp("clean")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True, timeout=60)
    sources = [str(ROOT / "shared" / name) for name in ("stubs", "client")]
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder / "wheels"), *sources)
    there = ("--python", str(folder / "venv/bin/python"))
    locked = str(ROOT / "locks" / "client.txt")
    pip(*there, "install", "--no-compile", "--require-hashes", "--no-deps", "-r", locked)
    wheels = map(str, (folder / "wheels").iterdir())
    pip(*there, "install", "--no-compile", "--no-index", "--no-deps", *wheels)
    pip(*there, "check")  # the lock has all that the two wheels ask for
    return folder / "venv/bin"


def surroundings(stack: LocalStack) -> dict[str, str]:
    """Of this process's environment nothing but where programs are."""
    settings = {"PATH": os.environ["PATH"], "REELMILL_SERVER": stack.addresses["movies"]}
    return {**settings, **stack.environment}


def lines(process: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    assert process.stdout
    for line in process.stdout:
        yield json.loads(line)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_stranger_makes_a_movie_through_a_restart_and_has_its_frames(
    clean: Path, whole_stack: LocalStack, tmp_path: Path, kind: str
) -> None:
    project = f"p{uuid.uuid4().hex[:8]}"
    with subprocess.Popen(
        [clean / "python", "-I", STRANGER, kind, project, tmp_path / "movie"],
        env=surroundings(whole_stack),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        heard = lines(process)
        assert next(heard) == {"ours": ["reelmill", "reelmill-stubs"]}
        assert next(heard) == {
            "kind": "InvalidFieldError",
            "reason": "INVALID_FIELD",
            "code": "INVALID_ARGUMENT",
            "metadata": {"field": "movie.theme"},
        }
        assert next(heard) == {"same": True}
        first = next(heard)
        whole_stack.kill("movies")
        whole_stack.wait_ready("movies")
        *seen, last = heard
        assert process.stderr
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert said == "", "no terminal: no bar, and no library has anything to say"
    assert first["state"] in ("STATE_PENDING", "STATE_RUNNING")
    assert seen[-1]["state"] == "STATE_SUCCEEDED"
    revisions = [first["revision"], *(one["revision"] for one in seen)]
    assert revisions == sorted(set(revisions)), "none comes twice"
    assert last["listed"] == [last["movie"]]
    pictures = sorted((tmp_path / "movie").rglob("*"))
    assert [file.name for file in pictures if file.is_file()] == [f"{n:06d}.png" for n in range(FRAMES)]
    assert last["files"] == FRAMES
    for file in (tmp_path / "movie/frames").iterdir():
        assert Image.open(file).size == (64, 64)


async def test_a_stranger_has_the_command_line_too(
    clean: Path, whole_stack: LocalStack, tmp_path: Path
) -> None:
    small, project = wanted(chapters=1, scenes=1, frames=2), f"p{uuid.uuid4().hex[:8]}"
    name = await StackClient(whole_stack).create(small, "one", project)

    def reelmill(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [clean / "reelmill", *arguments],
            env={**surroundings(whole_stack), "REELMILL_PROJECT": project},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    watched = reelmill("watch", name, "--json")
    assert json.loads(watched.stdout.splitlines()[-1])["state"] == "STATE_SUCCEEDED", watched.stderr
    fetched = reelmill("export", name, "there", "--only", "frames/*.png", "--json")
    assert json.loads(fetched.stdout)["files"] == 2
    assert len(list((tmp_path / "there/frames").glob("*.png"))) == 2
    wrong = reelmill("get", "m-0123456789abcdef", "--json")
    assert (wrong.returncode, json.loads(wrong.stderr)["error"]["reason"]) == (1, "NOT_FOUND")
    assert reelmill("up").returncode == 1, "the stack is not part of the client"
