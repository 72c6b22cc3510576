"""What a simulated judge says, whose taste is known, so that what a benchmark finds can be checked."""

import hashlib
import json
import random
import re
from collections.abc import Callable

QUALITY = re.compile(r"quality (-?\d+(?:\.\d+)?)")


def judge(*, first: float = 0.7, sharpness: float = 0.0, seed: int = 0) -> Callable[[str, str], object]:
    """Prefers what it reads first with probability `first`, and `sharpness` more where that says of itself
    that its quality is higher. The same question in the same order gets the same word."""

    def write(system: str, user: str) -> object:
        data = json.loads(user)
        dice = random.Random(hashlib.sha256(f"{seed}\n{user}".encode()).hexdigest())
        better = _quality(data["first"]) - _quality(data["second"])
        chance = first + sharpness * ((better > 0) - (better < 0))
        winner = "first" if dice.random() < chance else "second"
        scores = {"first": (4, 3), "second": (3, 4)}[winner]
        return {"first_score": scores[0], "second_score": scores[1], "winner": winner}

    return write


def _quality(text: str) -> float:
    found = QUALITY.search(text)
    return float(found[1]) if found else 0.0
