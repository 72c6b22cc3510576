"""Margins and ranks: how much nearer something is to its own than to any other. NumPy alone.

A bare cosine says little: it differs from judge to judge and from subject to subject, and a picture of
nothing may have a high one with everything. What counts is whether its own is the nearest, and by how much.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Score:
    """`margin`: the cosine with its own less the greatest with any other, -2..2. `rank` of its own, from 1.

    Rank 1 and a margin above 0 are the same thing: what is only as near as another is not the nearest.
    """

    margin: float
    rank: int


def style_score(embedding: Vectors, own_centroid: Vectors, bank_centroids: Vectors) -> Score:
    """Is a picture's style embedding `[S]` nearest to its style's centroid `[S]` or to another's `[B, S]`?

    Lengths do not matter. Raises ValueError where shapes do not fit, there is no other, or a vector is zero.
    """
    return _score(embedding, own_centroid, bank_centroids)


def text_score(image: Vectors, own_text: Vectors, distractor_texts: Vectors) -> Score:
    """Is a picture's embedding `[D]` nearest to its own text `[D]` or to one of the others `[T, D]`?

    Lengths do not matter. Raises ValueError where shapes do not fit, there is no other, or a vector is zero.
    """
    return _score(image, own_text, distractor_texts)


def centroid(embeddings: Vectors) -> Vectors:
    """The direction `[D]`, of unit length, in which `[N, D]` lie on average; each counts the same.

    Raises ValueError where there is none or they cancel each other out.
    """
    if embeddings.ndim != 2 or not len(embeddings):
        raise ValueError(f"embeddings: a table with rows is needed, not the shape {embeddings.shape}")
    return _unit(_unit(embeddings, "embeddings").mean(axis=0), "the mean of the embeddings")


def distinct(own: Vectors, others: Vectors, nearer_than: float = 0.9) -> Vectors:
    """Those of `others` `[B, D]` that are not `own` `[D]` again: whose cosine with it is below `nearer_than`.

    A bank may hold the very style that a movie has; nothing can be nearer to one than to the other then.
    """
    kept: Vectors = others[_unit(others, "others") @ _unit(own, "own") < nearer_than]
    return kept


def _score(vector: Vectors, own: Vectors, others: Vectors) -> Score:
    if vector.ndim != 1 or own.shape != vector.shape:
        raise ValueError(f"one vector has the shape {vector.shape}, its own {own.shape}")
    if others.ndim != 2 or others.shape[1:] != vector.shape:
        raise ValueError(f"others: the shape {others.shape} does not fit vectors of the shape {vector.shape}")
    if not len(others):
        raise ValueError("others: there is nothing to compare with")
    unit = _unit(vector, "vector")
    mine = float(unit @ _unit(own, "own"))
    theirs = _unit(others, "others") @ unit
    return Score(margin=mine - float(theirs.max()), rank=1 + int((theirs >= mine).sum()))


def _unit(vectors: Vectors, name: str = "vector") -> Vectors:
    wide = np.asarray(vectors, np.float64)
    length = np.linalg.norm(wide, axis=-1, keepdims=True)
    if not np.isfinite(length).all() or not (length > 0).all():
        raise ValueError(f"{name}: zero or not finite, so it has no direction")
    unit: Vectors = wide / length
    return unit
