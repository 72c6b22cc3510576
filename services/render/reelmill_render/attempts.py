"""Draws one frame: once, or until a picture passes the gate or the redraws are used up."""

from dataclasses import dataclass, replace
from itertools import islice

from .domain import Picture
from .gate import Attempt, Gate, seeds
from .ports import Drawn, Judge, Renderer, Replaced, Vector


@dataclass(frozen=True, slots=True)
class Judged:
    """The picture that is kept, and all attempts in order; `kept` is one of them."""

    picture: Picture
    drawn: Drawn
    kept: Attempt
    attempts: list[Attempt]


async def draw_once(renderer: Renderer, picture: Picture, embedding: bytes) -> Drawn:
    """Raises Replaced where another model drew it than the picture says, else as the renderer does."""
    drawn = await renderer.draw(picture, embedding)
    if drawn.model_digest != picture.model_digest:
        raise Replaced("diffusion model", picture.model_digest, drawn.model_digest)
    return drawn


async def draw_judged(
    renderer: Renderer, judge: Judge, picture: Picture, embedding: bytes, gate: Gate, own_style: Vector | None
) -> Judged:
    """Draws `picture`, and again from other seeds while none passes, at most 1 + `max_redraws` times.

    The seeds follow from the picture's, so the same inputs make the same attempts. Raises Replaced where
    another model or judge answers than the inputs name, else as renderer and judge do.
    """
    attempts: list[Attempt] = []
    best: Judged | None = None
    for seed in islice(seeds(picture.seed), 1 + gate.limits.max_redraws):
        tried = replace(picture, seed=seed)
        drawn = await draw_once(renderer, tried, embedding)
        verdict = await judge.judge(drawn.pixels, gate.text, own_style)
        if verdict.judge_digest != gate.judge_digest:
            raise Replaced("judge", gate.judge_digest, verdict.judge_digest)
        attempt = Attempt(seed, verdict.scores, gate.limits.passes(verdict.scores))
        attempts.append(attempt)
        if best is None or attempt.better_than(best.kept):
            best = Judged(tried, drawn, attempt, attempts)
        if attempt.passed:
            break
    if best is None:
        raise ValueError(f"{gate.limits.max_redraws} redraws: a frame is drawn at least once")
    return best
