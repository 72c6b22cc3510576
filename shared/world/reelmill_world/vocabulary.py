"""The closed lists of what the starter model can draw. Every word is drawn somehow and occurs in captions."""

import re
from typing import Final

INDOOR_PLACES: Final = (
    "kitchen", "bedroom", "office", "classroom", "library", "cafe",
    "hospital", "theatre", "workshop", "museum", "church", "bathroom",
)  # fmt: skip
OUTDOOR_PLACES: Final = (
    "street", "beach", "forest", "mountain", "desert", "harbour", "station",
    "garden", "market", "bridge", "castle", "farm", "lake", "rooftop",
)  # fmt: skip
PLACES: Final = INDOOR_PLACES + OUTDOOR_PLACES

TIMES: Final = ("morning", "day", "evening", "night")
WEATHERS: Final = ("clear", "rain", "snow", "fog")
SHOTS: Final = ("wide", "medium", "close")

KINDS: Final = ("man", "woman", "boy", "girl")
BUILDS: Final = ("slim", "average", "heavy")
HAIR: Final = ("black", "brown", "blond", "red", "grey")
GARMENTS: Final = ("coat", "shirt", "sweater", "suit", "dress")
COLOURS: Final = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "black")
MOODS: Final = ("calm", "happy", "sad", "angry", "surprised", "afraid")
VERBS: Final = ("stand", "sit", "look", "talk", "hold", "squat", "walk", "hug")
SIDES: Final = ("left", "centre", "right")

HELD_OBJECTS: Final = (
    "book", "cup", "lantern", "flowers", "umbrella", "bag", "ball", "letter", "guitar", "camera", "sword",
)  # fmt: skip
PLACED_OBJECTS: Final = (
    "dog", "cat", "lamp", "bicycle", "suitcase", "table", "chair", "plant", "clock", "crate", "bird",
)  # fmt: skip
OBJECTS: Final = HELD_OBJECTS + PLACED_OBJECTS

PRESENT_PARTICIPLES: Final = {
    "stand": "standing",
    "sit": "sitting",
    "look": "looking around",
    "talk": "talking",
    "hold": "holding",
    "squat": "squatting",
    "walk": "walking",
    "hug": "hugging",
}


def is_indoor(place: str) -> bool:
    """Whether `place` has walls and a window; raises ValueError for a place outside `PLACES`."""
    if place not in PLACES:
        raise ValueError(f"unknown place {place!r}; known: {', '.join(PLACES)}")
    return place in INDOOR_PLACES


def with_article(noun: str) -> str:
    """`noun` with its indefinite article; plural nouns stand alone."""
    if noun == "flowers":
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def without_article(phrase: str) -> str:
    """A noun phrase as it stands after any word: "tall man in a red coat" of "a tall man in a red coat"."""
    return re.sub(r"^(?:an?|the)\s+", "", phrase, flags=re.IGNORECASE)
