"""Comparing a model directory with its digest before a server loads it."""

import subprocess
import sys
from pathlib import Path

STARTER = Path(__file__).parents[3] / "services" / "render" / "starter" / "model"


def verify(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reelmill_kit.commands.verify", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_model_is_known_by_its_digest_and_by_nothing_else() -> None:
    printed = verify(str(STARTER)).stdout.strip()
    assert len(printed) == 64
    assert verify(str(STARTER), f"sha256:{printed[:16]}").returncode == 0
    other = verify(str(STARTER), "0" * 64)
    assert other.returncode == 1
    assert "other weights, or broken ones" in other.stderr
    assert "is no digest" in verify(str(STARTER), "abc").stderr


def test_a_directory_that_is_no_model_is_said_to_be_none(tmp_path: Path) -> None:
    assert "model_index.json" in verify(str(tmp_path)).stderr
