"""Which kinds of scenes a chapter is made of."""

import random
from collections import Counter
from typing import Any

from .texts import load

# What a chapter of each kind needs, the most needed first; the rest is filled up from the extras.
_CORE = {
    "whole": (
        "reveal",
        "find",
        "confront",
        "show",
        "farewell",
        "decide",
        "loss",
        "discover",
        "ordinary",
        "push",
    ),
    "setup": ("find", "decide", "warn", "show", "ordinary"),
    "search": ("discover", "ask", "journey", "trace"),
    "crisis": ("loss", "discover", "push", "ask", "dark"),
    "ending": ("reveal", "loss", "farewell", "confront", "push", "give", "gather"),
    "final": ("reveal", "confront", "farewell", "gather", "give"),
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
_WITNESSED = ("ask", "trade", "kindness", "gather")


def chapter_kinds(chapters: int) -> list[str]:
    """The kind of each chapter: what begins, what searches, what goes wrong, what ends."""
    if chapters == 1:
        return ["whole"]
    if chapters == 2:
        return ["setup", "ending"]
    return ["setup", *["search"] * (chapters - 3), "crisis", "final"]


def scene_kinds(kind: str, scenes: int, witnesses: int, used: Counter[str], rng: random.Random) -> list[str]:
    """The scenes of one chapter in order; what the movie has used least comes in first."""

    def possible(name: str) -> bool:
        return witnesses > 0 or name not in _WITNESSED

    chosen = [name for name in _CORE[kind] if possible(name)][:scenes]
    extras: list[tuple[str, ...]] = []
    while (room := scenes - len(chosen) - sum(map(len, extras))) > 0:
        taken = {*chosen, *(name for unit in extras for name in unit)}
        fitting = [
            unit
            for unit in rng.sample(_EXTRAS, len(_EXTRAS))
            if len(unit) <= room and all(possible(name) for name in unit) and not taken & set(unit)
        ]
        # Sixteen scenes without witnesses are more than there are kinds: then some come again.
        unit = min(
            fitting or [unit for unit in _EXTRAS if len(unit) == 1 and possible(unit[0])],
            key=lambda unit: max(used[name] for name in unit) + sum(name in taken for name in unit),
        )
        extras.append(unit)
        used.update(unit)
    used.update(chosen)
    order = _order()
    chosen.sort(key=order.__getitem__)
    at = _extras_position(chosen, kind)
    return [*chosen[:at], *(name for unit in extras for name in unit), *chosen[at:]]


def _extras_position(chosen: list[str], kind: str) -> int:
    """A setup goes on into the search; elsewhere the search leads up to what is found, lost or told."""
    if kind == "setup":
        return len(chosen)
    turning = ("discover", "loss", "gather", "confront", "reveal")
    return next((i for i, name in enumerate(chosen) if name in turning), len(chosen))


def _order() -> dict[str, int]:
    scenes: dict[str, dict[str, Any]] = load("scenes")
    return {name: entry["order"] for name, entry in scenes.items()}
