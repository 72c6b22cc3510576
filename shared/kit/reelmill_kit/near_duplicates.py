"""Texts that say nearly the same: shared pairs of neighbouring words. Pure: no I/O.

Broder, "On the resemblance and containment of documents" (1997): the Jaccard index of two texts' shingles.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterable

NEARLY_THE_SAME = 0.8
"""From this share of common pairs on, two frames' descriptions differ in a word or two."""


class Texts:
    """Texts that others are compared with, found by the pairs of words they share."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts: list[str] = []
        self._pairs: list[frozenset[str]] = []
        self._having: dict[str, list[int]] = {}
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        pairs = word_pairs(text)
        for pair in pairs:
            self._having.setdefault(pair, []).append(len(self._texts))
        self._texts.append(text)
        self._pairs.append(pairs)

    def most_like(self, text: str) -> tuple[float, str]:
        """How like the text the nearest one is, 0 to 1, and that one; 0 and "" where none shares a pair."""
        pairs = word_pairs(text)
        common = Counter(index for pair in pairs for index in self._having.get(pair, ()))
        likeness, nearest = 0.0, -1
        for index, shared in common.items():
            jaccard = shared / (len(pairs) + len(self._pairs[index]) - shared)
            if jaccard > likeness:
                likeness, nearest = jaccard, index
        return likeness, self._texts[nearest] if nearest >= 0 else ""


def word_pairs(text: str) -> frozenset[str]:
    """Each two neighbouring words, in lower case; the word itself where it is alone."""
    words = re.findall(r"\w+", text.lower())
    return frozenset(" ".join(pair) for pair in itertools.pairwise(words)) or frozenset(words)
