"""One frame, described by words of the vocabulary. Everything is checked when it is made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    SHOTS,
    SIDES,
    TIMES,
    VERBS,
    WEATHERS,
    is_indoor,
)


def _check(field: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{field}: {value!r} is not one of {', '.join(allowed)}")


@dataclass(frozen=True, slots=True)
class Appearance:
    """How a character looks in every frame of a movie."""

    kind: str
    colour: str
    garment: str = "coat"
    hair: str = "brown"
    build: str = "average"

    def __post_init__(self) -> None:
        _check("kind", self.kind, KINDS)
        _check("colour", self.colour, COLOURS)
        _check("garment", self.garment, GARMENTS)
        _check("hair", self.hair, HAIR)
        _check("build", self.build, BUILDS)


@dataclass(frozen=True, slots=True)
class Figure:
    """A character in one frame: what it does, how it feels, where it is. `held` goes with "hold" alone."""

    appearance: Appearance
    verb: str = "stand"
    mood: str = "calm"
    side: str = "centre"
    held: str | None = None

    def __post_init__(self) -> None:
        _check("verb", self.verb, VERBS)
        _check("mood", self.mood, MOODS)
        _check("side", self.side, SIDES)
        if (self.held is not None) != (self.verb == "hold"):
            raise ValueError('held: must be given with the verb "hold", and only with it')
        if self.held is not None:
            _check("held", self.held, HELD_OBJECTS)


@dataclass(frozen=True, slots=True)
class SceneDescription:
    """A place at a time of day in some weather, seen in one shot size, with 0 to 2 figures and 0 or 1 object.

    Of two figures the first stands left, the second right; "hug" takes both. Raises ValueError naming
    the field otherwise.
    """

    place: str
    time: str
    weather: str
    shot: str
    figures: tuple[Figure, ...] = ()
    objects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check("place", self.place, PLACES)
        _check("time", self.time, TIMES)
        _check("weather", self.weather, WEATHERS)
        _check("shot", self.shot, SHOTS)
        if len(self.figures) > 2:
            raise ValueError("figures: at most two fit in a frame")
        if len(self.objects) > 1:
            raise ValueError("objects: at most one fits in a frame")
        for name in self.objects:
            _check("objects", name, PLACED_OBJECTS)
        if len(self.figures) == 2 and tuple(figure.side for figure in self.figures) != ("left", "right"):
            raise ValueError("figures: of two, the first stands left and the second right")
        hugging = [figure.verb == "hug" for figure in self.figures]
        if any(hugging) and (len(hugging) != 2 or not all(hugging)):
            raise ValueError('figures: "hug" takes two figures, and both must')

    @property
    def indoor(self) -> bool:
        """Whether the sky is seen through a window only."""
        return is_indoor(self.place)

    @classmethod
    def of(
        cls,
        place: str,
        *,
        time: str = "day",
        weather: str = "clear",
        shot: str = "medium",
        figures: Iterable[Figure] = (),
        objects: Iterable[str] = (),
    ) -> "SceneDescription":
        """A scene with ordinary defaults."""
        return cls(place, time, weather, shot, tuple(figures), tuple(objects))
