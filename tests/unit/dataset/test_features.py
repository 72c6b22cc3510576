"""A release's pictures through a user's own encoder, in LLaMA-VID's files."""

import json
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from reelmill_dataset.features.main import app

WIDTH = 6
COUNT = 5


def mean_colours(pictures: Sequence[Image.Image]) -> np.ndarray:
    """Four tokens a picture: the mean colour of each quarter, twice."""
    rows = []
    for picture in pictures:
        small = np.asarray(picture.resize((2, 2), Image.Resampling.BOX), dtype=np.float32).reshape(4, 3)
        rows.append(np.concatenate([small, small], axis=1) / 255)
    return np.stack(rows)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "films-v1.0"
    (folder / "llama_vid/train").mkdir(parents=True)
    rows = []
    for movie in ("m-1", "m-2"):
        frames = [f"frames/train/{movie}/{index:06d}.png" for index in range(COUNT)]
        for index, path in enumerate(frames):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (40 * index, 0, 255)).save(folder / path)
        inputs = "<image> Mara: Hello. " + "<image>" * (COUNT - 1)
        rows.append({"video": f"story_feat/{movie}.pkl", "inputs": inputs, "frames": frames})
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "llama_vid/train/inputs.jsonl").write_text(lines)
    return folder


class Plugin:
    """A module of the user's, importable as `my_encoder`."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def open(self) -> Any:
        def encode(pictures: Sequence[Image.Image]) -> np.ndarray:
            self.calls.append(len(pictures))
            return mean_colours(pictures)

        return encode


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Plugin:
    made, module = Plugin(), ModuleType("my_encoder")
    module.open = made.open  # type: ignore[attr-defined]
    module.flat = lambda: lambda pictures: np.zeros((len(pictures), WIDTH))  # type: ignore[attr-defined]
    module.whole = lambda: lambda pictures: np.zeros((len(pictures), 4, WIDTH), int)  # type: ignore[attr-defined]
    module.huge = lambda: lambda pictures: np.full((len(pictures), 4, WIDTH), 1e9)  # type: ignore[attr-defined]
    module.nothing = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_encoder", module)
    return made


def run(release: Path, out: Path, *options: str, encoder: str = "my_encoder:open") -> Any:
    return CliRunner().invoke(app, [str(release), "--encoder", encoder, "--out", str(out), *options])


def test_each_movie_gets_a_file_as_llama_vid_reads_it(release: Path, plugin: Plugin, tmp_path: Path) -> None:
    ended = run(release, tmp_path / "out", "--batch", "2")
    assert ended.exit_code == 0, ended.output
    assert plugin.calls == [2, 2, 1] * 2
    read = pickle.loads((tmp_path / "out/story_feat/m-2.pkl").read_bytes())  # noqa: S301 - our own
    assert set(read) == {"feats", "inputs"}
    assert read["feats"].dtype == np.float16
    assert read["feats"].shape == (COUNT, 4, WIDTH)
    assert read["inputs"].count("<image>") == COUNT
    assert read["feats"][3, 0, 0] == np.float16(120 / 255)


def test_what_is_there_is_not_encoded_again(release: Path, plugin: Plugin, tmp_path: Path) -> None:
    run(release, tmp_path / "out", "--movie", "m-1")
    first = (tmp_path / "out/story_feat/m-1.pkl").read_bytes()
    run(release, tmp_path / "out")
    assert plugin.calls == [COUNT, COUNT]
    assert (tmp_path / "out/story_feat/m-1.pkl").read_bytes() == first


def test_another_encoder_writes_anew(release: Path, plugin: Plugin, tmp_path: Path) -> None:
    run(release, tmp_path / "out", "--movie", "m-1")
    sys.modules["my_encoder"].other = plugin.open  # type: ignore[attr-defined]
    run(release, tmp_path / "out", "--movie", "m-1", encoder="my_encoder:other")
    assert len(plugin.calls) == 2


def test_a_run_that_broke_off_leaves_no_half_file(release: Path, plugin: Plugin, tmp_path: Path) -> None:
    (release / "frames/train/m-2/000004.png").unlink()
    ended = run(release, tmp_path / "out", "--batch", "2")
    assert ended.exit_code == 1
    assert "000004.png is missing" in ended.output
    assert [file.name for file in (tmp_path / "out/story_feat").glob("*.pkl")] == ["m-1.pkl"]
    assert not list((tmp_path / "out/story_feat").glob("*.part"))


@pytest.mark.parametrize(
    ("encoder", "why"),
    [
        ("my_encoder", "not package.module:factory"),
        ("no_such_module:open", "cannot be imported"),
        ("my_encoder:missing", "has no 'missing'"),
        ("my_encoder:nothing", "no function that returns an encoder"),
        ("my_encoder:flat", "floats of shape [5, tokens, width] are needed"),
        ("my_encoder:whole", "int64"),
        ("my_encoder:huge", "not finite"),
    ],
)
@pytest.mark.usefixtures("plugin")
def test_an_encoder_that_does_not_fit_is_said_to(
    release: Path, tmp_path: Path, encoder: str, why: str
) -> None:
    ended = run(release, tmp_path / "out", encoder=encoder)
    assert ended.exit_code == 1
    assert why in ended.output.replace("\n", " ")
    assert not list((tmp_path / "out").rglob("*.pkl"))


@pytest.mark.usefixtures("plugin")
def test_a_release_without_the_format_or_the_movie_is_said_to_be(release: Path, tmp_path: Path) -> None:
    assert "format llama-vid" in run(release, tmp_path, "--split", "test").output.replace("\n", " ")
    assert "'m-9' is not in this split" in run(release, tmp_path, "--movie", "m-9").output.replace("\n", " ")
    with (release / "llama_vid/train/inputs.jsonl").open("a") as file:
        file.write("{}\n")
    assert "line 3 of" in run(release, tmp_path).output.replace("\n", " ")
