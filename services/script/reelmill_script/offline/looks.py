"""What the cast looks like: nobody can be taken for somebody else, in any frame of the movie."""

import random
from collections.abc import Mapping, Sequence

from reelmill_world import BUILDS, COLOURS, GARMENTS, HAIR, Appearance

from .theme import Reading

# What a light or a style can make alike: no two leads wear two such colours.
_ALIKE = (
    {"red", "orange", "brown"},
    {"red", "pink", "purple"},
    {"orange", "yellow", "white"},
    {"pink", "white"},
    {"purple", "blue"},
    {"brown", "purple", "blue", "black"},
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
            if key == "A" and reading.garment in _all_garments(kind)
            else rng.choice(_other_than(worn, garments(kind))),
            hair="grey"
            if key == "A" and reading.old and not _young(kind)
            else rng.choice(_other_than(shades, [h for h in HAIR if not (_young(kind) and h == "grey")])),
            build=builds.get(key) or rng.choice(BUILDS),
        )
        hair_of_kind.setdefault(kind, []).append(found[key].hair)
        if key in _LEADS:
            leads.append(found[key])
    return found


def alike(one: str, other: str) -> bool:
    """Whether two colours can be taken for each other in some light or style."""
    return one == other or any({one, other} <= group for group in _ALIKE)


def _colours(keys: Sequence[str], of_a: str, rng: random.Random) -> dict[str, str]:
    """A colour for each, no two the same; those of the leads are far apart."""
    shuffled = rng.sample(COLOURS, len(COLOURS))
    if of_a:
        shuffled.sort(key=lambda colour: colour != of_a)
    worn: list[str] = []
    for _ in _LEADS:  # whatever two wear, there is one that is like neither
        worn.append(next(c for c in shuffled if not any(alike(c, other) for other in worn)))
    left = [colour for colour in shuffled if colour not in worn]
    return dict(zip(keys, [*worn, *left], strict=False))


def garments(kind: str) -> list[str]:
    """What somebody of this kind wears unless a theme says otherwise: children have no suits."""
    return [garment for garment in _all_garments(kind) if not (_young(kind) and garment == "suit")]


def _all_garments(kind: str) -> list[str]:
    return [garment for garment in GARMENTS if garment != "dress" or kind in ("woman", "girl")]


def _young(kind: str) -> bool:
    return kind in ("girl", "boy")


def _other_than(taken: Sequence[str], choices: Sequence[str]) -> Sequence[str]:
    return [choice for choice in choices if choice not in taken] or choices
