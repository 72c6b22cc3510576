"""Casts of the offline writer's movies, and scenes with two of a cast: what bench-characters draws."""

import asyncio
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from reelmill.v1 import script_pb2
from reelmill_kit.progress import silent
from reelmill_script.domain import ScriptRequest
from reelmill_script.offline.writer import OfflineWriter
from reelmill_world import (
    BUILDS,
    COLOURS,
    GARMENTS,
    HAIR,
    HELD_OBJECTS,
    KINDS,
    MOODS,
    NAMED_STYLES,
    PLACED_OBJECTS,
    PLACES,
    TIMES,
    VERBS,
    WEATHERS,
    Appearance,
    Figure,
    SceneDescription,
    StyleVector,
    appearance_phrase,
    style_words,
)

THEMES: Final = (
    "A lighthouse keeper finds a letter that was never sent",
    "Two rivals share one telescope",
    "A girl in a red coat looks for the sea",
    "An old gardener keeps a promise",
    "A clockmaker repairs a stolen hour",
    "A ferry pilot searches for a lost song",
    "A librarian hides a friend",
    "Two sisters save the last circus",
)
# A story of three scenes has no witnesses: the cast is its three leads.
_SHAPE: Final = script_pb2.ScriptShape(chapters=1, scenes=3, frames=16)
_LOOKS: Final = re.compile(
    rf"an? (?:(?P<build>{'|'.join(BUILDS)}) )?(?P<kind>{'|'.join(KINDS)}) with (?P<hair>{'|'.join(HAIR)}) "
    rf"hair in an? (?P<colour>{'|'.join(COLOURS)}) (?P<garment>{'|'.join(GARMENTS)})"
)


@dataclass(frozen=True, slots=True)
class Cast:
    """One movie: its style, its characters and how they look, and frames that show two of them.

    `pairs`: for each scene, who stands left and who right, as positions in `characters`.
    """

    style: script_pb2.StyleText
    characters: list[script_pb2.Character]
    looks: list[Appearance]
    scenes: list[SceneDescription]
    pairs: list[tuple[int, int]]

    @property
    def style_vector(self) -> StyleVector:
        """The style that real drawings of the scenes are made in."""
        return NAMED_STYLES[self.style.keyword]


def casts(movies: int, frames: int, styles: Sequence[str] = ()) -> list[Cast]:
    """So many movies with so many frames each, in `styles` in turn, or each in one that the writer chooses.

    The same arguments give the same ones.
    """
    chosen = [styles[n % len(styles)] if styles else "" for n in range(movies)]
    return [_cast(THEMES[n % len(THEMES)], n, frames, style) for n, style in enumerate(chosen)]


def _cast(theme: str, seed: int, frames: int, style: str) -> Cast:
    words = style_words(NAMED_STYLES[style]) if style else ""
    asked = script_pb2.WriteScriptRequest(
        movie="projects/bench/movies/m",
        theme=theme,
        shape=_SHAPE,
        seed=seed,
        style=script_pb2.StyleText(keyword=style, description=words),
    )
    script = asyncio.run(OfflineWriter().write(ScriptRequest.parse(asked), silent))
    looks = [read_appearance(one.appearance) for one in script.characters]
    rng = random.Random(f"characters/{seed}")
    couples = list(combinations(range(len(looks)), 2))
    pairs, scenes = [], []
    for number in range(frames):
        left, right = rng.sample(couples[number % len(couples)], 2)
        pairs.append((left, right))
        scenes.append(_scene(looks[left], looks[right], rng))
    return Cast(script.style, list(script.characters), looks, scenes, pairs)


def _scene(left: Appearance, right: Appearance, rng: random.Random) -> SceneDescription:
    """Two people as a movie shows them: anywhere, doing anything, feeling something."""
    hug = rng.random() < 0.1
    alone = [verb for verb in VERBS if verb != "hug"]
    figures = []
    for look, side in ((left, "left"), (right, "right")):
        verb = "hug" if hug else rng.choice(alone)
        held = rng.choice(HELD_OBJECTS) if verb == "hold" else None
        figures.append(Figure(look, verb=verb, mood=rng.choice(MOODS), side=side, held=held))
    return SceneDescription.of(
        rng.choice(PLACES),
        time=rng.choice(TIMES),
        weather=rng.choice(("clear", *WEATHERS)),
        shot=rng.choice(("wide", "medium", "medium", "close")),
        figures=figures,
        objects=[rng.choice(PLACED_OBJECTS)] if rng.random() < 0.3 else [],
    )


def read_appearance(phrase: str) -> Appearance:
    """The appearance that `appearance_phrase` made `phrase` of. Raises ValueError where it did not."""
    match = _LOOKS.fullmatch(phrase)
    if match is not None:
        words = match.groupdict()
        look = Appearance(**{**words, "build": words["build"] or "average"})
        if appearance_phrase(look) == phrase:
            return look
    raise ValueError(f"no appearance of the starter model's world: {phrase}")
