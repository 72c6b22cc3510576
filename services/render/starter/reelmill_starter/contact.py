"""A sheet of random frames that the model draws, so that everybody sees what it does on an ordinary day."""

from pathlib import Path
from typing import Final

from reelmill_diffusion import DiffusionModel, Drawing, draw
from reelmill_starter.training.pictures import Example, example
from reelmill_starter.training.samples import sheet

_ROWS: Final = 8
# Numbers of examples that neither training nor validation draws.
_FIRST: Final = 2_000_000_000


def draw_contact_sheet(model: Path, target: Path, *, seed: int) -> str:
    """Writes `target`, 8 x 8 frames, and its captions to a text file beside it; returns a line about it.

    The descriptions are the first 64 random ones of `seed` whose style has a name; nothing is left out for
    how it came out. Frame n is drawn with the seed n, at the model's own steps and guidance.
    """
    examples = _named(seed, _ROWS * _ROWS)
    prompts = [one.canonical_caption() for one in examples]
    drawings = [Drawing(prompt=prompt, seed=n) for n, prompt in enumerate(prompts)]
    images = draw(DiffusionModel.load(model), drawings, max_batch=8)
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet([image for image in images if image is not None], _ROWS).save(target)
    captions = target.with_suffix(".txt")
    rows = [f"{n // _ROWS + 1}.{n % _ROWS + 1}  {prompt}" for n, prompt in enumerate(prompts)]
    captions.write_text("row.column  caption\n" + "\n".join(rows) + "\n", "utf-8")
    return f"{target}: {len(prompts)} frames, {model}; captions in {captions}"


def _named(seed: int, count: int) -> list[Example]:
    found: list[Example] = []
    number = _FIRST
    while len(found) < count:
        one = example(seed, number)
        if one.style_name is not None:
            found.append(one)
        number += 1
    return found
