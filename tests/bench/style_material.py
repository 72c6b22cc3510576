"""Styles that nobody was trained on: real drawings in them to learn from, and frames to ask for."""

import random
from dataclasses import dataclass, replace

from reelmill_diffusion import TOKEN, DiffusionModel, Image
from reelmill_diffusion.inversion import Reference
from reelmill_starter.drawing import draw
from reelmill_starter.training.pictures import SIZE
from reelmill_world import (
    HELD_OUT_STYLES,
    PLACES,
    SceneDescription,
    StyleVector,
    caption,
    is_held_out,
    random_scene,
    style_words,
)

REFERENCES = 12
"""Of as many places: MovieLLM draws ten; a user has about as many pictures at hand."""


@dataclass(frozen=True, slots=True)
class Material:
    """What is known of one style. `scenes` are a movie's frames, of combinations no training has seen, and
    `elsewhere` says which of them are at places that no reference shows."""

    name: str
    style: StyleVector
    references: list[Reference]
    scenes: list[SceneDescription]
    elsewhere: list[bool]

    def reference_images(self) -> list[Image]:
        return [reference.image for reference in self.references]

    def contents(self) -> list[str]:
        """What each frame shows, in words without its style."""
        return [caption(scene) for scene in self.scenes]

    def drawings(self) -> list[Image]:
        """The frames as the starter model's teacher draws them: what a model could reach at best."""
        return [
            draw(scene, self.style, seed=9_000 + i, size=SIZE).pixels for i, scene in enumerate(self.scenes)
        ]


def materials(styles: int, frames: int, seed: int = 1) -> list[Material]:
    """The first so many styles. The same arguments give the same material."""
    chosen = list(HELD_OUT_STYLES.items())[:styles]
    return [_material(name, style, frames, random.Random(f"{seed} {name}")) for name, style in chosen]


def _material(name: str, style: StyleVector, frames: int, rng: random.Random) -> Material:
    places = rng.sample(PLACES, len(PLACES))
    shown, others = places[:REFERENCES], places[REFERENCES:]
    references = []
    for place in shown:
        scene = replace(random_scene(rng), place=place)
        image = draw(scene, style, seed=rng.randrange(2**31), size=SIZE).pixels
        references.append(Reference(image, caption(scene, TOKEN)))
    scenes = [_unseen_scene(rng, (others, shown)[number % 2]) for number in range(frames)]
    return Material(name, style, references, scenes, [scene.place in others for scene in scenes])


def _unseen_scene(rng: random.Random, places: list[str]) -> SceneDescription:
    while True:
        scene = replace(random_scene(rng), place=rng.choice(places))
        if is_held_out(scene):
            return scene


def in_words(model: DiffusionModel, scene: SceneDescription, style: StyleVector) -> str:
    """The prompt that says the style as well as words can: with all its adjectives that have room."""
    [encoder] = model.encoders
    for limit in range(len(style.values()), 0, -1):
        prompt = caption(scene, style_words(style, limit))
        if len(encoder.tokenizer(prompt, verbose=False).input_ids) <= encoder.length:
            return prompt
    return caption(scene)
