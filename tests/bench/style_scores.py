"""What a judge makes of frames: are they in the style, do they agree, do they show what was asked for?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reelmill_diffusion import Image
from reelmill_judge import FactJudge, Judge, centroid
from tests.bench.style_material import Material

CHOICES = 16
"""A frame has to pick its own text out of so many."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one movie's frames in one style.

    `distance`: mean of 1 - cosine between a frame's style and the direction of the references' styles, 0..2.
    `spread`: the same between any two frames: how much the style wanders within the movie.
    `diversity`: the same between any two frames' contents.
    `alignment`: share of frames, 0..1, that are nearer to their own text than to 15 others of the movie.
    `nearest`: share of frames whose style is nearer to their own references than to those of any other style.
    `places_elsewhere`: share of frames at places no reference shows in which the judge sees their place; NaN
    where the judge tells no facts.
    """

    distance: float
    spread: float
    diversity: float
    alignment: float
    nearest: float
    places_elsewhere: float


class Ruler:
    """A judge, and the directions of all styles' references."""

    def __init__(self, judge: Judge, materials: Sequence[Material]) -> None:
        self._judge = judge
        self._names = [material.name for material in materials]
        self._centroids = np.stack(
            [centroid(judge.styles(np.stack(m.reference_images()))) for m in materials]
        )

    def distance(self, name: str, frames: Sequence[Image]) -> float:
        """As in `Measured`, and nothing else."""
        styles = self._judge.styles(np.stack(frames))
        return float(1 - (styles @ self._centroids[self._names.index(name)]).mean())

    def measure(self, material: Material, frames: Sequence[Image]) -> Measured:
        pixels, own = np.stack(frames), self._names.index(material.name)
        contents, styles = self._judge.images_and_styles(pixels)
        to_styles = styles @ self._centroids.T
        return Measured(
            distance=float(1 - to_styles[:, own].mean()),
            spread=_apart(styles),
            diversity=_apart(contents),
            alignment=_picked(contents @ self._judge.texts(material.contents()).T),
            nearest=float((to_styles.argmax(axis=1) == own).mean()),
            places_elsewhere=self._places(material, pixels),
        )

    def _places(self, material: Material, pixels: np.ndarray) -> float:
        if not isinstance(self._judge, FactJudge):
            return math.nan
        seen = self._judge.facts(pixels)["place"]
        right = [
            place == scene.place
            for place, scene, elsewhere in zip(seen, material.scenes, material.elsewhere, strict=True)
            if elsewhere
        ]
        return sum(right) / len(right)


def _apart(vectors: np.ndarray) -> float:
    """Mean of 1 - cosine over all pairs of rows of unit length."""
    rows, columns = np.triu_indices(len(vectors), k=1)
    return float(1 - (vectors @ vectors.T)[rows, columns].mean())


def _picked(likeness: np.ndarray) -> float:
    """How often a frame's own text, on the diagonal, is the nearest of 16 that chance takes from the columns.

    Counted over all choices at once: a frame with b better texts among the others is right where none of the
    b is drawn.
    """
    others = len(likeness) - 1
    drawn = min(CHOICES - 1, others)
    own = np.diag(likeness)[:, None]
    better = (likeness >= own).sum(axis=1) - 1
    chances = [math.comb(others - int(b), drawn) / math.comb(others, drawn) for b in better]
    return float(np.mean(chances))
