"""What can be said of a scene: the questions that the judge answers, and the right answers."""

from typing import Final

from reelmill_world import (
    BUILDS,
    COLOURS,
    GARMENTS,
    HAIR,
    HELD_OBJECTS,
    KINDS,
    MOODS,
    PLACED_OBJECTS,
    PLACES,
    SHOTS,
    SIDES,
    TIMES,
    VERBS,
    WEATHERS,
    SceneDescription,
)

NONE: Final = "none"
FIGURES: Final = (1, 2)
_FIGURE_QUESTIONS: Final = {
    "kind": KINDS,
    "build": BUILDS,
    "hair": HAIR,
    "garment": GARMENTS,
    "colour": COLOURS,
    "verb": VERBS,
    "mood": MOODS,
    "side": SIDES,
    "held": HELD_OBJECTS,
}
# "colour 1" is of the only figure or of the left one, "colour 2" of the right one.
QUESTIONS: Final[dict[str, tuple[str, ...]]] = {
    "place": PLACES,
    "time": TIMES,
    "weather": WEATHERS,
    "shot": SHOTS,
    "figures": ("0", "1", "2"),
    "object": (NONE, *PLACED_OBJECTS),
    **{
        f"{name} {number}": (NONE, *allowed)
        for number in FIGURES
        for name, allowed in _FIGURE_QUESTIONS.items()
    },
}


def facts(scene: SceneDescription) -> dict[str, str]:
    """The right answer to every one of `QUESTIONS`."""
    answers = {
        "place": scene.place,
        "time": scene.time,
        "weather": scene.weather,
        "shot": scene.shot,
        "figures": str(len(scene.figures)),
        "object": scene.objects[0] if scene.objects else NONE,
    }
    for number in FIGURES:
        if number > len(scene.figures):
            answers |= {f"{name} {number}": NONE for name in _FIGURE_QUESTIONS}
            continue
        figure = scene.figures[number - 1]
        look = figure.appearance
        answers |= {
            f"kind {number}": look.kind,
            f"build {number}": look.build,
            f"hair {number}": look.hair,
            f"garment {number}": look.garment,
            f"colour {number}": look.colour,
            f"verb {number}": figure.verb,
            f"mood {number}": figure.mood,
            f"side {number}": figure.side,
            f"held {number}": figure.held or NONE,
        }
    return answers
