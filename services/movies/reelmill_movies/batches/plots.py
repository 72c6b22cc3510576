"""How alike two plots are: the share of their phrases that they have in common. Pure.

A plot is what the outline and the scenes' summaries say, without the characters' names: the same story with
other names is the same story. It is kept as a sketch, the smallest hashes of its phrases (bottom-k MinHash;
Cohen and Kaplan, "Summarizing data using bottom-k sketches"), so that a thousand plots fit into memory.
"""

import hashlib
import heapq
import re

from reelmill.v1 import script_pb2

PHRASE = 3
"""Words of a phrase: two are shared by all stories of one writer, four lose what was put in other words."""
SKETCH = 512
"""Up to so many phrases (about 20 scenes) likeness is exact; beyond, it is within 4 points 19 times of 20."""

Sketch = tuple[int, ...]


def sketch(script: script_pb2.Script) -> Sketch:
    """The smallest hashes of the plot's phrases, ascending; 64 bits each."""
    words = _words(script)
    count = max(1, len(words) - PHRASE + 1)
    phrases = {" ".join(words[start : start + PHRASE]) for start in range(count)}
    return tuple(heapq.nsmallest(SKETCH, map(_hash, phrases)))


def likeness(one: Sketch, other: Sketch) -> int:
    """The share of common phrases (Jaccard) in percent, 0 to 100."""
    mine, theirs = set(one), set(other)
    union = mine | theirs
    if max(len(mine), len(theirs)) >= SKETCH:  # beyond the smallest of both nothing is known of one of them
        union = set(heapq.nsmallest(SKETCH, union))
    return round(100 * len(union & mine & theirs) / len(union)) if union else 100


def _words(script: script_pb2.Script) -> list[str]:
    texts = [script.overview]
    for chapter in script.chapters:
        texts.append(chapter.summary)
        texts += (scene.summary for scene in chapter.scenes)
    text = "\n".join(texts).lower()
    names = sorted({one.name.lower() for one in script.characters if one.name}, key=len, reverse=True)
    for name in names:
        text = re.sub(rf"\b{re.escape(name)}\b", "somebody", text)
    return re.findall(r"\w+(?:['’]\w+)*", text)


def _hash(phrase: str) -> int:
    return int.from_bytes(hashlib.blake2b(phrase.encode(), digest_size=8).digest(), "big")
