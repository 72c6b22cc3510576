"""Characters in a learned style: a token for each, learned from portraits, and one file for all of them."""

import asyncio
from collections.abc import Sequence

from reelmill.v1 import style_pb2
from reelmill_kit.names import ProjectName
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import logger, tracer

from .archive import CharacterArchive, StyleArchive
from .characters import Character
from .checkpoints import CheckpointKeeper
from .ports import Embedding, Example, Image, Learner, Plan

# As for a style's references: a fixed size, so that a portrait is drawn the same again.
_DRAWN_AT_ONCE = 5


class CastLearner:
    def __init__(self, store: ObjectStore, learner: Learner, device: asyncio.Lock) -> None:
        """`device`: held while something is learned."""
        self._store = store
        self._learner = learner
        self._device = device

    async def join(
        self, learned: style_pb2.LearnedStyle, people: Sequence[Character], report: Report
    ) -> style_pb2.LearnedStyle:
        """The style with the tokens of `people` in its file. What is not stored below the style is learned.

        Raises ReelmillError: MODEL_REJECTED, NOT_READY or STORE_UNAVAILABLE.
        """
        archive = StyleArchive(self._store, *_parts(learned.style.name))
        found = []
        for number, person in enumerate(people):
            report(f"learning {person.token}", number, len(people))
            found.append(await self._character(learned, archive, person, report))
        whole = self._learner.together(learned.embedding, [embedding for _, embedding in found])
        joined = style_pb2.LearnedStyle(embedding=whole.content)
        joined.style.CopyFrom(learned.style)
        joined.style.embedding_key = await archive.keep_cast(whole.content, whole.digest)
        joined.style.embedding_digest = whole.digest
        joined.style.characters.extend(record for record, _ in found)
        report("characters learned", len(people), len(people))
        return joined

    async def _character(
        self,
        learned: style_pb2.LearnedStyle,
        archive: StyleArchive,
        person: Character,
        report: Report,
    ) -> tuple[style_pb2.LearnedCharacter, bytes]:
        """The character's record and the file of its token alone."""
        digest = person.digest(learned.style.model_digest, learned.style.embedding_digest)
        own = archive.character(digest)
        with tracer().start_as_current_span(
            "learn character", attributes={"reelmill.character": own.name}
        ) as span:
            async with self._device:
                stored = await own.stored()
                span.set_attribute("reelmill.reused", stored is not None)
                return stored or await self._learn(learned, own, person, report)

    async def _learn(
        self,
        learned: style_pb2.LearnedStyle,
        own: CharacterArchive,
        person: Character,
        report: Report,
    ) -> tuple[style_pb2.LearnedCharacter, bytes]:
        portraits = person.drawn_from()
        total = len(portraits) + person.steps
        images: list[Image] = []
        for start in range(0, len(portraits), _DRAWN_AT_ONCE):
            report(f"drawing portraits of {person.token}", start, total)
            pictures = [(p.drawing_prompt, p.seed) for p in portraits[start : start + _DRAWN_AT_ONCE]]
            images += await self._images(start, pictures, learned.embedding, own)
        examples = [Example(image, p.learning_prompt) for image, p in zip(images, portraits, strict=True)]
        plan = Plan(
            text=person.words,
            seed=person.seed,
            steps=person.steps,
            vectors=0,
            batch_size=person.batch_size,
            token=person.token,
        )
        keeper = CheckpointKeeper(own)
        try:
            embedding = await self._learner.learn(
                examples,
                plan,
                lambda done, _: report(f"learning {person.token}", len(portraits) + done, total),
                await own.checkpoint(),
                keeper.keep,
                learned.embedding,
            )
        finally:
            await keeper.finish()
        record = self._record(person, own, embedding)
        lineage = {
            "token": person.token,
            "appearance": person.appearance,
            "seed": person.seed,
            "style": learned.style.name,
            "style_embedding_digest": learned.style.embedding_digest,
            "model_digest": learned.style.model_digest,
            "options": {"steps": person.steps, "vectors": record.vectors, "batch_size": person.batch_size},
            "portraits": [
                {"key": key, "from": p.drawing_prompt, "seed": p.seed, "prompt": p.learning_prompt}
                for key, p in zip(record.portrait_keys, portraits, strict=True)
            ],
            "scores": embedding.scores,
        }
        await own.keep(record, embedding.content, lineage)
        log = logger().warning if embedding.diverged else logger().info
        log("character learned", character=own.name, **embedding.scores)
        return record, embedding.content

    async def _images(
        self, start: int, pictures: Sequence[tuple[str, int]], style: bytes, own: CharacterArchive
    ) -> list[Image]:
        """Drawn and stored, or all of them found in the store from a run that was interrupted."""
        stored = [await own.reference(start + i) for i in range(len(pictures))]
        found = [image for image in stored if image is not None]
        if len(found) == len(pictures):
            return found
        fresh = await self._learner.draw(pictures, style)
        for index, image in enumerate(fresh, start):
            await own.keep_reference(index, image)
        return fresh

    def _record(
        self, person: Character, own: CharacterArchive, embedding: Embedding
    ) -> style_pb2.LearnedCharacter:
        return style_pb2.LearnedCharacter(
            token=person.token,
            appearance=person.appearance,
            vectors=embedding.vectors,
            embedding_digest=embedding.digest,
            portrait_keys=[own.reference_key(i) for i in range(person.portraits)],
            steps=embedding.steps,
            initial_loss=embedding.initial_loss,
            final_loss=embedding.final_loss,
        )


def _parts(name: str) -> tuple[ProjectName, str]:
    project, _, digest = name.rpartition("/styles/")
    return ProjectName.parse(project, "style.name"), digest
