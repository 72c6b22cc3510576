"""How well the diffusion model draws what it is asked for: 500 descriptions that no training has seen.

    make bench-frames           (or: python -m tests.bench.frames --count 100 --sheet frames.png)

Every description has a combination that is held out of all training (`reelmill_world.is_held_out`): a place,
an hour and a weather, or a figure's kind, colour, garment and verb, that the model never saw together. They
are asked as canonical captions, in turn in the plain style and in each named style in which cloth keeps its
colour (`COLOUR_KEEPING`: in the others nobody can tell what colour a coat is), with the model's own steps and
guidance, eight at a time. Our judge, trained with other seeds and apart from the model, says what is on them.

A table compares the figures with what frames must reach and what they should; the last line is one JSON
object:

- `retrieval_at_1_of_16`: the share of frames that the judge finds nearer to their own caption than to 15
  others, which are captions of other descriptions of the 500, without words of style.
- `place`, `weather`, `time` and their mean `weather_time`, `figure_count`: shares of frames.
- `clothing_colour`, `verb`, `mood`, `kind`, `garment`, `hair`: shares of the figures that the descriptions
  name, each judged on the side where it should stand; `held` of those that should hold something.
- `object`: of the frames that should show one.
- `seconds_per_frame_batch8`: drawing alone, after a first batch that is not counted.
- `ceiling`: the same scores on real drawings of the same descriptions, which is what the judge can tell at
  best; where it is below 0.95, the judge may not judge that figure, and the table says so.
- `floor`: the scores of the frames against each other's descriptions, which is what chance gives.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from reelmill_diffusion import DiffusionModel, Drawing, draw
from reelmill_judge import FactJudge, load_judge
from reelmill_starter.judging.export import shuffled
from reelmill_starter.judging.pictures import COLOUR_KEEPING, held_out_examples
from reelmill_starter.judging.scoring import scores
from reelmill_starter.training.pictures import Example
from reelmill_starter.training.samples import sheet

STARTER = Path("services/render/starter")
BATCH = 8
CEILING = 0.95
# (must, aim)
GOALS = {
    "retrieval_at_1_of_16": (0.80, 0.95),
    "place": (0.93, 0.98),
    "weather_time": (0.85, 0.95),
    "figure_count": (0.88, 0.97),
    "clothing_colour": (0.60, 0.90),
    "verb": (0.50, 0.85),
}
SECONDS = (0.6, 0.2)
console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Frames (N, H, W, 3) and how long one took."""

    pixels: NDArray[np.uint8]
    seconds_per_frame: float


def draw_all(model: DiffusionModel, examples: Sequence[Example]) -> Drawn:
    """Asks for every example's canonical caption; frame n is drawn from the seed n."""
    drawings = [Drawing(prompt=one.canonical_caption(), seed=n) for n, one in enumerate(examples)]
    draw(model, drawings[:BATCH])
    pictures: list[NDArray[np.uint8]] = []
    start = time.perf_counter()
    for first in range(0, len(drawings), BATCH):
        pictures += [one for one in draw(model, drawings[first : first + BATCH]) if one is not None]
    return Drawn(np.stack(pictures), (time.perf_counter() - start) / len(drawings))


def report(
    found: dict[str, float], ceiling: dict[str, float], floor: dict[str, float], seconds: float
) -> None:
    table = Table("what", "frames", "must", "aim", "", "drawings", "chance")
    for name, value in found.items():
        must, aim = GOALS.get(name, (None, None))
        word = "" if must is None else verdict(value, must, aim)
        if ceiling[name] < CEILING:
            word += f" (the judge may not judge this: {ceiling[name]:.3f} on drawings)"
        table.add_row(
            name,
            f"{value:.3f}",
            _number(must),
            _number(aim),
            word,
            f"{ceiling[name]:.3f}",
            f"{floor[name]:.3f}",
        )
    word = verdict(-seconds, -SECONDS[0], -SECONDS[1])
    table.add_row("seconds_per_frame_batch8", f"{seconds:.3f}", *map(_number, SECONDS), word, "", "")
    console.print(table)


def verdict(value: float, must: float | None, aim: float | None) -> str:
    """A word for a figure of which more is better."""
    if aim is not None and value >= aim:
        return "as aimed for"
    return "enough" if must is not None and value >= must else "missed"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def _write_sheet(target: Path, examples: Sequence[Example], frames: NDArray[np.uint8]) -> None:
    """Rows of real drawings, each above the frames for the same descriptions."""
    rows: list[NDArray[np.uint8]] = []
    for first in range(0, min(len(examples), 64), BATCH):
        rows += [one.draw(frames.shape[1]).pixels for one in examples[first : first + BATCH]]
        rows += list(frames[first : first + BATCH])
    page: Image.Image = sheet(rows, BATCH)
    page.save(target)


def main() -> None:
    parser = argparse.ArgumentParser(description="How well the model draws what it is asked for")
    parser.add_argument("--count", type=int, default=500, help="descriptions")
    parser.add_argument("--model", type=Path, default=STARTER / "model", help="diffusers directory")
    parser.add_argument(
        "--judge", type=Path, default=STARTER / "judge", help="a judge that answers with facts"
    )
    parser.add_argument(
        "--dtype", default="auto", help="float32, bfloat16 (fast where a CPU computes in it) or auto"
    )
    parser.add_argument("--sheet", type=Path, help="PNG to write: drawings above frames")
    options = parser.parse_args()
    judge = load_judge(options.judge)
    if not isinstance(judge, FactJudge):
        parser.error(f"{options.judge}: this judge embeds pictures and answers no questions; use our own")
    if options.count < 16:
        parser.error("--count: retrieval needs at least 16 descriptions")
    model = DiffusionModel.load(options.model, dtype=options.dtype)
    examples = held_out_examples(options.count)
    scenes = [one.scene for one in examples]
    with console.status(f"drawing {options.count} frames"):
        drawn = draw_all(model, examples)
    if options.sheet:
        _write_sheet(options.sheet, examples, drawn.pixels)
    with console.status("judging"):
        found = scores(judge, drawn.pixels, scenes)
        floor = scores(judge, drawn.pixels, shuffled(scenes))
        ceiling = scores(judge, np.stack([one.draw(model.defaults.width).pixels for one in examples]), scenes)
    report(found, ceiling, floor, drawn.seconds_per_frame)
    defaults = model.defaults
    console.print(
        f"{options.count} descriptions held out of training, in the styles {', '.join(COLOUR_KEEPING)}; "
        f"{defaults.steps} steps, guidance {defaults.guidance_scale:g}, "
        f"torch threads {torch.get_num_threads()}; model {model.digest[:12]}, judge {judge.digest[:12]}"
    )
    figures = {
        **_rounded(found),
        "seconds_per_frame_batch8": round(drawn.seconds_per_frame, 4),
        "ceiling": _rounded(ceiling),
        "floor": _rounded(floor),
        "may_not_be_judged": [name for name, value in ceiling.items() if value < CEILING],
        "count": options.count,
        "model_digest": model.digest,
        "judge_digest": judge.digest,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
