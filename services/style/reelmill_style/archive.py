"""Styles in the object store, below `projects/P/styles/<digest>/`.

references/00.png ..           what it was learned from
checkpoint.safetensors         while it is being learned
learned_embeds.safetensors     the embedding
lineage.json                   prompts, seeds, options, scores: what is needed to learn it again
style.json                     reelmill.v1.Style; stands once all else is there
characters/<digest>/           the same for a character in this style; character.json is its record
casts/<sha256>.safetensors     the vectors of the style and of a movie's characters in one file
"""

import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Mapping
from json import dumps
from typing import Any, Generic, TypeVar

import numpy as np
from google.protobuf import json_format
from PIL import Image as PilImage

from reelmill.v1 import style_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import ProjectName
from reelmill_kit.store import ObjectStore

from .ports import Image

R = TypeVar("R", style_pb2.Style, style_pb2.LearnedCharacter)


class Archive(ABC, Generic[R]):
    """The part of the store below `prefix`, for something that is learned from images."""

    record_name: str
    images_name: str

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self.name = prefix.rstrip("/")
        self.embedding_key = f"{prefix}learned_embeds.safetensors"

    @abstractmethod
    def empty_record(self) -> R:
        """A record of the kind that is kept here, with nothing in it."""

    def reference_key(self, index: int) -> str:
        return f"{self._prefix}{self.images_name}/{index:02d}.png"

    async def stored(self) -> tuple[R, bytes] | None:
        """The record and the embedding file, if both are stored whole."""
        data = await self._get(self.record_name)
        if data is None:
            return None
        try:
            record = json_format.Parse(data, self.empty_record(), ignore_unknown_fields=True)
        except (json_format.ParseError, UnicodeDecodeError):
            return None  # damaged: as good as none
        embedding = await self._get("learned_embeds.safetensors")
        if embedding is None or hashlib.sha256(embedding).hexdigest() != record.embedding_digest:
            return None
        return record, embedding

    async def keep(self, record: R, embedding: bytes, lineage: Mapping[str, Any]) -> None:
        """Stores what was learned, the record last."""
        await self._store.put(self.embedding_key, embedding, "application/octet-stream")
        await self._store.put(
            f"{self._prefix}lineage.json", dumps(lineage, indent=1).encode(), "application/json"
        )
        data = json_format.MessageToJson(record).encode()
        await self._store.put(f"{self._prefix}{self.record_name}", data, "application/json")
        await self._store.delete_prefix(f"{self._prefix}checkpoint.safetensors")

    async def reference(self, index: int) -> Image | None:
        """A reference that was stored before."""
        content = await self._get(f"{self.images_name}/{index:02d}.png")
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


class StyleArchive(Archive[style_pb2.Style]):
    """One style's part of the store."""

    record_name, images_name = "style.json", "references"

    def __init__(self, store: ObjectStore, project: ProjectName, digest: str) -> None:
        super().__init__(store, project.style_prefix(digest))

    def empty_record(self) -> style_pb2.Style:
        return style_pb2.Style()

    async def learned(self) -> style_pb2.LearnedStyle | None:
        """The style if it is stored whole."""
        stored = await self.stored()
        return stored and style_pb2.LearnedStyle(style=stored[0], embedding=stored[1])

    def character(self, digest: str) -> "CharacterArchive":
        """The part for a character in this style."""
        return CharacterArchive(self._store, f"{self._prefix}characters/{digest}/")

    async def keep_cast(self, content: bytes, digest: str) -> str:
        """Stores a file that holds the style and characters; returns its key."""
        key = f"{self._prefix}casts/{digest}.safetensors"
        if not await self._store.exists(key):
            await self._store.put(key, content, "application/octet-stream")
        return key


class CharacterArchive(Archive[style_pb2.LearnedCharacter]):
    """One character's part of a style's part of the store."""

    record_name, images_name = "character.json", "portraits"

    def empty_record(self) -> style_pb2.LearnedCharacter:
        return style_pb2.LearnedCharacter()
