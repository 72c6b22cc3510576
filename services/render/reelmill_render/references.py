"""Where a movie's own style lies: the mean of its reference images, computed once and remembered."""

import asyncio
import hashlib
import io
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from reelmill_kit import images
from reelmill_kit.errors import invalid
from reelmill_kit.store import ObjectStore

from .ports import Judge, Pixels, Replaced, Vector, Verdict

_REMEMBERED = 256  # at a few KB each
_LONGEST_SIDE = 512  # of what the judge is sent: a given reference may be a photograph of 4096 pixels a side


@dataclass(frozen=True, slots=True)
class OwnStyle:
    vector: Vector
    digest: str
    """sha256 in hex over the sha256 digests of the reference images, in order."""


class OwnStyles:
    def __init__(self, store: ObjectStore, judge: Judge) -> None:
        self._store = store
        self._judge = judge
        self._known: OrderedDict[tuple[str, ...], OwnStyle] = OrderedDict()
        self._computing = asyncio.Lock()

    async def get(self, keys: Sequence[str], judge_digest: str) -> OwnStyle | None:
        """The style of the images below these keys as this judge sees it; None for no keys.

        A learned style's images never change, so its keys stand for them. Raises NOT_FOUND where there is no
        such image, INVALID_FIELD where it cannot be read, Replaced where another judge answers.
        """
        if not keys:
            return None
        known = (judge_digest, *keys)
        async with self._computing:  # the frames of a movie come together and want the same one
            if known not in self._known:
                self._known[known] = await self._compute(keys, judge_digest)
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
            self._known.move_to_end(known)
            return self._known[known]

    async def _compute(self, keys: Sequence[str], judge_digest: str) -> OwnStyle:
        contents = [await self._store.get(key) for key in keys]
        verdicts = await asyncio.gather(
            *(self._see(content, f"style.reference_keys[{i}]") for i, content in enumerate(contents))
        )
        for verdict in verdicts:
            if verdict.judge_digest != judge_digest:
                raise Replaced("judge", judge_digest, verdict.judge_digest)
        mean = np.mean([verdict.style for verdict in verdicts], axis=0)
        length = float(np.linalg.norm(mean))
        digests = "".join(f"{hashlib.sha256(content).hexdigest()}\n" for content in contents)
        vector = (mean / max(length, 1e-12)).astype(np.float32)
        return OwnStyle(vector, hashlib.sha256(digests.encode()).hexdigest())

    async def _see(self, content: bytes, field: str) -> Verdict:
        pixels = await asyncio.to_thread(_decode, content, field)
        return await self._judge.judge(pixels, "", None)


def _decode(content: bytes, field: str) -> Pixels:
    """What the style service has stored, which checked it before; here, only what could hurt is refused."""
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if max(image.size) > images.LARGEST_SIDE:  # stands in the header: refused unread
                raise invalid(field, f"is {image.width} x {image.height}, no reference of a learned style")
            plain = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise invalid(field, f"is no readable PNG image ({str(error)[:120]})") from error
    plain.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    return np.array(plain)
