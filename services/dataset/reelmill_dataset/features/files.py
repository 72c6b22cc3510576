"""From a downloaded release to a file of features for each movie: whole or not there, and gone on with."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from reelmill_kit.errors import invalid

from .encoder import Encode, Shape, encoded
from .pickled import FeatureFile
from .release import DownloadedRelease, MovieInputs

Told = Callable[[str, int, int], None]


def write_features(
    release: DownloadedRelease,
    row: MovieInputs,
    encode: Encode,
    encoder: str,
    shape: Shape,
    out: Path,
    batch: int,
    told: Told,
) -> Path:
    """Writes the movie's file; one of the same pictures, text and encoder that is there is left as it is.

    Pictures are encoded `batch` at a time, and only a batch is held. Until the last of them the file is
    called `.part`; who breaks off goes on behind the last whole frame. `encoder`: its name, by which it is
    known again.
    """
    target = out / row.video
    part, part_note = target.with_suffix(".part"), target.with_suffix(".part.json")
    note = json.dumps({"encoder": encoder, "shape": shape, "content": release.digest(row)})
    count = len(row.frames)
    if target.is_file() and _reads(target.with_suffix(".json"), note):
        told(row.movie, count, count)
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    if not _reads(part_note, note):
        part.unlink(missing_ok=True)
        part_note.write_text(note)
    with closing(FeatureFile(part, row.inputs, count, shape)) as file:
        told(row.movie, file.done, count)
        while paths := row.frames[file.done : file.done + batch]:
            file.add(encoded(encode, [release.picture(path) for path in paths], shape))
            told(row.movie, file.done, count)
        file.finish()
    # In this order: a note never stands beside another encoder's file.
    target.with_suffix(".json").unlink(missing_ok=True)
    os.replace(part, target)
    os.replace(part_note, target.with_suffix(".json"))
    return target


def chosen(rows: list[MovieInputs], movies: list[str]) -> Iterator[MovieInputs]:
    """Those of these movies; all where none is named. Raises INVALID_FIELD for one that is not there."""
    known = {row.movie: row for row in rows}
    for name in movies:
        if name not in known:
            raise invalid("movie", f"{name!r} is not in this split")
    yield from (known[name] for name in movies) if movies else rows


def _reads(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text
