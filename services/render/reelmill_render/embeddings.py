"""Learned styles: fetched by key, checked by digest, remembered."""

import asyncio
import hashlib
from collections import OrderedDict

from reelmill.v1 import render_pb2
from reelmill_kit.errors import invalid
from reelmill_kit.store import ObjectStore

from .validation import MAX_EMBEDDING_BYTES

_REMEMBERED = 64  # at a few hundred KB at most each


class Embeddings:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._fetching = asyncio.Lock()

    async def get(self, style: render_pb2.StyleEmbedding) -> tuple[bytes, str]:
        """Returns the safetensors file and its sha256; b"" and "" for no style.

        Raises INVALID_FIELD where the digest does not fit, NOT_FOUND where there is no such key.
        """
        source = style.WhichOneof("source")
        if source is None:
            return b"", ""
        if source == "content":
            return _checked(style.content, style.digest)
        async with self._fetching:  # the frames of a movie come together and want the same one
            if style.digest and style.digest in self._known:
                self._known.move_to_end(style.digest)
                return self._known[style.digest], style.digest
            content, digest = _checked(await self._store.get(style.key), style.digest)
            self._known[digest] = content
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
            return content, digest


def _checked(content: bytes, expected: str) -> tuple[bytes, str]:
    if len(content) > MAX_EMBEDDING_BYTES:
        raise invalid("style", f"has {len(content)} bytes; {MAX_EMBEDDING_BYTES} is the most")
    digest = hashlib.sha256(content).hexdigest()
    if expected and digest != expected:
        raise invalid("style.digest", f"the embedding has the sha256 {digest}, not {expected}")
    return content, digest
