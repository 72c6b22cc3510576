"""Combinations of switches in which every few of them meet in every way (a covering array)."""

import itertools
import random
from collections.abc import Sequence

_TRIES = 20


def covering(sizes: Sequence[int], strength: int) -> list[tuple[int, ...]]:
    """Rows with a position for each switch, `sizes[i]` being how many the switch i has.

    Whatever `strength` switches one takes, each combination of their positions is in some row. Greedy: of
    some random rows with what is still missing, the one that adds most; always the same.
    """
    chosen = random.Random(0)
    groups = list(itertools.combinations(range(len(sizes)), strength))
    missing = dict.fromkeys(
        (group, values)
        for group in groups
        for values in itertools.product(*(range(sizes[switch]) for switch in group))
    )
    rows: list[tuple[int, ...]] = []
    while missing:
        wanted = dict(zip(*next(iter(missing)), strict=True))
        tried = [
            tuple(wanted.get(switch, chosen.randrange(size)) for switch, size in enumerate(sizes))
            for _ in range(_TRIES)
        ]
        found = [[(group, tuple(row[switch] for switch in group)) for group in groups] for row in tried]
        best = max(range(_TRIES), key=lambda i: sum(one in missing for one in found[i]))
        for one in found[best]:
            missing.pop(one, None)
        rows.append(tried[best])
    return rows
