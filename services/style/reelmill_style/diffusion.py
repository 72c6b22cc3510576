"""The learner on a diffusers directory in this process."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from reelmill_diffusion import (
    Cancelled,
    DiffusionModel,
    Drawing,
    InputError,
    ModelError,
    StyleEmbedding,
    draw,
    use_threads,
)
from reelmill_diffusion.inversion import InversionOptions, Reference, learn_style
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.telemetry import logger

from .ports import Embedded, Embedding, Example, Image, Plan

T = TypeVar("T")
_MOST_VECTORS = 16
# Vectors that begin as the very words have only to be refined, and may be as long as words are.
_REFINING: dict[str, Any] = {"learning_rate": 0.03, "evaluate_every": 10, "max_norm": 3.0}


class DiffusionLearner:
    """Loads the model when it is first asked for, and again after it could not be loaded."""

    def __init__(self, directory: Path, *, device: str, dtype: str, threads: int) -> None:
        self._directory = directory
        self._device = device
        self._dtype = dtype
        self._threads = threads
        self._loading: asyncio.Task[DiffusionModel] | None = None

    async def check(self) -> None:
        await self._model()

    async def model_digest(self) -> str:
        return (await self._model()).digest

    async def draw(self, pictures: Sequence[tuple[str, int]], style: bytes = b"") -> list[Image]:
        model = await self._model()
        learned = StyleEmbedding.from_bytes(style) if style else None
        drawings = [Drawing(prompt=prompt, seed=seed, style=learned) for prompt, seed in pictures]

        def work(cancelled: Callable[[], bool]) -> list[Image]:
            try:
                images = draw(model, drawings, cancelled=lambda _: cancelled())
            except InputError as error:
                raise ReelmillError(
                    Reason.MODEL_REJECTED, f"the references cannot be drawn: {error}"
                ) from error
            drawn = [image for image in images if image is not None]
            if len(drawn) < len(images):
                raise Cancelled("drawing references")
            return drawn

        return await _in_thread(work)

    async def learn(
        self,
        examples: Sequence[Example],
        plan: Plan,
        progress: Callable[[int, int], None],
        resume: bytes | None,
        keep: Callable[[bytes], None],
        beside: bytes = b"",
    ) -> Embedding:
        model = await self._model()
        loop = asyncio.get_running_loop()
        references = [Reference(example.image, example.prompt) for example in examples]
        options = InversionOptions(
            steps=plan.steps, vectors=plan.vectors or 1, batch_size=plan.batch_size, seed=plan.seed
        )
        if not plan.vectors:
            vectors = min(model.word_count(plan.text), _MOST_VECTORS)
            options = replace(options, vectors=vectors, **_REFINING)

        def work(cancelled: Callable[[], bool]) -> Embedding:
            try:
                learned = learn_style(
                    model,
                    references,
                    plan.text,
                    options,
                    token=plan.token,
                    beside=StyleEmbedding.from_bytes(beside) if beside else None,
                    progress=lambda done, total: _tell(loop, progress, done, total),
                    cancelled=cancelled,
                    resume=resume,
                    keep=lambda checkpoint: _tell(loop, keep, checkpoint),
                )
            except InputError as error:
                raise invalid(f"options.{error.field}", str(error).partition(": ")[2]) from error
            except ModelError as error:
                raise ReelmillError(
                    Reason.MODEL_REJECTED, f"{plan.token} cannot be learned: {error}"
                ) from error
            scores = learned.scores
            return Embedding(
                content=learned.embedding.to_bytes(),
                digest=learned.embedding.digest,
                steps=scores.steps,
                initial_loss=scores.initial_loss,
                final_loss=scores.final_loss,
                scores=asdict(scores),
                vectors=learned.embedding.count,
                diverged=scores.diverged,
            )

        return await _in_thread(work)

    def together(self, style: bytes, others: Sequence[bytes]) -> Embedded:
        whole = StyleEmbedding.from_bytes(style).with_tokens(map(StyleEmbedding.from_bytes, others))
        return Embedded(whole.to_bytes(), whole.digest)

    async def _model(self) -> DiffusionModel:
        loading = self._loading
        if loading is None or (loading.done() and (loading.cancelled() or loading.exception() is not None)):
            loading = self._loading = asyncio.create_task(asyncio.to_thread(self._load))
        # Shared by all who wait: one who gives up must not end it for the others.
        return await asyncio.shield(loading)

    def _load(self) -> DiffusionModel:
        use_threads(self._threads)
        try:
            model = DiffusionModel.load(
                self._directory, device=self._device, dtype=self._dtype, to_learn=True
            )
        except ModelError as error:
            raise ReelmillError(
                Reason.NOT_READY, f"{error}; set REELMILL_DIFFUSION_MODEL to a directory in diffusers format"
            ) from error
        logger().info("diffusion model loaded", model=str(self._directory), digest=model.digest)
        return model


def _tell(loop: asyncio.AbstractEventLoop, listener: Callable[..., None], *news: object) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(listener, *news)


async def _in_thread(work: Callable[[Callable[[], bool]], T]) -> T:
    """Runs `work(cancelled)` in a thread. Cancelling this waits until the work has seen it and ended."""
    stop = threading.Event()
    task = asyncio.create_task(asyncio.to_thread(work, stop.is_set))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen: it is the Cancelled that was asked for
        raise
