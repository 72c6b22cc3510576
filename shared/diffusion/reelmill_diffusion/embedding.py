"""Style embeddings and their files: what textual inversion learned, in the forms that stock diffusers reads.

A file is safetensors. For one text encoder (SD 1.x) it holds one tensor `[vectors, width]` whose key is the
token; for two (XL) it holds `clip_l` and `clip_g`. The rest, lineage included, is in the metadata. A file may
hold further tokens beside `<style>`, such as `<character-1>`: a tensor each whose key is the token, or, for
two text encoders, `<character-1>.clip_l` and `<character-1>.clip_g`.
"""

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from .errors import InputError

TOKEN = "<style>"  # noqa: S105
CLIP_L, CLIP_G = "clip_l", "clip_g"
MAX_VECTORS = 32
MAX_BYTES = 4 * 1024 * 1024
MAX_TOKENS = 16
_FIELD = "style_embedding"
_NAME = re.compile(r"<[a-z][a-z0-9-]{0,40}>")
_PLACEHOLDER = re.compile(r"<style>|<character-\d+>")

Vectors = Mapping[str, torch.Tensor]
"""What stands for one token: for each text encoder, float32 `[N, width]`, the same N for all."""


def placeholders(prompt: str) -> set[str]:
    """The tokens in `prompt` that mean nothing unless somebody has learned them."""
    return set(_PLACEHOLDER.findall(prompt))


@dataclass(frozen=True, slots=True)
class StyleEmbedding:
    """Learned vectors that stand where a prompt says `<style>`, and, in `more`, where it says other tokens.

    `vectors` maps each text encoder (`clip_l`, and `clip_g` for XL) to a float32 tensor `[N, width]`, the
    same N for both; `more` has such a map for every further token, N its own. `digest` is the sha256 of the
    file they came from or were written to.
    """

    vectors: Vectors
    token: str = TOKEN
    metadata: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    more: Mapping[str, Vectors] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """N, how many places the style takes in a prompt."""
        return _count(self.vectors)

    @property
    def tokens(self) -> dict[str, Vectors]:
        """The vectors by what a prompt says: `<style>` there, whatever the style's file calls it."""
        return {TOKEN: self.vectors, **self.more}

    @property
    def counts(self) -> dict[str, int]:
        """How many places each token takes in a prompt."""
        return {token: _count(vectors) for token, vectors in self.tokens.items()}

    def with_tokens(self, others: Iterable["StyleEmbedding"]) -> "StyleEmbedding":
        """This style and what others learned under tokens of their own, with the digest of their common file.

        The metadata is the style's, and says under `tokens` which words each other token was learned from.
        Raises InputError where a token is there twice or is no token, or where models differ.
        """
        more, words = dict(self.more), json.loads(self.metadata.get("tokens", "{}"))
        widths = {name: int(v.shape[1]) for name, v in self.vectors.items()}
        for other in others:
            if other.token in {TOKEN, *more} or not _NAME.fullmatch(other.token):
                raise InputError(_FIELD, f"cannot have {other.token!r} beside {', '.join([TOKEN, *more])}")
            other.check_fits(widths)
            more[other.token] = other.vectors
            words[other.token] = other.metadata.get("style_text", "")
        metadata = {**self.metadata, "tokens": json.dumps(words, sort_keys=True)}
        return replace(self, token=TOKEN, metadata=metadata, more=more).with_digest()

    def to_bytes(self) -> bytes:
        """The file. The same vectors and metadata give the same bytes."""
        tensors = _tensors(self.token, self.vectors)
        if set(self.vectors) != {CLIP_L}:  # the names that other tools know
            tensors = {name: tensors[f"{self.token}.{name}"] for name in self.vectors}
        for token, vectors in self.more.items():
            tensors |= _tensors(token, vectors)
        # safetensors writes metadata in hash order; as one value it always comes out the same.
        metadata = {"reelmill": json.dumps({**self.metadata, "token": self.token}, sort_keys=True)}
        return save(tensors, metadata=metadata)

    def with_digest(self) -> "StyleEmbedding":
        """The same embedding, knowing the digest of its file."""
        return replace(self, digest=hashlib.sha256(self.to_bytes()).hexdigest())

    def check_fits(self, widths: Mapping[str, int]) -> None:
        """Raises InputError unless the vectors suit text encoders of these names and widths."""
        for vectors in self.tokens.values():
            found = {name: int(v.shape[1]) for name, v in vectors.items()}
            if found != dict(widths):
                shapes = f"it has {_shape(found)}, the model {_shape(widths)}"
                raise InputError(_FIELD, f"was learned for another model: {shapes}")

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
            pickled = data[:1] == b"\x80" or data[:2] == b"PK"  # torch.save writes zips of pickles
            why = "it looks like a pickle, which can run code and is never opened" if pickled else error
            raise InputError(_FIELD, f"is not a safetensors file ({why})") from error
        token, vectors, more = _sorted(tensors)
        token = metadata.pop("token", TOKEN) if len(vectors) > 1 else token
        metadata.pop("token", None)
        read = {name: _matrices(name, tensors) for name, tensors in more.items()}
        return cls(_matrices(token, vectors), token, metadata, hashlib.sha256(data).hexdigest(), read)


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


def _count(vectors: Vectors) -> int:
    return next(iter(vectors.values())).shape[0]


def _tensors(token: str, vectors: Vectors) -> dict[str, torch.Tensor]:
    """What a file holds for a token: one tensor under its name, or one for each text encoder."""
    plain = {name: v.detach().to("cpu", torch.float32).contiguous() for name, v in vectors.items()}
    if set(plain) == {CLIP_L}:
        return {token: plain[CLIP_L]}
    return {f"{token}.{name}": tensor for name, tensor in plain.items()}


def _sorted(
    tensors: Mapping[str, torch.Tensor],
) -> tuple[str, dict[str, torch.Tensor], dict[str, dict[str, torch.Tensor]]]:
    """The style's token and tensors, and those of further tokens. Raises InputError for anything else."""
    left = dict(tensors)
    if {CLIP_L, CLIP_G} <= set(left):
        encoders: tuple[str, ...] = (CLIP_L, CLIP_G)
        token, style = TOKEN, {name: left.pop(name) for name in encoders}
    elif len(left) == 1 or TOKEN in left:
        token = TOKEN if TOKEN in left else next(iter(left))
        encoders, style = (CLIP_L,), {CLIP_L: left.pop(token)}
    else:
        names = ", ".join(sorted(left)[:4]) or "nothing"
        raise InputError(_FIELD, f"holds {names}; expected one tensor, or {CLIP_L} and {CLIP_G}")
    more: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in sorted(left.items()):
        name, _, encoder = key.partition(".")
        if not _NAME.fullmatch(name) or name == TOKEN or (encoder or CLIP_L) not in encoders:
            raise InputError(_FIELD, f"holds {key!r}; expected <tokens> of {', '.join(encoders)}")
        more.setdefault(name, {})[encoder or CLIP_L] = tensor
    if half := [name for name, found in more.items() if set(found) != set(encoders)]:
        raise InputError(_FIELD, f"lacks a text encoder's vectors for {half[0]}")
    if len(more) >= MAX_TOKENS:
        raise InputError(_FIELD, f"holds {1 + len(more)} tokens, more than {MAX_TOKENS}")
    return token, style, more


def _metadata(data: bytes) -> dict[str, str]:
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    ours = json.loads(header["reelmill"]) if "reelmill" in header else header
    if not isinstance(ours, dict):
        raise ValueError("the metadata is not a table")
    return {str(name): str(value) for name, value in ours.items()}


def _matrices(token: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    matrices = {
        name: _matrix(token if len(tensors) == 1 else name, tensor) for name, tensor in tensors.items()
    }
    if len({m.shape[0] for m in matrices.values()}) != 1:
        raise InputError(_FIELD, f"has different numbers of vectors of {token} for the two text encoders")
    return matrices


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
