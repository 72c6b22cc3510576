"""How much sooner a style is learned than by diffusers' own example.

    make bench-inversion        (or: python -m tests.bench.inversion --styles 1 --budget 3)

Both learn the same style from the same twelve pictures of one of `reelmill_world.HELD_OUT_STYLES`, in one
process with the same threads. What is compared is the denoising loss on eight other drawings in the style, at
eight noise levels each and with the same noise for both; neither has seen them. Ours runs to its end as the
style service would run it, everything counted: encoding the pictures, its own evaluations, stopping. The
example (`inversion_recipe`) then runs until its loss is as low as the one ours ended with, or until it had
`--budget` times our time; looking at its loss is not counted. They take turns, ours again each time, so that
a machine that is slower for a while is slower for both.

The last line is one JSON object. `speedup_to_score`: the example's time over ours, the median of the styles;
`reached` says for how many styles the example reached our score; where it never did, its time is the budget
and the figure a lower bound. Where there is a judge, `style_distance` is that of frames drawn with what
either ended with (see `style_scores`): the loss is not fooled.
"""

import argparse
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from reelmill_diffusion import TOKEN, DiffusionModel, StyleEmbedding
from reelmill_diffusion.inversion import InversionOptions, LearnedStyle, learn_style
from reelmill_diffusion.learning import LatentReferences, NoisyBatch, losses, noise_schedule
from reelmill_judge import load_judge
from reelmill_world import caption, style_words
from tests.bench.inversion_recipe import ExampleRecipe
from tests.bench.style import STARTER, frames
from tests.bench.style_material import Material, materials
from tests.bench.style_scores import Ruler

HELD_OUT = 8
LOOK_EVERY = 20
console = Console(highlight=False, width=124)


class Exam:
    """The held-out loss that both are judged by."""

    def __init__(self, model: DiffusionModel, material: Material) -> None:
        self._model, self._schedule = model, noise_schedule(model)
        self._images = material.drawings()
        self._prompts = [caption(scene, TOKEN) for scene in material.scenes]

    @torch.no_grad()
    def loss(self, vectors: Mapping[str, torch.Tensor]) -> float:
        count = next(iter(vectors.values())).shape[0]
        pictures = LatentReferences.make(self._model, self._images, self._prompts, {TOKEN: count})
        batches = NoisyBatch.grid(pictures, self._schedule, 16, torch.Generator().manual_seed(11))
        return float(torch.cat([losses(self._model, batch, {TOKEN: vectors}) for batch in batches]).mean())


@dataclass
class Race:
    """One style: `ours` are the times of the same run, `curve` the example's (step, seconds, loss)."""

    name: str
    ours: list[float]
    learned: LearnedStyle
    target: float
    curve: list[tuple[int, float, float]]
    theirs: StyleEmbedding
    reached: bool

    @property
    def seconds(self) -> float:
        return statistics.median(self.ours)

    @property
    def speedup(self) -> float:
        return self.curve[-1][1] / self.seconds


def race(model: DiffusionModel, directory: Path, material: Material, budget: float, rounds: int) -> Race:
    exam = Exam(model, material)
    # The most telling word for the style; "very" is none.
    word = style_words(material.style, 1).removeprefix("very ")
    recipe = ExampleRecipe(directory, material.references, word)
    ours, seconds, reached = [], 0.0, False
    curve = [(0, 0.0, exam.loss({"clip_l": recipe.vector()[None]}))]
    for turn in range(rounds):
        begun = time.perf_counter()
        learned = learn_style(model, material.references, material.name, InversionOptions())
        ours.append(time.perf_counter() - begun)
        target = exam.loss(learned.embedding.vectors)
        until = (turn + 1) * budget / rounds * statistics.median(ours)
        while seconds < until and not reached:
            begun = time.perf_counter()
            for _ in range(LOOK_EVERY):
                recipe.advance()
            seconds += time.perf_counter() - begun
            curve.append((recipe.step, seconds, exam.loss({"clip_l": recipe.vector()[None]})))
            reached = curve[-1][2] <= target
        if reached:
            break
    theirs = StyleEmbedding({"clip_l": recipe.vector()[None]}).with_digest()
    return Race(material.name, ours, learned, target, curve, theirs, reached)


def report(races: Sequence[Race]) -> None:
    table = Table(
        "style", "steps", "s", "loss at first", "at last", "example: steps", "s", "loss", "times ours"
    )
    for one in races:
        steps, seconds, loss = one.curve[-1]
        scores = one.learned.scores
        faster = f"{'' if one.reached else 'over '}{one.speedup:.1f}"
        row = (scores.steps, f"{one.seconds:.1f}", f"{one.curve[0][2]:.4f}", f"{one.target:.4f}")
        table.add_row(one.name, *map(str, row), str(steps), f"{seconds:.1f}", f"{loss:.4f}", faster)
    console.print(table)
    for one in races:
        points = one.curve[:: max(1, len(one.curve) // 8)]
        console.print(f"{one.name}, the example: " + ", ".join(f"{s:.0f} s {x:.4f}" for _, s, x in points))


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Learning a style against diffusers' textual inversion example"
    )
    parser.add_argument("--model", type=Path, default=STARTER / "model")
    parser.add_argument("--judge", type=Path, default=STARTER / "judge")
    parser.add_argument("--styles", type=int, default=3)
    parser.add_argument("--budget", type=float, default=12, help="the example's time, in units of ours")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()

    model = DiffusionModel.load(asked.model, to_learn=True)
    chosen = materials(asked.styles, HELD_OUT)
    races = []
    for number, material in enumerate(chosen, start=1):
        with console.status(f"{number} of {len(chosen)}: {material.name}"):
            races.append(race(model, asked.model, material, asked.budget, asked.rounds))
    report(races)
    figures: dict[str, object] = {
        "speedup_to_score": round(statistics.median(one.speedup for one in races), 2),
        "reached": sum(one.reached for one in races),
        "styles": len(races),
        "seconds_to_learn": round(statistics.median(one.seconds for one in races), 1),
        "example_seconds": round(statistics.median(one.curve[-1][1] for one in races), 1),
    }
    if asked.judge.exists():
        ruler = Ruler(load_judge(asked.judge), chosen)
        distances = {
            name: statistics.mean(
                ruler.distance(m.name, frames(model, [caption(s, TOKEN) for s in m.scenes], 1_000, style))
                for m, style in zip(chosen, styles, strict=True)
            )
            for name, styles in {
                "ours": [one.learned.embedding for one in races],
                "example": [one.theirs for one in races],
            }.items()
        }
        figures["style_distance"] = {name: round(value, 4) for name, value in distances.items()}
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
