"""A release's pictures through a user's own encoder, in LLaMA-VID's files."""

import hashlib
import io
import json
import pickle
import pickletools
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
    rows, sums = [], []
    for movie in ("m-1", "m-2"):
        frames = [f"frames/train/{movie}/{index:06d}.png" for index in range(COUNT)]
        for index, path in enumerate(frames):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            buffer = io.BytesIO()
            Image.new("RGB", (8, 8), (40 * index, 0, 255)).save(buffer, "PNG")
            (folder / path).write_bytes(buffer.getvalue())
            sums.append(f"{hashlib.sha256(buffer.getvalue()).hexdigest()}  {path}\n")
        inputs = "<image> Mara: Hello. " + "<image>" * (COUNT - 1)
        rows.append({"video": f"story_feat/{movie}.pkl", "inputs": inputs, "frames": frames})
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "llama_vid/train/inputs.jsonl").write_text(lines)
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


class Plugin:
    """A module of the user's, importable as `my_encoder`."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.fails_at = 0

    def open(self) -> Any:
        def encode(pictures: Sequence[Image.Image]) -> np.ndarray:
            self.calls.append(len(pictures))
            if len(self.calls) == self.fails_at:
                raise RuntimeError("out of memory")
            return mean_colours(pictures)

        return encode


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Plugin:
    made, module = Plugin(), ModuleType("my_encoder")
    module.open = made.open  # type: ignore[attr-defined]
    module.flat = lambda: lambda pictures: np.zeros((len(pictures), WIDTH))  # type: ignore[attr-defined]
    module.wide = lambda: lambda pictures: np.zeros((len(pictures), 4, 7))  # type: ignore[attr-defined]
    module.whole = lambda: lambda pictures: np.zeros((len(pictures), 4, WIDTH), int)  # type: ignore[attr-defined]
    module.huge = lambda: lambda pictures: np.full((len(pictures), 4, WIDTH), 1e9)  # type: ignore[attr-defined]
    module.nothing = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_encoder", module)
    return made


def run(
    release: Path, out: Path, *options: str, encoder: str = "my_encoder:open", shape: str = f"4x{WIDTH}"
) -> Any:
    arguments = [str(release), "--encoder", encoder, "--shape", shape, "--out", str(out), *options]
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code in (0, 1), ended.output
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended


def as_llama_vid(path: Path) -> tuple[np.ndarray, str]:
    """The file as LLaMA-VID's training reads it: without class tokens, some tokens for each image."""
    with path.open("rb") as file:
        video_info = pickle.load(file)  # noqa: S301 - our own
    image = video_info["feats"][:, 1:]
    input_prompt = video_info["inputs"].replace("...", "")
    return image, input_prompt.replace("<image>", "<image>" * 2)


def test_each_movie_gets_a_file_as_llama_vid_reads_it(release: Path, plugin: Plugin, tmp_path: Path) -> None:
    ended = run(release, tmp_path / "out", "--batch", "2")
    assert ended.exit_code == 0, ended.output
    assert plugin.calls == [2, 2, 1] * 2
    image, prompt = as_llama_vid(tmp_path / "out/story_feat/m-2.pkl")
    assert image.dtype == np.float16
    assert image.shape == (COUNT, 3, WIDTH)
    assert image.flags.writeable  # PyTorch takes no others without a warning
    assert list(image[:, 0, 0]) == [np.float16(40 * index / 255) for index in range(COUNT)]
    assert prompt.count("<image>") == 2 * len(image)
    assert prompt.startswith("<image><image> Mara: Hello. <image>")


@pytest.mark.usefixtures("plugin")
def test_a_file_names_nothing_that_another_numpy_lacks(release: Path, tmp_path: Path) -> None:
    run(release, tmp_path / "out")
    data = (tmp_path / "out/story_feat/m-1.pkl").read_bytes()
    named = [found for code, found, _ in pickletools.genops(data) if "GLOBAL" in code.name]
    assert named == ["numpy ndarray"]


def test_a_run_that_broke_off_goes_on_behind_the_last_whole_frame(
    release: Path, plugin: Plugin, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    run(release, whole)
    plugin.calls.clear()
    plugin.fails_at = 3
    with pytest.raises(AssertionError):
        run(release, tmp_path / "out", "--movie", "m-1", "--batch", "2")
    (part,) = (tmp_path / "out/story_feat").glob("*.part")
    with part.open("ab") as file:
        file.write(b"half a frame")
    plugin.calls.clear()
    plugin.fails_at = 0
    run(release, tmp_path / "out", "--movie", "m-1", "--batch", "2")
    assert plugin.calls == [1]
    same = (tmp_path / "out/story_feat/m-1.pkl", whole / "story_feat/m-1.pkl")
    assert same[0].read_bytes() == same[1].read_bytes()
    left = sorted(file.name for file in (tmp_path / "out/story_feat").iterdir())
    assert left == ["m-1.json", "m-1.pkl"]


def test_what_another_encoder_began_is_not_gone_on_with(
    release: Path, plugin: Plugin, tmp_path: Path
) -> None:
    plugin.fails_at = 3
    with pytest.raises(AssertionError):
        run(release, tmp_path, "--movie", "m-1", "--batch", "2")
    plugin.fails_at = 0
    sys.modules["my_encoder"].other = plugin.open  # type: ignore[attr-defined]
    plugin.calls.clear()
    run(release, tmp_path, "--movie", "m-1", encoder="my_encoder:other")
    assert plugin.calls == [COUNT]


def test_pictures_that_were_exchanged_are_refused_and_those_released_anew_encoded_again(
    release: Path, plugin: Plugin, tmp_path: Path
) -> None:
    run(release, tmp_path, "--movie", "m-1")
    frames = release / "frames/train/m-1"
    old = hashlib.sha256((frames / "000000.png").read_bytes()).hexdigest()
    data = (frames / "000001.png").read_bytes()
    (frames / "000000.png").write_bytes(data)
    sums = (release / "SHA256SUMS").read_text()
    (release / "SHA256SUMS").write_text(sums.replace("m-2", "m-9"))
    refused = run(release, tmp_path, "--movie", "m-2").output.replace("\n", " ")
    assert "frames/train/m-2/000000.png is not listed" in refused
    (release / "SHA256SUMS").write_text(sums.replace(old, "0" * 64, 1))
    refused = run(release, tmp_path, "--movie", "m-1").output
    assert "is not the file that was released" in refused
    (release / "SHA256SUMS").write_text(sums.replace(old, hashlib.sha256(data).hexdigest(), 1))
    plugin.calls.clear()
    run(release, tmp_path, "--movie", "m-1")
    assert plugin.calls == [COUNT]


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


@pytest.mark.parametrize(
    ("encoder", "why"),
    [
        ("my_encoder", "not package.module:factory"),
        ("no_such_module:open", "cannot be imported"),
        ("my_encoder:missing", "has no 'missing'"),
        ("my_encoder:nothing", "no function that returns an encoder"),
        ("my_encoder:flat", "floats of shape [5, 4, 6] are needed"),
        ("my_encoder:wide", "returned float64 of shape [5, 4, 7] for 5 pictures"),
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
    told = run(release, tmp_path, "--split", "test").output.replace("\n", " ")
    assert "no movie is in the split test" in told
    assert "format llama-vid" in told
    assert "'m-9' is not in this split" in run(release, tmp_path, "--movie", "m-9").output.replace("\n", " ")
    assert "SHA256SUMS cannot be read" in run(tmp_path / "no", tmp_path).output.replace("\n", " ")
    assert "not tokens x width" in run(release, tmp_path, shape="257").output
    (tmp_path / "taken").touch()
    assert "no folder" in run(release, tmp_path / "taken").output.replace("\n", " ")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("{}", "Field required"),
        ("\xff", "Invalid JSON"),
        ('{"video": "../m-3.pkl", "inputs": "<image>", "frames": ["a.png"]}', "leads out of the release"),
        ('{"video": "s/m-3.pkl", "inputs": "<image>", "frames": ["/etc/a.png"]}', "leads out of the release"),
        ('{"video": "s/m-3.txt", "inputs": "<image>", "frames": ["a.png"]}', "is no .pkl file"),
        ('{"video": "s/m-3.pkl", "inputs": "<image><image>", "frames": ["a.png"]}', "an <image> for each"),
    ],
)
@pytest.mark.usefixtures("plugin")
def test_a_row_that_cannot_be_right_is_named_and_nothing_is_written(
    release: Path, tmp_path: Path, row: str, why: str
) -> None:
    with (release / "llama_vid/train/inputs.jsonl").open("a", encoding="latin-1") as file:
        file.write(row + "\n")
    ended = run(release, tmp_path / "out").output.replace("\n", " ")
    assert "line 3 of" in ended
    assert why in ended
    assert not (tmp_path / "out").exists()
