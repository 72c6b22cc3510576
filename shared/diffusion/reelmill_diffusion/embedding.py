"""Style embeddings and their files: what textual inversion learned, in the forms that stock diffusers reads.

A file is safetensors. For one text encoder (SD 1.x) it holds one tensor `[vectors, width]` whose key is the
token; for two (XL) it holds `clip_l` and `clip_g`. The rest, lineage included, is in the metadata.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from .errors import InputError

TOKEN = "<style>"  # noqa: S105
CLIP_L, CLIP_G = "clip_l", "clip_g"
MAX_VECTORS = 32
MAX_BYTES = 4 * 1024 * 1024
_FIELD = "style_embedding"


@dataclass(frozen=True, slots=True)
class StyleEmbedding:
    """Learned vectors that stand where a prompt says `<style>`.

    `vectors` maps each text encoder (`clip_l`, and `clip_g` for XL) to a float32 tensor `[N, width]`, the
    same N for both. `digest` is the sha256 of the file they came from or were written to.
    """

    vectors: Mapping[str, torch.Tensor]
    token: str = TOKEN
    metadata: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""

    @property
    def count(self) -> int:
        """N, how many places the style takes in a prompt."""
        return next(iter(self.vectors.values())).shape[0]

    def to_bytes(self) -> bytes:
        """The file. The same vectors and metadata give the same bytes."""
        tensors = {name: v.detach().to("cpu", torch.float32).contiguous() for name, v in self.vectors.items()}
        if set(tensors) == {CLIP_L}:
            tensors = {self.token: tensors[CLIP_L]}
        # safetensors writes metadata in hash order; as one value it always comes out the same.
        metadata = {"reelmill": json.dumps({**self.metadata, "token": self.token}, sort_keys=True)}
        return save(tensors, metadata=metadata)

    def with_digest(self) -> "StyleEmbedding":
        """The same embedding, knowing the digest of its file."""
        return StyleEmbedding(
            self.vectors, self.token, self.metadata, hashlib.sha256(self.to_bytes()).hexdigest()
        )

    def check_fits(self, widths: Mapping[str, int]) -> None:
        """Raises InputError unless the vectors suit text encoders of these names and widths."""
        found = {name: int(v.shape[1]) for name, v in self.vectors.items()}
        if found != dict(widths):
            raise InputError(
                _FIELD, f"was learned for another model: it has {_shape(found)}, the model {_shape(widths)}"
            )

    @classmethod
    def from_bytes(cls, data: bytes) -> "StyleEmbedding":
        """Reads a file of either form, ours or another tool's.

        Raises InputError naming `style_embedding` where it is no safetensors file, or not of these shapes.
        """
        if len(data) > MAX_BYTES:
            raise InputError(_FIELD, f"is {len(data)} bytes long, more than {MAX_BYTES}")
        try:
            tensors = load(data)
            metadata = _metadata(data)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise InputError(_FIELD, f"is not a safetensors file ({error})") from error
        if set(tensors) == {CLIP_L, CLIP_G}:
            token, vectors = metadata.pop("token", TOKEN), tensors
        elif len(tensors) == 1:
            (token, only), vectors = next(iter(tensors.items())), {}
            vectors[CLIP_L] = only
        else:
            names = ", ".join(sorted(tensors)[:4]) or "nothing"
            raise InputError(_FIELD, f"holds {names}; expected one tensor, or {CLIP_L} and {CLIP_G}")
        metadata.pop("token", None)
        matrices = {name: _matrix(name, tensor) for name, tensor in vectors.items()}
        if len({m.shape[0] for m in matrices.values()}) != 1:
            raise InputError(_FIELD, "has different numbers of vectors for the two text encoders")
        return cls(matrices, token, metadata, hashlib.sha256(data).hexdigest())


class EmbeddingCache:
    """Parsed embeddings by digest of their bytes; the least recently used go first. For one thread."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._entries: OrderedDict[str, StyleEmbedding] = OrderedDict()

    def get(self, data: bytes) -> StyleEmbedding:
        """Raises InputError as `StyleEmbedding.from_bytes` does."""
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._entries:
            self._entries[digest] = StyleEmbedding.from_bytes(data)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)
        self._entries.move_to_end(digest)
        return self._entries[digest]


def _metadata(data: bytes) -> dict[str, str]:
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    ours = json.loads(header["reelmill"]) if "reelmill" in header else header
    if not isinstance(ours, dict):
        raise ValueError("the metadata is not a table")
    return {str(name): str(value) for name, value in ours.items()}


def _matrix(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if not tensor.is_floating_point():
        raise InputError(_FIELD, f"{name!r} holds {tensor.dtype}, not floating-point numbers")
    matrix = tensor.to(torch.float32)
    if matrix.ndim == 1:
        matrix = matrix[None]
    if matrix.ndim != 2 or not 1 <= matrix.shape[0] <= MAX_VECTORS or matrix.shape[1] < 1:
        shape = list(tensor.shape)
        raise InputError(_FIELD, f"{name!r} has shape {shape}; expected [1 to {MAX_VECTORS}, width]")
    if not bool(torch.isfinite(matrix).all()):
        raise InputError(_FIELD, f"{name!r} has numbers that are not finite")
    return matrix


def _shape(widths: Mapping[str, int]) -> str:
    return " and ".join(f"{name} of width {width}" for name, width in sorted(widths.items()))
