"""Captions for the judge: of a scene, and of the same scene with one thing changed, which is wrong for it."""

import random
from dataclasses import replace
from typing import Any

from reelmill_world import (
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
    Figure,
    SceneDescription,
    caption,
    is_held_out,
)

_SCENE = {"place": PLACES, "time": TIMES, "weather": WEATHERS}
_LOOKS = {"colour": COLOURS, "kind": KINDS, "garment": GARMENTS, "hair": HAIR}
_SOLO_VERBS = tuple(verb for verb in VERBS if verb != "hug")


def caption_and_wrong_one(scene: SceneDescription, seed: int) -> tuple[str, str]:
    """English for `scene`, canonical or varied, and the same words with one thing changed; without a style.

    The second never describes a combination that is held out for measuring.
    """
    rng = random.Random(seed)
    wrong = changed(scene, rng)
    while is_held_out(wrong):
        wrong = changed(scene, rng)
    if rng.random() < 0.5:
        start = rng.getrandbits(32)
        texts = [caption(one, None, random.Random(start)) for one in (scene, wrong)]
        if texts[0] != texts[1]:
            return texts[0], texts[1]
    return caption(scene), caption(wrong)


def changed(scene: SceneDescription, rng: random.Random) -> SceneDescription:
    """`scene` with one thing changed: where or when it is, a figure's looks or doings, an object."""
    kinds = ["place", "place", "time", "weather", *(["object"] if scene.objects else [])]
    kinds += [*_LOOKS, "colour", "mood", "verb", "verb"] if scene.figures else []
    kinds += ["exchange", "exchange"] if len(scene.figures) == 2 else []
    kind = rng.choice(kinds)
    if kind in _SCENE:
        word: dict[str, Any] = {kind: _other(rng, _SCENE[kind], getattr(scene, kind))}
        return replace(scene, **word)
    if kind == "object":
        return replace(scene, objects=(_other(rng, PLACED_OBJECTS, scene.objects[0]),))
    if kind == "exchange":
        left, right = scene.figures
        left, right = (
            replace(left, appearance=right.appearance),
            replace(right, appearance=left.appearance),
        )
        return replace(scene, figures=(left, right))
    number = rng.randrange(len(scene.figures))
    figures = tuple(
        _changed_figure(one, kind, rng) if n == number else one for n, one in enumerate(scene.figures)
    )
    return replace(scene, figures=figures)


def _changed_figure(figure: Figure, kind: str, rng: random.Random) -> Figure:
    if kind == "verb" and figure.verb != "hug":
        verb = _other(rng, _SOLO_VERBS, figure.verb)
        return replace(figure, verb=verb, held=rng.choice(HELD_OBJECTS) if verb == "hold" else None)
    if kind == "mood":
        return replace(figure, mood=_other(rng, MOODS, figure.mood))
    kind = kind if kind in _LOOKS else "colour"
    look = figure.appearance
    return replace(figure, appearance=replace(look, **{kind: _other(rng, _LOOKS[kind], getattr(look, kind))}))


def _other(rng: random.Random, allowed: tuple[str, ...], than: str) -> str:
    return rng.choice([one for one in allowed if one != than])
