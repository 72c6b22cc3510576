"""What every judge answers, and opening one."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Pictures `[N, H, W, 3]`, RGB, 0 to 255, of any size."""

Embeddings = NDArray[np.float32]
"""`[N, D]`, each row of unit length."""

SETTINGS: Final = "judge.json"
KIND: Final = "reelmill-judge"


class JudgeError(Exception):
    """The judge's directory cannot be used; the message says what it lacks."""


@runtime_checkable
class Judge(Protocol):
    """Embeds pictures and texts in one space and styles in another; compare by `reelmill_judge.scores`."""

    @property
    def digest(self) -> str:
        """sha256, in hex, over the files that an answer may depend on."""

    def images(self, pixels: Pixels) -> Embeddings:
        """What pictures show, `[N, D]`."""

    def texts(self, texts: Sequence[str]) -> Embeddings:
        """What texts say of content, `[N, D]`: `content_words` of each, so words of style count nothing."""

    def styles(self, pixels: Pixels) -> Embeddings:
        """How pictures are drawn, `[N, S]`, as little as possible dependent on what they show."""

    def images_and_styles(self, pixels: Pixels) -> tuple[Embeddings, Embeddings]:
        """What `images` and `styles` say of the same pictures, at the cost of one of them."""


@runtime_checkable
class FactJudge(Judge, Protocol):
    """A judge that also says in words what it sees."""

    @property
    def questions(self) -> dict[str, tuple[str, ...]]:
        """Every question with all the answers it may get."""

    def facts(self, pixels: Pixels) -> dict[str, list[str]]:
        """The likeliest answer to every question, one for each of N pictures."""

    def beliefs(self, pixels: Pixels) -> dict[str, NDArray[np.float32]]:
        """How likely each answer to every question is: `[N, answers]`, every row sums to 1."""

    def style_values(self, pixels: Pixels) -> Embeddings:
        """Coordinates on `style_axes`, `[N, axes]`, each about -1..1."""

    @property
    def style_axes(self) -> tuple[str, ...]:
        """Names of the columns of `style_values`."""


def load_judge(directory: Path | str, device: str = "auto") -> Judge:
    """The judge in `directory`: our own (with a `judge.json`) or any CLIP in transformers format.

    `device`: auto (a GPU where there is one), cpu, cuda ... Nothing is downloaded, no pickle is read. Raises
    JudgeError with what the directory lacks, ImportError where PyTorch is not installed.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise JudgeError(f"{directory} is not a directory")
    if (directory / SETTINGS).exists():
        from .own import OwnJudge

        return OwnJudge.load(directory, device)
    from .clip import ClipJudge

    return ClipJudge.load(directory, device)


def read_settings(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises JudgeError where there is none."""
    try:
        settings = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise JudgeError(f"{path.parent} has no {path.name}") from error
    except (OSError, ValueError) as error:
        raise JudgeError(f"{path} cannot be read: {error}") from error
    if not isinstance(settings, dict):
        raise JudgeError(f"{path} does not hold a JSON object")
    return settings


def files_digest(directory: Path, files: Iterable[Path]) -> str:
    """sha256, in hex, over the sorted relative paths and sha256 digests of `files`."""
    lines = []
    for file in sorted(files):
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        lines.append(f"{file.relative_to(directory).as_posix()} {digest}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def check_pixels(pixels: Pixels) -> None:
    """Raises ValueError unless `pixels` are `[N, H, W, 3]` uint8."""
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[-1] != 3:
        raise ValueError(f"pixels: [N, H, W, 3] uint8 is needed, not {pixels.shape} {pixels.dtype}")
