"""Styles in the object store, below `projects/P/styles/<digest>/`.

references/00.png ..           what it was learned from
checkpoint.safetensors         while it is being learned
learned_embeds.safetensors     the embedding
lineage.json                   prompts, seeds, options, scores: what is needed to learn it again
style.json                     reelmill.v1.Style; stands once all else is there
"""

import hashlib
import io
from collections.abc import Mapping
from json import dumps
from typing import Any

import numpy as np
from google.protobuf import json_format
from PIL import Image as PilImage

from reelmill.v1 import style_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import ProjectName
from reelmill_kit.store import ObjectStore

from .ports import Image


class StyleArchive:
    """One style's part of the store."""

    def __init__(self, store: ObjectStore, project: ProjectName, digest: str) -> None:
        self._store = store
        self._prefix = project.style_prefix(digest)
        self.name = self._prefix.rstrip("/")
        self.embedding_key = f"{self._prefix}learned_embeds.safetensors"

    def reference_key(self, index: int) -> str:
        return f"{self._prefix}references/{index:02d}.png"

    async def learned(self) -> style_pb2.LearnedStyle | None:
        """The style if it is stored whole."""
        record = await self._get("style.json")
        if record is None:
            return None
        try:
            style = json_format.Parse(record, style_pb2.Style(), ignore_unknown_fields=True)
        except (json_format.ParseError, UnicodeDecodeError):
            return None  # damaged: as good as none
        embedding = await self._get("learned_embeds.safetensors")
        if embedding is None or hashlib.sha256(embedding).hexdigest() != style.embedding_digest:
            return None
        return style_pb2.LearnedStyle(style=style, embedding=embedding)

    async def keep_learned(
        self, style: style_pb2.Style, embedding: bytes, lineage: Mapping[str, Any]
    ) -> None:
        await self._store.put(self.embedding_key, embedding, "application/octet-stream")
        await self._store.put(
            f"{self._prefix}lineage.json", dumps(lineage, indent=1).encode(), "application/json"
        )
        record = json_format.MessageToJson(style).encode()
        await self._store.put(f"{self._prefix}style.json", record, "application/json")
        await self._store.delete_prefix(f"{self._prefix}checkpoint.safetensors")

    async def reference(self, index: int) -> Image | None:
        """A reference that was stored before."""
        content = await self._get(f"references/{index:02d}.png")
        if content is None:
            return None
        try:
            with PilImage.open(io.BytesIO(content)) as image:
                return np.array(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError):
            return None

    async def keep_reference(self, index: int, image: Image) -> None:
        buffer = io.BytesIO()
        PilImage.fromarray(image).save(buffer, format="PNG")
        await self._store.put(self.reference_key(index), buffer.getvalue(), "image/png")

    async def checkpoint(self) -> bytes | None:
        return await self._get("checkpoint.safetensors")

    async def keep_checkpoint(self, data: bytes) -> None:
        await self._store.put(f"{self._prefix}checkpoint.safetensors", data, "application/octet-stream")

    async def _get(self, name: str) -> bytes | None:
        try:
            return await self._store.get(f"{self._prefix}{name}")
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return None
