"""From movies on a real stack to a dataset in a folder, with the command line."""

import asyncio
import json
import subprocess
import uuid
from pathlib import Path

import datasets
import pytest
from typer.testing import CliRunner, Result

from reelmill.cli import app
from reelmill_local import LocalStack
from tests.support.movies import StackClient, wanted

pytestmark = [pytest.mark.stack, pytest.mark.torch, pytest.mark.slow]


async def test_a_project_becomes_a_dataset_that_loads(
    whole_stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, project = StackClient(whole_stack), f"p{uuid.uuid4().hex[:8]}"
    for seed in range(2):
        await client.ended(await client.create(wanted(seed=seed), str(uuid.uuid4()), project))
    environment = {
        **whole_stack.environment,
        "REELMILL_PROJECT": project,
        "REELMILL_SERVER": whole_stack.addresses["movies"],
        "REELMILL_DATASET_SERVER": whole_stack.addresses["dataset"],
    }

    def reelmill(*arguments: str) -> Result:
        # In a thread of its own: the command has an event loop, and so has this test.
        return CliRunner().invoke(app, ["release", *arguments], env=environment)

    result = await asyncio.to_thread(
        reelmill, "create", "v1", "--all", "--validation", "0", "--test", "0", "--json"
    )
    assert result.exit_code == 0, result.output
    release = json.loads(result.stdout)
    assert len(release["movies"]) == 2
    again = await asyncio.to_thread(reelmill, "create", "v1", release["movies"][0], "--json")
    assert again.exit_code == 1
    assert json.loads(again.stderr)["error"]["reason"] == "ALREADY_EXISTS"
    result = await asyncio.to_thread(reelmill, "verify", "v1", "--json")
    assert json.loads(result.stdout)["whole"]
    result = await asyncio.to_thread(reelmill, "download", "v1", str(tmp_path / "v1"), "--json")
    assert result.exit_code == 0, result.output
    check = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    subprocess.run(check, cwd=tmp_path / "v1", check=True, timeout=60)  # noqa: ASYNC221
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    frames = datasets.load_dataset(
        str(tmp_path / "v1"), "frames", split="train", cache_dir=str(tmp_path / "cache")
    )
    assert len(frames) == release["frames"]
    assert frames[0]["image"].size == (64, 64)
