"""What the cast looks like: nobody can be taken for somebody else, in any frame of the movie."""

import random
from collections.abc import Mapping, Sequence

from reelmill_world import BUILDS, COLOURS, GARMENTS, HAIR, Appearance

from .theme import Reading

# Colours that a light or a style can make alike: of the leads, no two wear colours of one family.
_FAMILIES = (
    ("red", "orange", "pink", "brown"),
    ("yellow", "white"),
    ("green",),
    ("blue", "purple"),
    ("black",),
)
_LEADS = ("A", "B", "C")


def appearances(kinds: Mapping[str, str], reading: Reading, rng: random.Random) -> dict[str, Appearance]:
    """An appearance for each of the cast, by key; `kinds` by key too, the leads A, B and C first.

    No two wear one colour. The leads also differ in hair, garment and build, and wear colours that are far
    apart, so that they are told apart where a style takes one of these away. What the theme says of A holds.
    """
    colours = _colours(list(kinds), reading.colour, rng)
    builds = dict(zip(_LEADS, rng.sample(BUILDS, len(BUILDS)), strict=True))
    leads: list[Appearance] = []
    hair_of_kind: dict[str, list[str]] = {}
    found: dict[str, Appearance] = {}
    for key, kind in kinds.items():
        worn = [lead.garment for lead in leads] if key in _LEADS else []
        shades = [lead.hair for lead in leads] if key in _LEADS else hair_of_kind.get(kind, [])
        found[key] = Appearance(
            kind=kind,
            colour=colours[key],
            garment=reading.garment
            if key == "A" and reading.garment in _garments(kind)
            else rng.choice(
                _other_than(worn, [g for g in _garments(kind) if not (_young(kind) and g == "suit")])
            ),
            hair="grey"
            if key == "A" and reading.old and not _young(kind)
            else rng.choice(_other_than(shades, [h for h in HAIR if not (_young(kind) and h == "grey")])),
            build=builds.get(key) or rng.choice(BUILDS),
        )
        hair_of_kind.setdefault(kind, []).append(found[key].hair)
        if key in _LEADS:
            leads.append(found[key])
    return found


def _colours(keys: Sequence[str], of_a: str, rng: random.Random) -> dict[str, str]:
    """A colour for each, no two the same; those of the leads are of different families."""
    families = rng.sample(_FAMILIES, len(_FAMILIES))
    if of_a:  # the first family is A's
        families.sort(key=lambda family: of_a not in family)
    colours = {key: rng.choice(family) for key, family in zip(_LEADS, families, strict=False)}
    if of_a:
        colours["A"] = of_a
    left = [colour for colour in rng.sample(COLOURS, len(COLOURS)) if colour not in colours.values()]
    return colours | {key: left.pop() for key in keys if key not in colours}


def _garments(kind: str) -> list[str]:
    return [garment for garment in GARMENTS if garment != "dress" or kind in ("woman", "girl")]


def _young(kind: str) -> bool:
    return kind in ("girl", "boy")


def _other_than(taken: Sequence[str], choices: Sequence[str]) -> Sequence[str]:
    return [choice for choice in choices if choice not in taken] or choices
