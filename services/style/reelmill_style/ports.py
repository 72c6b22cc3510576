"""Who draws and learns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""Height x width x 3, RGB."""


@dataclass(frozen=True, slots=True)
class Example:
    """An image, and a prompt that says what is on it, with the token that is learned."""

    image: Image
    prompt: str


@dataclass(frozen=True, slots=True)
class Embedding:
    """What was learned: the file, and the denoising loss on held-out references before and after.

    `scores` has more such numbers, and why learning stopped. `diverged`: the vectors are the best before it
    came to numbers that are not finite.
    """

    content: bytes
    digest: str
    steps: int
    initial_loss: float
    final_loss: float
    scores: dict[str, float | str]
    vectors: int
    diverged: bool = False


@dataclass(frozen=True, slots=True)
class Embedded:
    """An embedding file (safetensors) and its sha256 in hex."""

    content: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How to learn `token` from the words `text`. 0 vectors: one for each token of the words, at most 16."""

    text: str
    seed: int
    steps: int
    vectors: int
    batch_size: int
    token: str


class Learner(Protocol):
    """A diffusion model that styles are learned for. Calls are long; cancelling one ends it between two
    steps."""

    async def check(self) -> None:
        """Returns once the model is loaded. Raises NOT_READY with what is wrong."""

    async def model_digest(self) -> str:
        """sha256 of the model directory, in hex. Raises NOT_READY."""

    async def draw(self, pictures: Sequence[tuple[str, int]], style: bytes = b"") -> list[Image]:
        """Pictures of prompts and seeds in one batch, at the model's defaults.

        `style`: the embedding file for prompts with `<style>`. Raises MODEL_REJECTED.
        """

    async def learn(
        self,
        examples: Sequence[Example],
        plan: Plan,
        progress: Callable[[int, int], None],
        resume: bytes | None,
        keep: Callable[[bytes], None],
        beside: bytes = b"",
    ) -> Embedding:
        """Learns. `progress(done, total)` and `keep(checkpoint)` are called in the event loop.

        `beside`: the embedding file for other learned tokens in the prompts, which stay as they are.

        `resume`: the checkpoint that an earlier, interrupted call kept. Raises INVALID_FIELD where the
        options do not suit the model, MODEL_REJECTED where the model computes nonsense.
        """

    def together(self, style: bytes, others: Sequence[bytes]) -> Embedded:
        """One embedding file of a style's and those of other tokens."""
