"""Releases loaded by training and evaluation kits' own code, in processes with the kits' packages."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.consumers, pytest.mark.torch, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / ".venv" / "consumers"
PER_MOVIE = 16


def kit(name: str, *arguments: str, cache: Path) -> Any:
    """What the program of this name prints."""
    assert PACKAGES.is_dir(), "make test-consumers installs the kits"
    environment = {
        **os.environ,
        "PYTHONPATH": str(PACKAGES),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(cache),
        "MODELSCOPE_CACHE": str(cache / "modelscope"),
        # LLaMA-Factory's own switch: it wants an older `datasets` than ms-swift does.
        "DISABLE_VERSION_CHECK": "1",
    }
    run = subprocess.run(
        [sys.executable, str(ROOT / "tests/consumers/kits" / f"{name}.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


def jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_ms_swift_loads_its_rows_and_finds_every_frame(release: Path, tmp_path: Path) -> None:
    rows = kit("swift_rows", str(release), "ms_swift/train.jsonl", cache=tmp_path)
    told = jsonl(release / "ms_swift/train.jsonl")
    assert [row["texts"] for row in rows] == [[m["content"] for m in row["messages"]] for row in told]
    for row in rows:
        assert row["roles"] == ["user", "assistant"]
        assert row["texts"][0].count("<video>") == len(row["videos"]) == 1
        frames = row["videos"][0]
        assert frames
        assert all((release / frame).is_file() for frame in frames)
    assert max(len(row["videos"][0]) for row in rows) == PER_MOVIE


def test_ms_swift_loads_qwens_rows_too(release: Path, tmp_path: Path) -> None:
    rows = kit("swift_rows", str(release), "qwen_vl/train.json", cache=tmp_path)
    told = json.loads((release / "qwen_vl/train.json").read_text())
    assert [row["texts"] for row in rows] == [[m["value"] for m in row["conversations"]] for row in told]
    for row in rows:
        assert row["texts"][0].count("<video>") == len(row["videos"]) == 1
        assert (release / row["videos"][0]).is_file()


def test_llama_factory_loads_its_dataset_and_opens_a_video(release: Path, tmp_path: Path) -> None:
    found = kit("llama_factory_rows", str(release), "films-v1.0_train", cache=tmp_path)
    told = json.loads((release / "llama_factory/train.json").read_text())
    assert len(found["rows"]) == len(told)
    for row, line in zip(found["rows"], told, strict=True):
        assert row["prompt"][-1]["content"] == line["messages"][0]["content"]
        assert row["response"][0]["content"] == line["messages"][1]["content"]
        assert [Path(video).is_file() for video in row["videos"]] == [True]
    assert found["frames_of_the_first"] == PER_MOVIE, "each key frame once, at one sample a shot"


def test_lmms_evals_own_code_asks_and_scores_the_questions(release: Path, tmp_path: Path) -> None:
    found = kit("lmms_eval_scores", str(release), cache=tmp_path)
    for name in ("video_mme", "long_video_bench"):
        assert found[name]["asked"] > 10
        assert found[name]["right"] == found[name]["asked"]
        assert found[name]["wrong"] == 0
