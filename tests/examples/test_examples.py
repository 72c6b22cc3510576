"""The examples in other languages: built as their README says, run on the stack, through a fault."""

import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from reelmill_local import LocalStack

pytestmark = [pytest.mark.stack, pytest.mark.torch, pytest.mark.slow]
EXAMPLES = Path(__file__).resolve().parents[2] / "deploy" / "examples"


@dataclass(frozen=True)
class Example:
    title: str
    command: tuple[str, ...]
    programs: tuple[str, ...]
    files: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return EXAMPLES / self.title.lower()

    @property
    def missing(self) -> list[str]:
        """The tools that this machine does not have."""
        lost = [name for name in self.programs if not shutil.which(name)]
        return [*lost, *(name for name in self.files if not Path(name).exists())]


GOCODE = "/usr/share/gocode/src/google.golang.org"
LANGUAGES = [
    Example(
        "Go",
        ("build/movie",),
        ("go", "protoc-gen-go", "protoc-gen-go-grpc"),
        (f"{GOCODE}/grpc", f"{GOCODE}/genproto"),
    ),
    Example("TypeScript", ("node", "build/main.js"), ("node", "npm")),
]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            one,
            id=one.title,
            marks=pytest.mark.skipif(
                bool(one.missing),
                reason=f"{one.title}: {', '.join(one.missing)} not here; deploy/examples/README.md says more",
            ),
        )
        for one in LANGUAGES
    ],
)
def example(request: pytest.FixtureRequest) -> Example:
    """Built with the last commands of its chapter in the README."""
    found: Example = request.param
    chapter = (EXAMPLES / "README.md").read_text().split(f"## {found.title}\n")[1].split("\n## ")[0]
    commands = re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL)[-1]
    run = subprocess.run(
        ["bash", "-euc", commands], cwd=found.folder, capture_output=True, text=True, timeout=500, check=False
    )
    if run.returncode and re.search("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT", run.stderr):
        pytest.skip(f"{found.title}: npm's registry cannot be reached")
    assert run.returncode == 0, run.stdout + run.stderr
    return found


def start(example: Example, settings: Mapping[str, str], *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*example.command, *arguments],
        cwd=example.folder,
        env={"PATH": os.environ["PATH"], **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def settings_of(stack: LocalStack) -> dict[str, str]:
    return {
        "REELMILL_SERVER": stack.addresses["movies"],
        "REELMILL_TOKEN_FILE": stack.environment["REELMILL_TOKEN_FILE"],
    }


def test_it_makes_a_movie_and_follows_it_though_the_server_dies(
    example: Example, whole_stack: LocalStack
) -> None:
    project = f"p{uuid.uuid4().hex[:8]}"
    asked = (settings_of(whole_stack), project, "order-1", "A lighthouse keeper adopts a storm")
    with start(example, *asked) as process:
        assert process.stdout
        assert process.stderr
        name, first = (process.stdout.readline().strip() for _ in range(2))
        whole_stack.kill("movies")
        whole_stack.wait_ready("movies")
        rest = process.stdout.read().splitlines()
        said = process.stderr.read()
    assert process.returncode == 0, said
    *seen, where = rest
    assert where == f"s3://reelmill/{name}/"
    revisions = [int(line.split()[1].rstrip(":")) for line in (first, *seen)]
    assert revisions == sorted(set(revisions)), "none comes twice"
    assert seen[-1].endswith("SUCCEEDED")
    out, _ = start(example, *asked).communicate(timeout=60)
    assert out.splitlines()[0] == name, "the same request id is the same movie"


def test_it_says_the_reason_and_the_details_of_an_error(example: Example, whole_stack: LocalStack) -> None:
    settings = settings_of(whole_stack)
    process = start(example, settings, "demo", "order-2", "")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "INVALID_FIELD: movie.theme" in said
    assert re.search(r"field\W+movie\.theme", said.partition("INVALID_FIELD")[2])
    stranger = start(example, {**settings, "REELMILL_TOKEN_FILE": ""}, "demo", "order-3", "A lamp")
    assert "UNAUTHENTICATED" in stranger.communicate(timeout=60)[1]
