"""Which kinds of scenes a chapter is made of."""

import random
from collections import Counter
from typing import Any

from .texts import load

_OWN = "own"  # one of the scenes that belong to the premise alone

# What a chapter of each kind needs, the most needed first, each with its alternatives; the rest is filled up
# from the extras.
_CORE: dict[str, tuple[tuple[str, ...], ...]] = {
    "whole": (
        ("reveal",),
        ("find",),
        ("confront", _OWN),
        ("farewell", "give"),
        ("show", "warn"),
        ("decide",),
        ("loss",),
        (_OWN,),
        ("discover",),
        ("push",),
    ),
    "setup": (("find",), ("decide",), ("warn", "show"), ("warn", "show", "ordinary"), ("ordinary", "warn")),
    "search": (
        ("discover",),
        ("ask", _OWN, "trace"),
        ("journey", _OWN, "memory"),
        ("trace", "ask", "search"),
    ),
    "crisis": (("loss",), ("discover", _OWN), ("push", "dark"), ("discover", _OWN), ("push", "ask")),
    "ending": (("reveal",), ("loss",), ("farewell", "give"), ("confront", _OWN), ("push",), ("gather",)),
    "final": (("reveal",), ("confront", "gather"), ("farewell", "give"), ("confront", "gather"), ("give",)),
}
_EXTRAS = (
    ("trace",),
    ("ask",),
    ("search",),
    ("memory",),
    ("quarrel", "reconcile"),
    ("rest",),
    ("wait",),
    ("follow",),
    ("trade",),
    ("nearmiss",),
    ("kindness",),
    ("mishap",),
    ("quarrel", "alone", "reconcile"),
)


def chapter_kinds(chapters: int) -> list[str]:
    """The kind of each chapter: what begins, what searches, what goes wrong, what ends."""
    if chapters == 1:
        return ["whole"]
    if chapters == 2:
        return ["setup", "ending"]
    return ["setup", *["search"] * (chapters - 3), "crisis", "final"]


class Structure:
    """Chooses scenes for chapter after chapter; what the movie has used least comes first."""

    def __init__(self, premise: str, witnesses: int, rng: random.Random) -> None:
        scenes: dict[str, dict[str, Any]] = load("scenes")
        self._rng = rng
        self._possible = {
            name: entry["order"]
            for name, entry in scenes.items()
            if entry.get("premise", premise) == premise and (witnesses or "W" not in entry["cast"])
        }
        self._own = tuple(name for name in self._possible if "premise" in scenes[name])
        self._used: Counter[str] = Counter()

    def scenes(self, kind: str, count: int) -> list[str]:
        """The kinds of the scenes of one chapter, in order."""
        chosen = self._core(kind, count)
        extras: list[tuple[str, ...]] = []
        while (room := count - len(chosen) - sum(map(len, extras))) > 0:
            taken = {*chosen, *(name for unit in extras for name in unit)}
            unit = self._extra(taken, room)
            extras.append(unit)
            self._used.update(unit)
        self._used.update(chosen)
        chosen.sort(key=self._possible.__getitem__)
        at = _extras_position(chosen, kind)
        return [*chosen[:at], *(name for unit in extras for name in unit), *chosen[at:]]

    def _core(self, kind: str, count: int) -> list[str]:
        chosen: list[str] = []
        for need in _CORE[kind][:count]:
            names = [name for choice in need for name in (self._own if choice == _OWN else (choice,))]
            if free := [name for name in names if name in self._possible and name not in chosen]:
                chosen.append(self._least(free))
        return chosen

    def _extra(self, taken: set[str], room: int) -> tuple[str, ...]:
        units = [*_EXTRAS, *((name,) for name in self._own)]
        units = [unit for unit in units if all(name in self._possible for name in unit)]
        fitting = [unit for unit in units if len(unit) <= room and not taken & set(unit)]
        # Sixteen scenes without witnesses are more than there are kinds: then some come again.
        fitting = fitting or [unit for unit in units if len(unit) == 1]
        shuffled = self._rng.sample(fitting, len(fitting))
        return min(shuffled, key=lambda unit: max(self._used[name] for name in unit))

    def _least(self, names: list[str]) -> str:
        return min(self._rng.sample(names, len(names)), key=lambda name: self._used[name])


def _extras_position(chosen: list[str], kind: str) -> int:
    """A setup goes on into the search; elsewhere the search leads up to what is found, lost or told."""
    if kind == "setup":
        return len(chosen)
    turning = ("discover", "loss", "gather", "confront", "reveal")
    return next((i for i, name in enumerate(chosen) if name in turning), len(chosen))
