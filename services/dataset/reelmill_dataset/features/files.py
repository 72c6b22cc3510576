"""From a release's `llama_vid/<split>/inputs.jsonl` to a file of features for each movie.

LLaMA-VID (arXiv 2311.17043) reads `story_feat/<movie>.pkl`: `{"feats": float16 [N, tokens, width], "inputs":
text}`, tokens and width 257 and 1408 with its own encoder, EVA-CLIP-g.
"""

import json
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from pydantic import BaseModel, ValidationError

from reelmill_kit.errors import Reason, ReelmillError, invalid

from .encoder import Encode, encoded

Told = Callable[[str, int, int], None]


class MovieInputs(BaseModel):
    """A row of inputs.jsonl: the text with an `<image>` for each frame, and which pictures those are."""

    video: str
    inputs: str
    frames: list[str]


def read_inputs(release: Path, split: str) -> list[MovieInputs]:
    """Raises INVALID_FIELD where the release has no such file or a row of it is broken, with its number."""
    path = release / "llama_vid" / split / "inputs.jsonl"
    if not path.is_file():
        raise invalid("release", f"{path} is not there; download a release with the format llama-vid")
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                rows.append(MovieInputs.model_validate_json(line))
            except ValidationError as error:
                raise invalid("release", f"line {number} of {path}: {error.errors()[0]['msg']}") from error
    return rows


def write_features(
    release: Path, movie: MovieInputs, encode: Encode, encoder: str, out: Path, batch: int, told: Told
) -> Path:
    """Writes the movie's file, whole or not at all; one that is there is left as it is.

    What is there is known by a note beside it: the frames, the text, and the encoder by its name. Pictures
    are encoded `batch` at a time; the features of one movie are held in memory.
    """
    target = out / movie.video
    note: dict[str, object] = {"encoder": encoder, "frames": movie.frames, "inputs": movie.inputs}
    told(target.stem, 0, len(movie.frames))
    if _is_there(target, note):
        told(target.stem, len(movie.frames), len(movie.frames))
        return target
    parts: list[np.ndarray] = []
    done = 0
    waiting = iter(movie.frames)
    while paths := list(islice(waiting, batch)):
        with ExitStack() as opened:
            parts.append(encoded(encode, [_picture(release / path, opened) for path in paths]))
        if parts[-1].shape[1:] != parts[0].shape[1:]:
            raise invalid("encoder", f"returned {parts[0].shape[1:]} first and {parts[-1].shape[1:]} later")
        done += len(paths)
        told(target.stem, done, len(movie.frames))
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    with part.open("wb") as file:
        # The format is the consumer's. It is only ever written here: nothing of ours reads a pickle.
        pickle.dump({"feats": np.concatenate(parts), "inputs": movie.inputs}, file, protocol=4)
    _note(target).write_text(json.dumps(note))
    os.replace(part, target)
    return target


def chosen(rows: list[MovieInputs], movies: list[str]) -> Iterator[MovieInputs]:
    """Those of these movies; all where none is named. Raises INVALID_FIELD for one that is not there."""
    known = {Path(row.video).stem: row for row in rows}
    for name in movies:
        if name not in known:
            raise invalid("movie", f"{name!r} is not in this split")
    yield from (known[name] for name in movies) if movies else rows


def _is_there(target: Path, note: dict[str, object]) -> bool:
    known = _note(target)
    return target.is_file() and known.is_file() and known.read_text() == json.dumps(note)


def _note(target: Path) -> Path:
    return target.with_suffix(".json")


def _picture(path: Path, opened: ExitStack) -> Image.Image:
    try:
        return opened.enter_context(Image.open(path)).convert("RGB")
    except FileNotFoundError as error:
        raise ReelmillError(
            Reason.NOT_FOUND, f"{path} is missing; download the release again", path=str(path)
        ) from error
    except (UnidentifiedImageError, OSError) as error:
        raise invalid("release", f"{path} is no picture: {error}") from error
