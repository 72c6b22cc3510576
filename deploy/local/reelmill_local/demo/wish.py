"""What the demo asks for."""

from dataclasses import dataclass

DEFAULT_THEME = "Two strangers follow a melody through a rainy city until morning"


class DemoError(Exception):
    """The movie was not made; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMovie:
    """What the demo asks for. `shape`: chapters, scenes in a chapter, frames in a scene."""

    theme: str = DEFAULT_THEME
    shape: tuple[int, int, int] = (3, 3, 3)
    seed: int = 7
