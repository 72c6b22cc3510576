"""A movie's frames in the object store: a picture and its lineage each."""

import asyncio
import hashlib
import io

from google.protobuf import json_format
from PIL import Image

from reelmill.v1 import render_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import MovieName
from reelmill_kit.store import ObjectStore

from .ports import Pixels


class FrameArchive:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def find(
        self, movie: MovieName, index: int, input_digest: str, *, with_image: bool
    ) -> tuple[render_pb2.KeyFrame, bytes] | None:
        """The stored frame if it was drawn from the same values and is whole; else it is made void.

        With it its PNG, or b"" where that is not asked for.
        """
        try:
            lineage = await self._store.get(movie.lineage_key(index))
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return None
        key_frame = _read_lineage(lineage)
        if key_frame is not None and key_frame.input_digest == input_digest:
            if not with_image:
                if await self._store.exists(key_frame.image_key):
                    return key_frame, b""
            elif (image := await self._image(key_frame)) is not None:
                return key_frame, image
        # The picture will be replaced, and a lineage must never stand beside a picture that is not its own.
        await self._store.delete_prefix(movie.lineage_key(index))
        return None

    async def keep(self, movie: MovieName, key_frame: render_pb2.KeyFrame, pixels: Pixels) -> bytes:
        """Stores picture and lineage; the lineage's image key and digest are filled in. Returns the PNG."""
        image = await asyncio.to_thread(encode_png, pixels)
        key_frame.image_key = movie.frame_key(key_frame.index)
        key_frame.image_digest = hashlib.sha256(image).hexdigest()
        await self._store.put(key_frame.image_key, image, "image/png")
        lineage = json_format.MessageToJson(key_frame).encode()
        await self._store.put(movie.lineage_key(key_frame.index), lineage, "application/json")
        return image

    async def _image(self, key_frame: render_pb2.KeyFrame) -> bytes | None:
        try:
            image = await self._store.get(key_frame.image_key)
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return None
        return image if hashlib.sha256(image).hexdigest() == key_frame.image_digest else None


def encode_png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def _read_lineage(data: bytes) -> render_pb2.KeyFrame | None:
    try:
        return json_format.Parse(data, render_pb2.KeyFrame(), ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError):
        return None  # damaged: as good as none
