"""What the judge is trained and measured on: drawings of the same world as the renderer's, but other ones."""

import random
from typing import Final

from reelmill_starter.training.pictures import PLAIN, Example
from reelmill_world import NAMED_STYLES, StyleVector, is_held_out, random_scene, random_style

# Styles in which a red coat is still red: of ten colours of cloth at four times of day at least three
# quarters come out nearer to their own plain colour than to another's, and no two fall together (CIELAB, 8
# and more apart). The other named styles fade, tint or darken: what somebody wears cannot be told there.
COLOUR_KEEPING: Final = (PLAIN, "storybook", "comic", "retro", "dreamy", "toxic")

# Pictures for measuring are numbered from here, training pictures from 0.
MEASURING_START: Final = 500_000_000


def judge_example(seed: int, index: int) -> Example:
    """Example number `index`. Each even number and the one after it have the same style and other scenes.

    Six tenths are in styles that keep colours (a quarter of these plain), a tenth in the other named ones,
    the rest anywhere in style space. Combinations that are held out for measuring never occur.
    """
    styles = random.Random(f"judge/{seed}/style/{index // 2}")
    roll = styles.random()
    name: str | None = None
    if roll < 0.6:
        name = PLAIN if roll < 0.15 else styles.choice(COLOUR_KEEPING[1:])
    elif roll < 0.7:
        name = styles.choice([name for name in NAMED_STYLES if name not in COLOUR_KEEPING])
    style = random_style(styles) if name is None else named_style(name)
    rng = random.Random(f"judge/{seed}/scene/{index}")
    scene = random_scene(rng)
    while is_held_out(scene):
        scene = random_scene(rng)
    return Example(scene, style, name, seed=rng.getrandbits(31))


def held_out_examples(count: int, seed: int = 1) -> list[Example]:
    """`count` descriptions that no training has seen, in turn in each of the styles that keep colours."""
    rng = random.Random(f"held out/{seed}")
    examples: list[Example] = []
    while len(examples) < count:
        scene = random_scene(rng)
        if is_held_out(scene):
            name = COLOUR_KEEPING[len(examples) % len(COLOUR_KEEPING)]
            examples.append(Example(scene, named_style(name), name, seed=rng.getrandbits(31)))
    return examples


def named_style(name: str) -> StyleVector:
    """The style of a name, "plain" included."""
    return StyleVector() if name == PLAIN else NAMED_STYLES[name]
