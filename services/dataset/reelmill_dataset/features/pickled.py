"""LLaMA-VID's file of features, written as it grows: a feature film's are a gigabyte, memory sees one batch.

LLaMA-VID (arXiv 2311.17043) reads `{"feats": float16 [N, tokens, width], "inputs": text}` with `pickle.load`.
What NumPy itself pickles names modules that differ between NumPy 1 and 2, and LLaMA-VID's PyTorch wants the
first. So the array is pickled as the call `numpy.ndarray(shape, "<f2", bytes)`, which every NumPy answers,
and whose bytes stand in the file as they are. Files of this form are only ever written here: nothing of ours
reads a pickle.
"""

import os
import pickle
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .encoder import Shape

_END = pickle.TUPLE + pickle.REDUCE + pickle.SETITEMS + pickle.STOP


class FeatureFile:
    """A file that is filled up frame by frame; what was written before it broke off is kept."""

    def __init__(self, path: Path, inputs: str, frames: int, shape: Shape) -> None:
        """`frames`: how many there will be. Opens what is at `path` already, or begins it."""
        self._frame = 2 * shape[0] * shape[1]  # bytes
        self._head = _head(inputs, (frames, *shape), self._frame * frames)
        self._file: BinaryIO = path.open("r+b" if path.exists() else "w+b")
        size = self._file.seek(0, os.SEEK_END)
        if size < len(self._head):
            self._file.seek(0)
            self._file.write(self._head)
        self.done = min(max(0, size - len(self._head)) // self._frame, frames)
        # Half a frame, where the last writer was killed, goes.
        self._file.seek(len(self._head) + self.done * self._frame)
        self._file.truncate()

    def add(self, features: np.ndarray) -> None:
        """`[n, tokens, width]`, float16, the next frames."""
        self._file.write(np.ascontiguousarray(features, "<f2").data)
        self.done += len(features)

    def finish(self) -> None:
        """After the last frame: the file is whole then, on the disk too."""
        self._file.write(_END)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _head(inputs: str, shape: tuple[int, int, int], size: int) -> bytes:
    """Everything before the numbers."""
    return b"".join(
        (
            pickle.PROTO + bytes([5]),
            pickle.EMPTY_DICT + pickle.MARK,
            _text("inputs") + _text(inputs) + _text("feats"),
            pickle.GLOBAL + b"numpy\nndarray\n" + pickle.MARK,
            pickle.MARK + b"".join(pickle.BININT + struct.pack("<i", n) for n in shape) + pickle.TUPLE,
            _text("<f2") + pickle.BYTEARRAY8 + struct.pack("<Q", size),
        )
    )


def _text(text: str) -> bytes:
    data = text.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(data)) + data
