"""What is read of a downloaded release: others may have written it, so nothing in it is taken on trust."""

import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from PIL import Image
from pydantic import BaseModel, ValidationError, field_validator

from reelmill_kit.errors import Reason, ReelmillError, invalid

_SUMS = "SHA256SUMS"
_SUM = re.compile(r"([0-9a-f]{64})  (.+)\n?")


class MovieInputs(BaseModel):
    """A row of inputs.jsonl: the text with an `<image>` for each frame, and which pictures those are."""

    video: str
    inputs: str
    frames: list[str]

    @field_validator("video", "frames", mode="after")
    @classmethod
    def _inside(cls, value: str | list[str]) -> str | list[str]:
        for text in [value] if isinstance(value, str) else value:
            path = PurePosixPath(text)
            if path.is_absolute() or ".." in path.parts or "\\" in text or "\0" in text:
                raise ValueError(f"{text!r} leads out of the release")
        return value

    @field_validator("video", mode="after")
    @classmethod
    def _pickle(cls, value: str) -> str:
        if not value.endswith(".pkl"):
            raise ValueError(f"{value!r} is no .pkl file")
        return value

    @property
    def movie(self) -> str:
        return PurePosixPath(self.video).stem


class DownloadedRelease:
    """A folder as `reelmill release download` makes it. Methods raise INVALID_FIELD saying what is wrong."""

    def __init__(self, folder: Path, split: str) -> None:
        self._folder = folder
        self._split = split
        self._sums = self._read_sums()

    def inputs(self) -> list[MovieInputs]:
        path = self._folder / "llama_vid" / self._split / "inputs.jsonl"
        if not path.is_file():
            raise invalid(
                "release",
                f"{path} is not there: either no movie is in the split {self._split}, "
                "or the release was made without the format llama-vid",
            )
        rows = []
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    row = MovieInputs.model_validate_json(line)
                except ValidationError as error:
                    raise invalid(
                        "release", f"line {number} of {path}: {error.errors()[0]['msg']}"
                    ) from error
                if row.inputs.count("<image>") != len(row.frames) or not row.frames:
                    raise invalid("release", f"line {number} of {path}: not an <image> for each frame")
                rows.append(row)
        return rows

    def digest(self, row: MovieInputs) -> str:
        """sha256 over the text and all pictures, as the release lists them: the same for the same content."""
        found = hashlib.sha256(row.inputs.encode())
        for path in row.frames:
            found.update(bytes.fromhex(self._sum(path)))
        return found.hexdigest()

    def picture(self, path: str) -> Image.Image:
        """In RGB. One that is missing, or not the one that was released, is refused with its path."""
        file = self._folder / path
        try:
            data = file.read_bytes()
        except OSError as error:
            raise ReelmillError(
                Reason.NOT_FOUND, f"{file} is missing; download the release again", path=str(file)
            ) from error
        if hashlib.sha256(data).hexdigest() != self._sum(path):
            raise invalid("release", f"{file} is not the file that was released; download the release again")
        try:
            with Image.open(io.BytesIO(data)) as picture:
                return picture.convert("RGB")
        except (Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
            raise invalid("release", f"{file} is no picture: {error}") from error

    def _sum(self, path: str) -> str:
        if path not in self._sums:
            raise invalid("release", f"{path} is not listed in {self._folder / _SUMS}")
        return self._sums[path]

    def _read_sums(self) -> dict[str, str]:
        """Of the split's pictures."""
        path = self._folder / _SUMS
        try:
            with path.open(encoding="utf-8") as lines:
                return dict(self._pictures(lines))
        except (OSError, UnicodeDecodeError) as error:
            raise invalid("release", f"{path} cannot be read; download the release again") from error

    def _pictures(self, lines: Iterator[str]) -> Iterator[tuple[str, str]]:
        for line in lines:
            match = _SUM.fullmatch(line)
            if match and match[2].startswith(f"frames/{self._split}/"):
                yield match[2], match[1]
