"""The formats that carry the pictures themselves: tar files for webdataset, Parquet for datasets."""

import io
import itertools
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .movie import ReleaseMovie
from .rows import frames

_ROW_GROUP, _ROWS = 64, 2000
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_SCHEMA = pa.schema(
    [
        ("image", _IMAGE),
        ("movie", pa.string()),
        ("chapter", pa.int32()),
        ("scene", pa.int32()),
        ("frame", pa.int32()),
        ("caption", pa.string()),
        ("prompt", pa.string()),
        ("location", pa.string()),
        ("time_of_day", pa.string()),
        ("dialogue", pa.list_(pa.struct([("speaker", pa.string()), ("text", pa.string())]))),
    ],
    # How `datasets` knows that the bytes are a picture.
    metadata={"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}}}})},
)

_TEXT, _NUMBER = pa.string(), pa.int32()
# The files of rows that a card's configurations name: `datasets` wants all of them in one kind of file.
TABLES = {
    "questions": pa.schema(
        [
            *((name, _TEXT) for name in ("id", "movie", "level", "kind", "form", "question", "answer")),
            ("choices", pa.list_(_TEXT)),
            ("right_choice", _NUMBER),
            ("evidence", pa.list_(pa.struct([("frame", _NUMBER), ("lines", pa.list_(_NUMBER))]))),
            ("frames", pa.list_(_NUMBER)),
        ]
    ),
    "captions": pa.schema(
        [
            *((name, _TEXT) for name in ("movie", "level", "title", "caption")),
            *((name, _NUMBER) for name in ("chapter", "scene", "first_frame", "last_frame")),
        ]
    ),
    "lineage": pa.schema(
        [
            ("movie", _TEXT),
            ("index", _NUMBER),
            *((name, _TEXT) for name in ("imageDigest", "prompt", "negativePrompt", "seed", "scheduler")),
            *((name, _NUMBER) for name in ("steps", "width", "height")),
            ("guidanceScale", pa.float64()),
            *((name, _TEXT) for name in ("modelDigest", "embeddingDigest", "inputDigest")),
            ("passed", pa.bool_()),
        ]
    ),
}


def webdataset(movie: ReleaseMovie, pictures: Path, target: Path) -> None:
    """A sample a frame: `<movie>-000042.png` and its `.json`. `pictures`: a folder of 000042.png."""
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        for row in frames(movie):
            key = f"{movie.id}-{row['frame']:06d}"
            _add(tar, f"{key}.png", (pictures / f"{row['frame']:06d}.png").read_bytes())
            _add(tar, f"{key}.json", json.dumps(row, ensure_ascii=False).encode())


def parquet(movie: ReleaseMovie, pictures: Path, target: Path) -> None:
    """A row a frame, the picture's bytes inside; small row groups, so that readers need little memory."""
    with pq.ParquetWriter(target, _SCHEMA, compression="zstd") as writer:
        for group in _groups(movie, pictures):
            writer.write_table(pa.Table.from_pylist(group, schema=_SCHEMA))


def rows_to_parquet(rows: Path, schema: pa.Schema, target: Path) -> None:
    """A file of JSON Lines as Parquet; what the schema does not name is left out."""
    with rows.open("rb") as lines, pq.ParquetWriter(target, schema, compression="zstd") as writer:
        while group := [json.loads(line) for line in itertools.islice(lines, _ROWS)]:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _groups(movie: ReleaseMovie, pictures: Path) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    for row in frames(movie):
        path = f"{row['frame']:06d}.png"
        image = {"bytes": (pictures / path).read_bytes(), "path": f"{movie.id}-{path}"}
        group.append({"image": image, **row})
        if len(group) == _ROW_GROUP:
            yield group
            group = []
    if group:
        yield group


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    # No owner, no time: the same movie gives the same bytes.
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
