"""The judge's training pictures, drawn once and kept on disk: reading is faster than drawing again."""

from collections.abc import Iterator
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
        done = self.drawn()
        if done >= self.count:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        pixels = self._open(done)
        starts = list(range(done, self.count, _PART))
        jobs = [(self._seed, start, min(_PART, self.count - start)) for start in starts]
        for start, drawn in zip(starts, _drawn_by(workers, jobs), strict=True):
            pixels[start : start + len(drawn)] = drawn
            pixels.flush()
            _write(self._marks, start + len(drawn))
            say(f"judge: {self.drawn()} of {self.count} pictures drawn")
            self._folder.wait_while_paused()

    def take(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The pictures of these numbers."""
        pixels: NDArray[np.uint8] = np.load(self._file, mmap_mode="r")
        return np.ascontiguousarray(pixels[indices])

    def drawn(self) -> int:
        """How many there are by now: it grows while another process draws."""
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


def _drawn_by(workers: int, jobs: list[tuple[int, int, int]]) -> Iterator[NDArray[np.uint8]]:
    if workers == 1:
        yield from map(_draw, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_draw, jobs)


def _draw(job: tuple[int, int, int]) -> NDArray[np.uint8]:
    seed, first, count = job
    return np.stack([judge_example(seed, first + n).draw(SIDE).pixels for n in range(count)])


def _write(path: Path, number: int) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(str(number))
    draft.replace(path)
