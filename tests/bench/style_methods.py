"""Ways to fix a style, side by side on the same pictures and the same prompts.

    make bench-style-methods    (or: python -m tests.bench.style_methods --styles 1 --frames 8)

The styles, references, frames and seeds of `tests.bench.style`. Methods:

- words: the style in as many adjectives as the prompt has room for.
- inversion, 1 vector and k vectors: what the style service does.
- LoRA: DreamBooth's way, in the attention layers, as is usual, and in the convolutions too; trained for as
  many seconds as the inversion with k vectors took.
- StyleAligned: one reference in every batch, shared self-attention, nothing trained.

Columns, means over the styles: distance, spread, nearest, alignment, diversity as in `style_scores`; seconds
of training; bytes to keep for a style; seconds that a frame takes longer than with words. The last line is
one JSON object with the same table.
"""

import argparse
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as PilImage
from rich.console import Console
from rich.table import Table

from reelmill_diffusion import TOKEN, DiffusionModel, Image
from reelmill_diffusion.inversion import InversionOptions, learn_style
from reelmill_judge import load_judge
from reelmill_world import caption, style_words
from tests.bench.style import STARTER, frames
from tests.bench.style_aligned import draw_aligned
from tests.bench.style_lora import ATTENTION, EVERYTHING, WORD, remove_lora, train_lora
from tests.bench.style_material import Material, in_words, materials
from tests.bench.style_scores import Measured, Ruler
from tests.bench.style_sheet import write_sheet

SEED = 1_000
SHOWN = 2
console = Console(highlight=False, width=124)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One method on one style."""

    images: list[Image]
    training: float
    kept: int
    drawing: float


def timed(work: Callable[[], list[Image]]) -> tuple[list[Image], float]:
    begun = time.monotonic()
    images = work()
    return images, time.monotonic() - begun


class Methods:
    """All of them, on one style; in this order, because LoRAs get the time that inversion took."""

    def __init__(
        self, model: DiffusionModel, material: Material, options: InversionOptions, prior: int
    ) -> None:
        self._model, self._material, self._options, self._prior = model, material, options, prior

    def run(self) -> dict[str, Outcome]:
        vectors = self._options.vectors
        outcomes = {"words": self._words(), "inversion, 1 vector": self._inversion(1)}
        outcomes[f"inversion, {vectors} vectors"] = chosen = self._inversion(vectors)
        outcomes["LoRA, attention"] = self._lora(chosen.training, ATTENTION)
        outcomes["LoRA, everything"] = self._lora(chosen.training, EVERYTHING)
        outcomes["StyleAligned"] = self._aligned()
        return outcomes

    def _worded(self) -> list[str]:
        return [in_words(self._model, scene, self._material.style) for scene in self._material.scenes]

    def _called(self, name: str) -> list[str]:
        return [caption(scene, name) for scene in self._material.scenes]

    def _words(self) -> Outcome:
        images, drawing = timed(lambda: frames(self._model, self._worded(), SEED, None))
        words = style_words(self._material.style, len(self._material.style.values()))
        return Outcome(images, 0.0, len(words.encode()), drawing)

    def _inversion(self, vectors: int) -> Outcome:
        material = self._material
        options = InversionOptions(steps=self._options.steps, vectors=vectors)
        begun = time.monotonic()
        learned = learn_style(self._model, material.references, material.name, options).embedding
        training = time.monotonic() - begun
        images, drawing = timed(lambda: frames(self._model, self._called(TOKEN), SEED, learned))
        return Outcome(images, training, len(learned.to_bytes()), drawing)

    def _lora(self, seconds: float, targets: Sequence[str]) -> Outcome:
        lora = train_lora(
            self._model, self._material.references, seconds=seconds, targets=targets, prior=self._prior
        )
        try:
            images, drawing = timed(lambda: frames(self._model, self._called(WORD), SEED, None))
        finally:
            remove_lora(self._model)
        return Outcome(images, lora.seconds, lora.bytes, drawing)

    def _aligned(self) -> Outcome:
        first, worded = self._material.references[0], self._worded()
        words = style_words(self._material.style)
        prompt = first.prompt.replace(TOKEN, words)
        images, drawing = timed(lambda: draw_aligned(self._model, first.image, prompt, worded, SEED))
        file = io.BytesIO()
        PilImage.fromarray(first.image).save(file, "PNG")
        return Outcome(images, 0.0, len(file.getvalue()), drawing)


def summary(
    outcomes: Sequence[Outcome], measured: Sequence[Measured], plain: Sequence[Outcome]
) -> dict[str, float]:
    """The means of one method over the styles."""
    count = len(outcomes[0].images)
    names = ("distance", "spread", "nearest", "alignment", "diversity")
    figures = {name: float(np.mean([getattr(one, name) for one in measured])) for name in names}
    added = np.median([(o.drawing - p.drawing) / count for o, p in zip(outcomes, plain, strict=True)])
    figures["training_seconds"] = float(np.mean([outcome.training for outcome in outcomes]))
    figures["bytes_kept"] = round(float(np.mean([outcome.kept for outcome in outcomes])))
    figures["added_seconds_a_frame"] = float(added)
    return {name: round(value, 4) for name, value in figures.items()}


def report(table: dict[str, dict[str, float]]) -> None:
    columns = next(iter(table.values()))
    shown = Table("method", *(name.replace("_", " ") for name in columns))
    for method, figures in table.items():
        shown.add_row(method, *(f"{v:,.0f}" if n == "bytes_kept" else f"{v:.3f}" for n, v in figures.items()))
    console.print(shown)


def main() -> None:
    parser = argparse.ArgumentParser(description="Ways to fix a movie's style, side by side")
    parser.add_argument("--model", type=Path, default=STARTER / "model")
    parser.add_argument("--judge", type=Path, default=STARTER / "judge")
    parser.add_argument("--styles", type=int, default=4)
    parser.add_argument("--frames", type=int, default=24, help="frames a style, at least 4")
    parser.add_argument("--steps", type=int, default=InversionOptions().steps, help="of inversion, at most")
    parser.add_argument("--prior", type=int, default=0, help="pictures for the LoRAs' prior preservation")
    parser.add_argument("--sheet", type=Path, help="where to put a contact sheet (PNG)")
    asked = parser.parse_args()

    model = DiffusionModel.load(asked.model, to_learn=True)
    chosen = materials(asked.styles, asked.frames)
    ruler = Ruler(load_judge(asked.judge), materials(10, 0) if asked.styles < 10 else chosen)
    options = InversionOptions(steps=asked.steps)
    found: dict[str, list[Outcome]] = {}
    for number, material in enumerate(chosen, start=1):
        with console.status(f"{number} of {len(chosen)}: {material.name}"):
            for method, outcome in Methods(model, material, options, asked.prior).run().items():
                found.setdefault(method, []).append(outcome)
    table = {}
    for method, outcomes in found.items():
        measured = [ruler.measure(m, o.images) for m, o in zip(chosen, outcomes, strict=True)]
        table[method] = summary(outcomes, measured, found["words"])
    report(table)
    if asked.sheet:
        rows = [
            (
                material.name,
                [
                    *material.reference_images()[:SHOWN],
                    *(i for o in found.values() for i in o[n].images[:SHOWN]),
                ],
            )
            for n, material in enumerate(chosen)
        ]
        write_sheet(asked.sheet, [(name, SHOWN) for name in ("references", *found)], rows, 96)
    print(json.dumps({"styles": len(chosen), "frames": asked.frames, "methods": table}), flush=True)


if __name__ == "__main__":
    main()
