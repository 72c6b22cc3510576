"""Random scenes and styles: what training sees. Deterministic for a seeded `random.Random`."""

import random
from dataclasses import replace

from reelmill_world.scene import Appearance, Figure, SceneDescription
from reelmill_world.style import HELD_OUT_STYLES, NAMED_STYLES, PALETTE_AXES, STYLE_AXES, StyleVector
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


# So far (root mean square over the axes) every random style stays from the held-out ones.
HELD_OUT_DISTANCE = 0.3
_ONE_SIDED = ("texture", "grain", "vignette")
_TECHNIQUES = ("ink", "hollow", "negative", "silhouette", "tiles", "ragged", "grout", "toned")
_PLAIN_AXES = tuple(axis for axis in STYLE_AXES if axis not in PALETTE_AXES and axis not in _TECHNIQUES)


def random_style(rng: random.Random) -> StyleVector:
    """Anywhere in the style space but near a held-out style: around a named one, or wherever chance leads."""
    while True:
        style = _near_named(rng) if rng.random() < 0.2 else _anywhere(rng)
        if all(style.distance(held_out) > HELD_OUT_DISTANCE for held_out in HELD_OUT_STYLES.values()):
            return style


def _near_named(rng: random.Random) -> StyleVector:
    centre = NAMED_STYLES[rng.choice(tuple(NAMED_STYLES))]
    moved = {axis: max(-1.0, min(1.0, getattr(centre, axis) + rng.gauss(0, 0.25))) for axis in _PLAIN_AXES}
    return replace(centre, **moved)


def _anywhere(rng: random.Random) -> StyleVector:
    """A few ordinary axes far out, the rest near plain, and often one or more techniques on top."""
    strong = rng.sample(_PLAIN_AXES, rng.randint(1, 5))
    axes = {axis: _coordinate(rng, axis, strong=axis in strong) for axis in _PLAIN_AXES}
    if rng.random() < 0.5:
        axes |= {"toned": rng.uniform(0.5, 1.0), **_palette(rng)}
    if rng.random() < 0.25:
        axes |= {"hollow": rng.uniform(0.5, 1.0), "ink": rng.choice((-1, 1)) * rng.uniform(0.3, 1.0)}
    elif rng.random() < 0.15:
        axes["ink"] = rng.uniform(0.3, 1.0)
    if rng.random() < 0.2:
        axes["negative"] = rng.uniform(0.6, 1.0)
    if rng.random() < 0.2:
        axes["silhouette"] = rng.uniform(0.6, 1.0)
    if rng.random() < 0.25:
        axes |= {
            "tiles": rng.uniform(0.5, 1.0),
            "ragged": rng.uniform(-1.0, 1.0),
            "grout": rng.uniform(-1.0, 1.0),
        }
    return StyleVector(**axes)


def _palette(rng: random.Random) -> dict[str, float]:
    """Three colours, each brighter than the one before."""
    levels = (rng.uniform(0.0, 0.25), rng.uniform(0.35, 0.6), rng.uniform(0.75, 1.0))
    axes: dict[str, float] = {}
    for part, level in zip(("dark", "middle", "light"), levels, strict=True):
        vivid = rng.uniform(0.1, 0.45)
        for colour in ("red", "green", "blue"):
            value = max(0.0, min(1.0, level + rng.uniform(-vivid, vivid)))
            axes[f"{part}_{colour}"] = 2 * value - 1
    return axes


def _coordinate(rng: random.Random, axis: str, *, strong: bool) -> float:
    if not strong:
        return rng.uniform(-0.3, 0.3)
    # Less texture than little is hardly seen: those axes go up only.
    sign = 1 if axis in _ONE_SIDED else rng.choice((-1, 1))
    return sign * rng.uniform(0.4, 1.0)
