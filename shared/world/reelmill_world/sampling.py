"""Random scenes and styles: what training sees. Deterministic for a seeded `random.Random`."""

import random

from reelmill_world.scene import Appearance, Figure, SceneDescription
from reelmill_world.style import NAMED_STYLES, STYLE_AXES, StyleVector
from reelmill_world.vocabulary import (
    BUILDS,
    COLOURS,
    GARMENTS,
    HAIR,
    HELD_OBJECTS,
    KINDS,
    MOODS,
    PLACED_OBJECTS,
    PLACES,
    TIMES,
    VERBS,
    WEATHERS,
)

_SOLO_VERBS = tuple(verb for verb in VERBS if verb != "hug")
_MALE_GARMENTS = tuple(garment for garment in GARMENTS if garment != "dress")


def random_appearance(rng: random.Random) -> Appearance:
    """Anyone the model can draw; dresses go to women and girls."""
    kind = rng.choice(KINDS)
    garment = rng.choice(GARMENTS if kind in ("woman", "girl") else _MALE_GARMENTS)
    return Appearance(
        kind=kind,
        colour=rng.choice(COLOURS),
        garment=garment,
        hair=rng.choice(HAIR),
        build=rng.choice(BUILDS),
    )


def random_figure(rng: random.Random, side: str = "centre") -> Figure:
    """Anyone doing anything that takes one person."""
    verb = rng.choice(_SOLO_VERBS)
    held = rng.choice(HELD_OBJECTS) if verb == "hold" else None
    return Figure(random_appearance(rng), verb=verb, mood=rng.choice(MOODS), side=side, held=held)


def random_scene(rng: random.Random) -> SceneDescription:
    """A scene with 0, 1 or 2 figures (about 15, 50 and 35 %), mostly in medium shot."""
    roll = rng.random()
    figures: tuple[Figure, ...] = ()
    if roll < 0.5:
        figures = (random_figure(rng, rng.choice(("centre", "centre", "left", "right"))),)
    elif roll < 0.85:
        figures = (random_figure(rng, "left"), random_figure(rng, "right"))
        if rng.random() < 0.2:
            figures = tuple(
                Figure(figure.appearance, verb="hug", mood=figure.mood, side=figure.side)
                for figure in figures
            )
    return SceneDescription(
        place=rng.choice(PLACES),
        time=rng.choice(TIMES),
        weather=rng.choice(("clear", *WEATHERS)),
        shot=rng.choice(("wide", "medium", "medium", "close")),
        figures=figures,
        objects=(rng.choice(PLACED_OBJECTS),) if rng.random() < 0.3 else (),
    )


def random_style(rng: random.Random) -> StyleVector:
    """Anywhere in the style space: a few axes far out, the rest near plain; or near a named style."""
    if rng.random() < 0.3:
        centre = NAMED_STYLES[rng.choice(tuple(NAMED_STYLES))].values()
        return StyleVector(*(max(-1.0, min(1.0, value + rng.gauss(0, 0.25))) for value in centre))
    strong = rng.sample(STYLE_AXES, rng.randint(2, 6))
    return StyleVector(**{axis: _coordinate(rng, axis, strong=axis in strong) for axis in STYLE_AXES})


def _coordinate(rng: random.Random, axis: str, *, strong: bool) -> float:
    if not strong:
        return rng.uniform(-0.3, 0.3)
    # Less texture than little is hardly seen: those axes go up only.
    sign = 1 if axis in ("texture", "grain", "vignette") else rng.choice((-1, 1))
    return sign * rng.uniform(0.4, 1.0)
