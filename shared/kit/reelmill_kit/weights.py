"""The digest of a model directory: two directories with the same digest draw the same pictures."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_MATTERS = {".json", ".safetensors", ".txt", ".model"}
_INDEX = "model_index.json"
SETTINGS = "reelmill.json"


class WeightsError(ValueError):
    """A directory that is no model; the message names it."""


def model_files(directory: Path) -> list[Path]:
    """Every file that a picture may depend on, sorted: the index and the parts it names."""
    index = directory / _INDEX
    try:
        parts = [name for name in json.loads(index.read_bytes()) if not name.startswith("_")]
    except FileNotFoundError as error:
        raise WeightsError(f"{directory} is not a diffusers directory: it has no {_INDEX}") from error
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{index} cannot be read: {error}") from error
    files = [index, directory / SETTINGS]
    for part in parts:
        files += (directory / part).rglob("*")
    return sorted(f for f in files if f.is_file() and f.suffix in _MATTERS and not f.name.startswith("."))


def model_digest(directory: Path) -> str:
    """sha256, in hex, over the sorted relative paths and sha256 digests of the files that matter.

    Raises WeightsError where the directory has no readable `model_index.json`.
    """
    directory = Path(directory)
    files = model_files(directory)
    with ThreadPoolExecutor() as pool:
        digests = pool.map(_file_digest, files)
        lines = [f"{f.relative_to(directory).as_posix()} {d}\n" for f, d in zip(files, digests, strict=True)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _file_digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
