"""How often a judge reads from pictures what they were to show."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reelmill_judge import FactJudge, text_score
from reelmill_starter.judging.facts import FIGURES, NONE, facts
from reelmill_world import SceneDescription, caption

DISTRACTORS: Final = 15
SCORES: Final = (
    "retrieval_at_1_of_16", "place", "weather_time", "weather", "time", "figure_count",
    "clothing_colour", "verb", "mood", "object", "kind", "garment", "hair", "held", "shot",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answers:
    """What was seen in one picture and what was to be seen."""

    seen: dict[str, str]
    right: dict[str, str]

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """(right, seen) for a question: one, or one for each figure that the words name."""
        if name in self.right:
            return [(self.right[name], self.seen[name])]
        keys = [f"{name} {number}" for number in FIGURES if self.right[f"{name} {number}"] != NONE]
        return [(self.right[key], self.seen[key]) for key in keys]


def answers(judge: FactJudge, pixels: NDArray[np.uint8], scenes: Sequence[SceneDescription]) -> list[Answers]:
    """What `judge` sees in `pixels` (N, H, W, 3), beside what N scenes say."""
    seen = judge.facts(pixels)
    columns = [{question: column[n] for question, column in seen.items()} for n in range(len(scenes))]
    return [Answers(found, facts(scene)) for found, scene in zip(columns, scenes, strict=True)]


def scores(
    judge: FactJudge, pixels: NDArray[np.uint8], scenes: Sequence[SceneDescription]
) -> dict[str, float]:
    """Shares in 0..1, by the names in `SCORES`.

    Facts of figures are counted for every figure that the words name, on the side where they put it; "object"
    where they name one, "held" where somebody holds something. "weather_time" is the mean of the two.
    "retrieval_at_1_of_16": how often a picture's embedding is nearer to its caption's than to those of
    `DISTRACTORS` others, drawn from the captions of the other scenes given.
    """
    table = answers(judge, pixels, scenes)
    named = {"figure_count": "figures", "clothing_colour": "colour"}
    found = {name: _share(table, named.get(name, name)) for name in SCORES[3:]}
    found["place"] = _share(table, "place")
    found["weather_time"] = (found["weather"] + found["time"]) / 2
    found["retrieval_at_1_of_16"] = retrieval(judge, pixels, scenes)
    return {name: found[name] for name in SCORES}


def _share(table: Sequence[Answers], name: str) -> float:
    pairs = [pair for one in table for pair in one.pairs(name)]
    if name in ("object", "held"):
        pairs = [pair for pair in pairs if pair[0] != NONE]
    return sum(right == seen for right, seen in pairs) / max(1, len(pairs))


def retrieval(
    judge: FactJudge, pixels: NDArray[np.uint8], scenes: Sequence[SceneDescription], seed: int = 0
) -> float:
    """The share of pictures that are nearest to their own caption; see `scores`."""
    images, texts = judge.images(pixels), judge.texts([caption(scene) for scene in scenes])
    rng = random.Random(seed)
    first = 0
    for number in range(len(scenes)):
        others = rng.sample([n for n in range(len(scenes)) if n != number], DISTRACTORS)
        first += text_score(images[number], texts[number], texts[others]).rank == 1
    return first / len(scenes)


def confusions(table: Sequence[Answers], name: str, most: int = 8) -> list[tuple[str, str, int]]:
    """The most frequent wrong answers to a question: (right, seen, how often)."""
    wrong = Counter(pair for one in table for pair in one.pairs(name) if pair[0] != pair[1])
    return [(right, seen, count) for (right, seen), count in wrong.most_common(most)]
