"""A downloaded release's pictures, and what is told and said in each frame."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from reelmill_kit.errors import Reason, ReelmillError, invalid

from .reading import read_rows

_QUALITY = 90


@dataclass(frozen=True, slots=True)
class FrameText:
    caption: str
    lines: tuple[str, ...]
    """What is said: "Mara: Look there."."""


class Footage:
    """One split of a release folder."""

    def __init__(self, release: Path, split: str, longest_side: int) -> None:
        """`longest_side`: pixels that pictures are shrunk to; smaller ones stay as they are.

        Raises INVALID_FIELD where the folder has no such split.
        """
        self._folder = release / "frames" / split
        if not self._folder.is_dir():
            raise invalid("release", f"{self._folder} is not there; is {release} a downloaded release?")
        self._side = longest_side
        self._texts: dict[str, dict[int, FrameText]] | None = None
        # Many questions are about the same movie.
        self._encoded = lru_cache(maxsize=512)(self._encode)

    def frames(self, movie: str) -> list[int]:
        """Numbers of the movie's frames. Raises NOT_FOUND where it has none."""
        found = sorted(int(path.stem) for path in (self._folder / movie).glob("*.png"))
        if not found:
            raise ReelmillError(
                Reason.NOT_FOUND,
                f"{self._folder} has no frames of {movie!r}; download the release again",
                movie=movie,
            )
        return found

    def pictures(self, movie: str, frames: Sequence[int]) -> tuple[bytes, ...]:
        """As JPEG. Raises NOT_FOUND or INVALID_FIELD naming a picture that is missing or broken."""
        return tuple(self._encoded(self._folder / movie / f"{frame:06d}.png") for frame in frames)

    def texts(self, movie: str) -> dict[int, FrameText]:
        """By frame. Raises INVALID_FIELD where the release has no such texts."""
        if self._texts is None:
            self._texts = self._read()
        return self._texts.get(movie, {})

    def _read(self) -> dict[str, dict[int, FrameText]]:
        path = self._folder / "metadata.jsonl"
        if not path.is_file():
            what = "subtitles and descriptions need the format hf-folder, or --no-subtitles"
            raise invalid("release", f"{path} is not there; {what}")
        found: dict[str, dict[int, FrameText]] = {}
        for number, row in read_rows(path):
            try:
                lines = tuple(f"{line['speaker']}: {line['text']}" for line in row["dialogue"])
                found.setdefault(row["movie"], {})[row["frame"]] = FrameText(row["caption"], lines)
            except (KeyError, TypeError) as error:
                raise invalid(f"{path.name}:{number}", f"is no row of a frame ({error})") from error
        return found

    def _encode(self, path: Path) -> bytes:
        try:
            with Image.open(path) as opened:
                picture = opened.convert("RGB")
        except FileNotFoundError as error:
            raise ReelmillError(
                Reason.NOT_FOUND, f"{path} is missing; download the release again", path=str(path)
            ) from error
        except (UnidentifiedImageError, OSError) as error:
            raise invalid("release", f"{path} is no picture: {error}") from error
        picture.thumbnail((self._side, self._side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=_QUALITY)
        return buffer.getvalue()


def sampled(frames: Sequence[int], count: int) -> list[int]:
    """At most `count`, evenly spaced: the middle of each of as many equal parts."""
    if len(frames) <= count:
        return list(frames)
    return [frames[int((number + 0.5) * len(frames) / count)] for number in range(count)]
