"""Releases read with `datasets` and `webdataset`, as their documentation says."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet
import pytest
import webdataset

from tests.consumers.conftest import CHAPTERS, FRAMES, MOVIES, SCENES, colour

pytestmark = pytest.mark.consumers
PER_MOVIE = CHAPTERS * SCENES * FRAMES
SPLITS = {"train": ("m-1", "m-5"), "test": ("m-3",)}


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def load(release: Path, cache: Path, *name: str, **options: Any) -> Any:
    return datasets.load_dataset(*(name or (str(release),)), cache_dir=str(cache), **options)


def is_the_picture_of(image: Any, movie: str, index: int) -> bool:
    return bool(image.size == (64, 64) and image.convert("RGB").getpixel((0, 0)) == colour(movie, index))


def test_the_card_names_every_table_and_its_splits(release: Path, tmp_path: Path) -> None:
    for table in ("frames", "questions", "captions", "lineage"):
        loaded = load(release, tmp_path, str(release), table)
        assert {split: len(rows) > 0 for split, rows in loaded.items()} == {"train": True, "test": True}
        for split, movies in SPLITS.items():
            assert set(loaded[split]["movie"]) == set(movies)


def test_frames_in_parquet_are_the_pictures_with_their_captions(release: Path, tmp_path: Path) -> None:
    rows = load(release, tmp_path, str(release), "frames", split="train")
    assert len(rows) == 2 * PER_MOVIE
    for row in rows:
        assert is_the_picture_of(row["image"], row["movie"], row["frame"])
        assert row["caption"]
    assert any(line["speaker"] and line["text"] for row in rows for line in row["dialogue"])
    file = pyarrow.parquet.ParquetFile(release / "parquet/frames/train/m-1.parquet")
    assert file.metadata.row_group(0).num_rows <= 64, "readers need little memory"


def test_the_folder_of_frames_loads_as_an_imagefolder(release: Path, tmp_path: Path) -> None:
    loaded = load(release, tmp_path, "imagefolder", data_dir=str(release / "frames"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 32, "test": 16}
    for row in loaded["test"]:
        assert is_the_picture_of(row["image"], row["movie"], row["frame"])


def test_questions_keep_their_choices_and_their_proof(release: Path, tmp_path: Path) -> None:
    rows = load(release, tmp_path, str(release), "questions", split="train")
    told = [json.loads(line) for line in (release / "questions/train.jsonl").read_text().splitlines()]
    for row, line in zip(rows, told, strict=True):
        assert {key: row[key] for key in line if key in row} == {key: line[key] for key in line if key in row}
        assert row["evidence"]
    assert {len(row["choices"]) for row in rows} >= {0, 5}


@pytest.mark.parametrize(
    "path", ["llava_video", "qwen_vl", "video_mme", "mlvu", "long_video_bench", "llama_vid", "ms_swift"]
)
def test_every_file_of_rows_is_one_table_of_plain_types(release: Path, tmp_path: Path, path: str) -> None:
    files = {
        "ms_swift": "ms_swift/train.jsonl",
        "llama_vid": "llama_vid/train/long_videoqa.json",
    }
    file = release / files.get(path, f"{path}/train.json")
    rows = load(release, tmp_path, "json", data_files=str(file), split="train")
    assert len(rows) > 10
    for row in rows:
        assert all(value is not None for value in row.values())


def test_a_tar_is_a_webdataset_of_pictures_and_what_they_show(release: Path) -> None:
    urls = [str(release / f"webdataset/train/{movie}.tar") for movie in SPLITS["train"]]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pil"))
    assert len(samples) == 2 * PER_MOVIE
    for sample in samples:
        told = sample["json"]
        assert is_the_picture_of(sample["png"], told["movie"], told["frame"])
        assert sample["__key__"] == f"{told['movie']}-{told['frame']:06d}"
    keys = [sample["__key__"] for sample in samples]
    assert all(first < second for first, second in pairwise(keys))


def test_every_movie_of_the_release_is_in_one_split(release: Path) -> None:
    split = {path.parent.name: path.stem for path in (release / "webdataset").rglob("*.tar")}
    assert set(split) == set(SPLITS)
    assert sorted(path.stem for path in (release / "webdataset").rglob("*.tar")) == sorted(
        name.movie for name in MOVIES
    )
