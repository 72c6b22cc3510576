"""Makes the bank that is shipped beside the judge: other styles and other captions to compare with."""

import json
import random
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from reelmill_judge.bank import LIST, SHEET
from reelmill_judge.network import SIDE
from reelmill_starter.drawing import draw
from reelmill_starter.judging.pictures import named_style
from reelmill_starter.training.pictures import PLAIN
from reelmill_world import (
    NAMED_STYLES,
    Appearance,
    Figure,
    SceneDescription,
    StyleVector,
    caption,
    is_held_out,
    random_scene,
    random_style,
)

STYLES: Final = 48
TEXTS: Final = 64
_CANDIDATES: Final = 400

# The same in every style: indoors and out, by day and night, one figure, two and none.
SCENES: Final = (
    SceneDescription.of("kitchen", figures=[Figure(Appearance("woman", "red", "dress"))]),
    SceneDescription.of("forest", time="morning", shot="wide", objects=["bicycle"]),
    SceneDescription.of(
        "street",
        time="night",
        figures=[
            Figure(Appearance("man", "blue", "coat", hair="grey"), verb="talk", side="left"),
            Figure(Appearance("girl", "yellow", "sweater", hair="black"), verb="walk", side="right"),
        ],
    ),
    SceneDescription.of(
        "beach", time="evening", shot="close", figures=[Figure(Appearance("boy", "green", "shirt"))]
    ),
)


def make_bank(target: Path, seed: int) -> None:
    """Writes the bank's two files to the folder `target`; see `reelmill_judge.bank`."""
    styles = bank_styles(seed)
    rows = [
        np.concatenate(
            [draw(scene, style, seed=seed + n, size=SIDE).pixels for n, scene in enumerate(SCENES)], 1
        )
        for style in styles.values()
    ]
    target.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(target / SHEET, quality=90, method=6)
    listed = {"tile": SIDE, "scenes": len(SCENES), "styles": list(styles), "texts": bank_texts(seed)}
    (target / LIST).write_text(json.dumps(listed, indent=1) + "\n", "utf-8")


def bank_styles(seed: int) -> dict[str, StyleVector]:
    """`STYLES` styles by name: plain, the named ones, and of many random ones those farthest from these."""
    rng = random.Random(f"bank/{seed}/styles")
    chosen = {name: named_style(name) for name in (PLAIN, *NAMED_STYLES)}
    candidates = [random_style(rng) for _ in range(_CANDIDATES)]
    while len(chosen) < STYLES:
        farthest = max(candidates, key=lambda one: min(one.distance(other) for other in chosen.values()))
        chosen[f"random {len(chosen)}"] = farthest
    return chosen


def bank_texts(seed: int) -> list[str]:
    """`TEXTS` canonical captions without a style."""
    rng = random.Random(f"bank/{seed}/texts")
    texts: list[str] = []
    while len(texts) < TEXTS:
        scene = random_scene(rng)
        if not is_held_out(scene):
            texts.append(caption(scene))
    return texts
