"""The core of the style stage, the same behind gRPC and jobs."""

import asyncio
from collections.abc import Sequence

import numpy as np

from reelmill.v1 import style_pb2
from reelmill_kit import images
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.names import ProjectName
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import logger, tracer

from .archive import StyleArchive
from .cast import CastLearner
from .characters import characters, given_style
from .checkpoints import CheckpointKeeper
from .domain import (
    TOKEN,
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
        self._cast = CastLearner(store, learner, self._device)

    async def run(self, message: style_pb2.LearnStyleRequest, report: Report) -> style_pb2.LearnedStyle:
        """The learned style, stored; the stored one where it was learned from the same things.

        With characters: the style and their tokens, in one file. One is learned at a time. Raises
        ReelmillError: INVALID_FIELD, MODEL_REJECTED, NOT_READY or STORE_UNAVAILABLE.
        """
        people = characters(message, self._defaults)
        learned = await (self._given if message.learned_style else self._style)(message, report)
        return await self._cast.join(learned, people, report) if people else learned

    async def _given(self, message: style_pb2.LearnStyleRequest, report: Report) -> style_pb2.LearnedStyle:
        """A style that was learned before."""
        project = ProjectName.parse(message.parent, "parent")
        learned = await StyleArchive(self._store, project, given_style(message, project)).learned()
        if learned is None:
            raise invalid("learned_style", f"there is no style {message.learned_style} that is whole")
        if (digest := await self._learner.model_digest()) != learned.style.model_digest:
            known = learned.style.model_digest[:12]
            raise invalid("learned_style", f"was learned for the model {known}.., not for {digest[:12]}..")
        return learned

    async def _style(self, message: style_pb2.LearnStyleRequest, report: Report) -> style_pb2.LearnedStyle:
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
            text=request.text,
            seed=request.seed,
            steps=request.steps,
            vectors=request.vectors,
            batch_size=request.batch_size,
            token=TOKEN,
        )
        keeper = CheckpointKeeper(archive)
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
        await archive.keep(style, embedding.content, lineage)
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
            token=TOKEN,
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
