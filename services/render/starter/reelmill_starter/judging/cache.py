"""The judge's training pictures, drawn once and kept on disk: reading is faster than drawing again."""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from reelmill_judge.network import SIDE
from reelmill_starter.judging.pictures import judge_example
from reelmill_starter.training.run import RunFolder, say

_PART: Final = 1024


class PictureCache:
    """Pictures 0 .. `count` - 1 of a seed, (N, 128, 128, 3) uint8, in one file that is read as needed."""

    def __init__(self, folder: RunFolder, *, seed: int, count: int) -> None:
        self.count = count
        self._seed = seed
        self._file = folder.path / f"pictures-{seed}.npy"
        self._marks = folder.path / f"pictures-{seed}.drawn"
        self._folder = folder

    def draw(self, workers: int = 1) -> None:
        """Draws what is missing; ends at once where nothing is."""
        done = self._drawn()
        if done >= self.count:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        pixels = self._open(done)
        with ProcessPoolExecutor(workers) as pool:
            for first in range(done, self.count, _PART * workers):
                starts = range(first, min(self.count, first + _PART * workers), _PART)
                parts = [pool.submit(_draw, self._seed, n, min(_PART, self.count - n)) for n in starts]
                for start, part in zip(starts, parts, strict=True):
                    drawn = part.result()
                    pixels[start : start + len(drawn)] = drawn
                pixels.flush()
                _write(self._marks, min(self.count, first + _PART * workers))
                say(f"judge: {self._drawn()} of {self.count} pictures drawn")
                self._folder.wait_while_paused()

    def take(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The pictures of these numbers."""
        pixels: NDArray[np.uint8] = np.load(self._file, mmap_mode="r")
        return np.ascontiguousarray(pixels[indices])

    def _drawn(self) -> int:
        return int(self._marks.read_text()) if self._marks.exists() else 0

    def _open(self, done: int) -> "np.memmap[Any, np.dtype[np.uint8]]":
        """The file, made longer where it holds fewer pictures than are wanted now."""
        shape = (self.count, SIDE, SIDE, 3)
        if not self._file.exists() or len(np.load(self._file, mmap_mode="r")) < self.count:
            draft = self._file.with_suffix(".draft")
            longer = np.lib.format.open_memmap(draft, mode="w+", dtype=np.uint8, shape=shape)
            if done:
                longer[:done] = np.load(self._file, mmap_mode="r")[:done]
            longer.flush()
            draft.replace(self._file)
        pixels: np.memmap[Any, np.dtype[np.uint8]] = np.load(self._file, mmap_mode="r+")
        return pixels


def _draw(seed: int, first: int, count: int) -> NDArray[np.uint8]:
    return np.stack([judge_example(seed, first + n).draw(SIDE).pixels for n in range(count)])


def _write(path: Path, number: int) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(str(number))
    draft.replace(path)
