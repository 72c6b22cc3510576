"""Does a learned style hold a movie together better than words do, and does it leave the content alone?

    make bench-style            (or: python -m tests.bench.style --styles 2 --frames 8 --steps 40)

Ten styles that no training has seen and that captions have no words for (`reelmill_world.HELD_OUT_STYLES`).
Each is learned from twelve real drawings at as many places, with prompts that say what is on them and leave
the style to `<style>`. Then a movie of forty frames is drawn twice from the same seeds: with the learned
style, and with the style in words, every adjective that fits into the prompt. Half of its frames are at
places that no reference shows; all are of combinations that no training has seen. A judge looks at both, and
at real drawings of the same frames, which are the best that any model could do.

The last line is one JSON object; each figure is the mean over the styles of what `style_scores` defines:

- `distance_ratio`: distance to the references' style, learned over words.
- `spread_ratio`: how far the style of two frames of a movie lies apart, learned over words.
- `alignment_drop_points`: how much seldomer a frame picks its own text out of 16, words less learned, in
  percentage points.
- `nearest_style`: share of learned frames that are nearer to their style's references than to any other's.
- `places_elsewhere`: share of learned frames at places not among the references' that show their place.
"""

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from reelmill_diffusion import TOKEN, DiffusionModel, Drawing, Image, StyleEmbedding, draw
from reelmill_diffusion.inversion import InversionOptions, LearnedStyle, learn_style
from reelmill_judge import load_judge
from reelmill_world import caption
from tests.bench.style_material import Material, in_words, materials
from tests.bench.style_scores import Measured, Ruler
from tests.bench.style_sheet import write_sheet

STARTER = Path("services/render/starter")
KINDS = ("words", "learned", "drawings")
console = Console(highlight=False, width=124)


@dataclass(frozen=True, slots=True)
class Result:
    """One style: what was measured of each kind of frames, and some of them to look at."""

    material: Material
    learned: LearnedStyle
    seconds: float
    measured: dict[str, Measured]
    pictures: dict[str, list[Image]]


def frames(
    model: DiffusionModel, prompts: Sequence[str], seed: int, style: StyleEmbedding | None
) -> list[Image]:
    drawings = [Drawing(prompt=p, seed=seed + i, style=style) for i, p in enumerate(prompts)]
    return [image for image in draw(model, drawings, max_batch=8) if image is not None]


def try_style(model: DiffusionModel, material: Material, options: InversionOptions, ruler: Ruler) -> Result:
    begun = time.monotonic()
    # The name is all that a user says of it: his pictures say the rest.
    learned = learn_style(model, material.references, material.name, options)
    seconds = time.monotonic() - begun
    in_style = [caption(scene, TOKEN) for scene in material.scenes]
    worded = [in_words(model, scene, material.style) for scene in material.scenes]
    pictures = {
        "words": frames(model, worded, 1_000, None),
        "learned": frames(model, in_style, 1_000, learned.embedding),
        "drawings": material.drawings(),
    }
    measured = {kind: ruler.measure(material, images) for kind, images in pictures.items()}
    return Result(material, learned, seconds, measured, pictures)


def mean(results: Sequence[Result], kind: str, name: str) -> float:
    return float(np.mean([getattr(result.measured[kind], name) for result in results]))


def ratio(results: Sequence[Result], name: str) -> float:
    return mean(results, "learned", name) / mean(results, "words", name)


def known(value: float) -> float | None:
    """JSON has no word for what is not a number."""
    return round(value, 3) if math.isfinite(value) else None


def report(results: Sequence[Result]) -> None:
    names = [field.name for field in fields(Measured)]
    table = Table("style", "frames", *names, "best step", "s", title="means over a movie's frames")
    for result in results:
        scores = result.learned.scores
        for kind in KINDS:
            row = [f"{getattr(result.measured[kind], name):.3f}" for name in names]
            of_learning = [f"{scores.best_step}", f"{result.seconds:.0f}"] if kind == "learned" else ["", ""]
            label = result.material.name if kind == KINDS[0] else ""
            table.add_row(label, kind, *row, *of_learning, end_section=kind == KINDS[-1])
    for kind in KINDS:
        row = [f"{mean(results, kind, name):.3f}" for name in names]
        table.add_row("mean" if kind == KINDS[0] else "", kind, *row, "", "")
    console.print(table)


def sheet(results: Sequence[Result], file: Path) -> None:
    rows = []
    for result in results:
        references, pictures = result.material.reference_images()[:2], result.pictures
        rows.append((result.material.name, [*references, *pictures["words"][:4], *pictures["learned"][:4]]))
    write_sheet(file, [("references", 2), ("in words", 4), ("learned, the same frames", 4)], rows, 96)


def main() -> None:
    parser = argparse.ArgumentParser(description="What textual inversion does for a movie's style")
    parser.add_argument("--model", type=Path, default=STARTER / "model")
    parser.add_argument("--judge", type=Path, default=STARTER / "judge")
    parser.add_argument("--styles", type=int, default=10)
    parser.add_argument("--frames", type=int, default=40, help="frames of each movie, at least 4")
    parser.add_argument("--steps", type=int, default=InversionOptions().steps, help="of learning, at most")
    parser.add_argument("--vectors", type=int, default=InversionOptions().vectors)
    parser.add_argument("--sheet", type=Path, help="where to put a contact sheet (PNG)")
    asked = parser.parse_args()

    model = DiffusionModel.load(asked.model, to_learn=True)
    options = InversionOptions(steps=asked.steps, vectors=asked.vectors)
    chosen = materials(asked.styles, asked.frames)
    # All styles' references, also where few are learned: a frame must be told from any of them.
    ruler = Ruler(load_judge(asked.judge), materials(10, 0) if asked.styles < 10 else chosen)
    results = []
    for number, material in enumerate(chosen, start=1):
        with console.status(f"{number} of {len(chosen)}: {material.name}"):
            results.append(try_style(model, material, options, ruler))
    report(results)
    if asked.sheet:
        sheet(results, asked.sheet)
    drop = mean(results, "words", "alignment") - mean(results, "learned", "alignment")
    figures = {
        "distance_ratio": round(ratio(results, "distance"), 3),
        "spread_ratio": round(ratio(results, "spread"), 3),
        "alignment_drop_points": round(100 * drop, 1),
        "nearest_style": round(mean(results, "learned", "nearest"), 3),
        "places_elsewhere": known(mean(results, "learned", "places_elsewhere")),
        "places_elsewhere_in_words": known(mean(results, "words", "places_elsewhere")),
        "seconds_to_learn": round(float(np.median([result.seconds for result in results])), 1),
        "styles": len(results),
        "frames": asked.frames,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
