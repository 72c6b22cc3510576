"""The core of the style stage, the same behind gRPC and jobs."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from reelmill.v1 import style_pb2
from reelmill_kit import images
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import logger, tracer

from .archive import StyleArchive
from .domain import (
    Defaults,
    DrawnReference,
    GivenReference,
    StyleRequest,
    references_given,
    references_to_draw,
)
from .ports import Embedding, Example, Image, Learner, Plan

# What every device we know of can hold; a fixed size, so that a picture is drawn the same again.
_DRAWN_AT_ONCE = 5


class StyleStage:
    def __init__(self, store: ObjectStore, learner: Learner, defaults: Defaults) -> None:
        self._store = store
        self._learner = learner
        self._defaults = defaults
        self._device = asyncio.Lock()

    async def run(self, message: style_pb2.LearnStyleRequest, report: Report) -> style_pb2.LearnedStyle:
        """The learned style, stored; the stored one where it was learned from the same things.

        One is learned at a time. Raises ReelmillError: INVALID_FIELD, MODEL_REJECTED, NOT_READY or
        STORE_UNAVAILABLE.
        """
        request = StyleRequest.parse(message, self._defaults)
        references = await self._references(request, message)
        digest = request.digest(await self._learner.model_digest(), references)
        archive = StyleArchive(self._store, request.project, digest)
        with tracer().start_as_current_span(
            "learn style", attributes={"reelmill.style": archive.name, "reelmill.movie": message.movie}
        ) as span:
            if self._device.locked():
                report("waiting for another style to be learned")
            async with self._device:
                learned = await archive.learned()
                span.set_attribute("reelmill.reused", learned is not None)
                if learned is None:
                    learned = await self._learn(request, references, archive, report)
            return learned

    async def _references(
        self, request: StyleRequest, message: style_pb2.LearnStyleRequest
    ) -> Sequence[DrawnReference | GivenReference]:
        if not message.references:
            return references_to_draw(request)
        given = []
        for index, reference in enumerate(message.references):
            field = f"references[{index}]"
            if reference.WhichOneof("source") == "content":
                content, field = reference.content, f"{field}.content"
            else:
                field = f"{field}.key"
                content = await self._fetch(reference.key, field)
            await asyncio.to_thread(images.check, content, field)
            given.append(content)
        return references_given(given, request.captions)

    async def _fetch(self, key: str, field: str) -> bytes:
        try:
            return await self._store.get(key)
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            raise invalid(field, f"there is no object {key[:200]!r} in the store") from error

    async def _learn(
        self,
        request: StyleRequest,
        references: Sequence[DrawnReference | GivenReference],
        archive: StyleArchive,
        report: Report,
    ) -> style_pb2.LearnedStyle:
        total = len(references) + request.steps
        examples: list[Example] = []
        for start in range(0, len(references), _DRAWN_AT_ONCE):
            report("drawing references", start, total)
            some = references[start : start + _DRAWN_AT_ONCE]
            drawn = await self._images(start, some, archive)
            examples += [Example(i, r.learning_prompt) for i, r in zip(drawn, some, strict=True)]
        plan = Plan(
            style_text=request.text,
            seed=request.seed,
            steps=request.steps,
            vectors=request.vectors,
            batch_size=request.batch_size,
        )
        keeper = _CheckpointKeeper(archive)
        try:
            embedding = await self._learner.learn(
                examples,
                plan,
                lambda done, _: report("learning the style", len(references) + done, total),
                await archive.checkpoint(),
                keeper.keep,
            )
        finally:
            await keeper.finish()
        style = self._record(request, archive, embedding, len(references), await self._learner.model_digest())
        lineage = {
            "text": {"keyword": request.keyword, "description": request.description},
            "seed": request.seed,
            "model_digest": style.model_digest,
            "options": {
                "steps": request.steps,
                "vectors": request.vectors,
                "batch_size": request.batch_size,
            },
            "references": [
                {"key": archive.reference_key(i), "from": r.identity, "prompt": r.learning_prompt}
                for i, r in enumerate(references)
            ],
            "scores": embedding.scores,
        }
        await archive.keep_learned(style, embedding.content, lineage)
        log = logger().warning if embedding.diverged else logger().info
        log("style learned", style=archive.name, **embedding.scores)
        report("style learned", total, total)
        return style_pb2.LearnedStyle(style=style, embedding=embedding.content)

    async def _images(
        self, start: int, references: Sequence[DrawnReference | GivenReference], archive: StyleArchive
    ) -> list[Image]:
        """Drawn or decoded, and stored; or found in the store from a run that was interrupted.

        All of a batch or none: alone, a picture would differ by a rounding.
        """
        stored = [await archive.reference(start + i) for i in range(len(references))]
        found = [image for image in stored if image is not None]
        if len(found) == len(references):
            return found
        to_draw = [(r.drawing_prompt, r.seed) for r in references if isinstance(r, DrawnReference)]
        given = [r.image for r in references if isinstance(r, GivenReference)]
        fresh = await self._learner.draw(to_draw) if to_draw else []
        fresh += [await asyncio.to_thread(_decode, image, start + i) for i, image in enumerate(given)]
        for index, image in enumerate(fresh, start):
            await archive.keep_reference(index, image)
        return fresh

    def _record(
        self,
        request: StyleRequest,
        archive: StyleArchive,
        embedding: Embedding,
        references: int,
        model_digest: str,
    ) -> style_pb2.Style:
        style = style_pb2.Style(
            name=archive.name,
            text=request.proto_text(),
            token="<style>",  # noqa: S106
            vectors=request.vectors,
            embedding_key=archive.embedding_key,
            embedding_digest=embedding.digest,
            model_digest=model_digest,
            reference_keys=[archive.reference_key(i) for i in range(references)],
            steps=embedding.steps,
            initial_loss=embedding.initial_loss,
            final_loss=embedding.final_loss,
        )
        style.create_time.GetCurrentTime()
        return style


def _decode(image: bytes, index: int) -> Image:
    return np.array(images.check(image, f"references[{index}]"))


class _CheckpointKeeper:
    """Stores checkpoints one after the other while learning goes on; only the newest matters."""

    def __init__(self, archive: StyleArchive) -> None:
        self._archive = archive
        self._newest: bytes | None = None
        self._storing: asyncio.Task[None] | None = None

    def keep(self, data: bytes) -> None:
        self._newest = data
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store())

    async def finish(self) -> None:
        if self._storing is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self._storing)

    async def _store(self) -> None:
        while (data := self._newest) is not None:
            self._newest = None
            try:
                await self._archive.keep_checkpoint(data)
            except ReelmillError as error:  # learning can do without
                logger().warning("checkpoint not stored", error=error.message)
