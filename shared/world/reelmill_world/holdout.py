"""Which scenes no training may see: a score on them tells what was understood, not what was remembered."""

import hashlib
from typing import Final

from reelmill_world.scene import Figure, SceneDescription

_SHARE: Final = 0.03


def is_held_out(scene: SceneDescription) -> bool:
    """Whether `scene` has a combination that is kept for measuring: about one scene in fifteen.

    Three in a hundred of all (place, time, weather) are kept, and three in a hundred of all (kind, colour,
    garment, verb). Which ones follows from the words alone, so every program agrees. Each word by itself, and
    each in most of its company, is seen in training: what is new is the combination.
    """
    return _kept(scene.place, scene.time, scene.weather) or any(map(_figure_kept, scene.figures))


def _figure_kept(figure: Figure) -> bool:
    appearance = figure.appearance
    return _kept(appearance.kind, appearance.colour, appearance.garment, figure.verb)


def _kept(*words: str) -> bool:
    digest = hashlib.sha256("/".join(words).encode()).digest()
    return int.from_bytes(digest[:4], "big") < _SHARE * 2**32
