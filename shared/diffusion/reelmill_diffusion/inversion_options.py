"""What textual inversion is told, and what it tells."""

from dataclasses import dataclass

from .drawing import Image
from .embedding import StyleEmbedding


@dataclass(frozen=True, slots=True, kw_only=True)
class InversionOptions:
    """How to learn. The defaults suit the starter model: well under a minute on two cores.

    `learning_rate` is in units of the token matrix's root mean square, so that one value suits every model;
    it falls to `final_rate` of itself along a cosine. `max_norm` bounds a vector's length, in units of the
    median token's: longer ones drown the rest of the prompt. Every `evaluate_every` steps the held-out loss
    is taken, and learning ends when it has not improved for `patience` evaluations.
    """

    steps: int = 80
    vectors: int = 4
    batch_size: int = 4
    learning_rate: float = 0.2
    final_rate: float = 0.2
    weight_decay: float = 0.01
    flip: bool = True
    seed: int = 0
    evaluate_every: int = 20
    patience: int = 3
    max_norm: float = 1.5


@dataclass(frozen=True, slots=True)
class Reference:
    """An image in the style, and a prompt that says what is on it with `<style>` where the style belongs."""

    image: Image
    prompt: str


@dataclass(frozen=True, slots=True)
class Scores:
    """Denoising losses on held-out references at fixed noise: lower is nearer. `steps` were made, the kept
    vectors are those of `best_step`; `norm` is the longest vector's length in units of the median token's.
    `stopped_because`: "all steps made", "no longer better" or "diverged at step N"."""

    steps: int
    best_step: int
    no_style_loss: float
    initial_loss: float
    final_loss: float
    norm: float
    stopped_because: str

    @property
    def diverged(self) -> bool:
        return self.stopped_because.startswith("diverged")


@dataclass(frozen=True, slots=True)
class LearnedStyle:
    embedding: StyleEmbedding
    scores: Scores
