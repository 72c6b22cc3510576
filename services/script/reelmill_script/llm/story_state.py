"""What is true of everybody at each point of the story, followed through what a language model says changes.

Chapters are expanded beside each other, so a chapter begins as the outline says the one before it ended.
Pure: no I/O.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .answers import ChangeAnswer, ChapterAnswer, CharacterAnswer, SceneAnswer
from .names import Names

_CLOTHES = re.compile(r"\b(?:in|wearing)\s+((?:an?|the|his|her|their)?\b.+)$", re.IGNORECASE)
_SMALL = {"a", "an", "the", "and", "with", "his", "her", "their", "in", "of", "long", "short", "old", "new"}


@dataclass(frozen=True, slots=True)
class State:
    """A character at one point of the story; `location` is empty before anybody has said where they are."""

    location: str
    wearing: str
    knows: tuple[str, ...] = ()

    def after(self, change: ChangeAnswer, places: Names) -> "State":
        """Raises ValueError where the change names an unknown place."""
        learned = [fact for fact in change.learns if fact not in self.knows]
        return State(
            places.get(change.location) if change.location else self.location,
            change.wearing or self.wearing,
            (*self.knows, *learned),
        )


Cast = Mapping[str, State]
"""Everybody's state by name."""


class Story:
    """The closed lists of names that changes are read with, and how everybody is when the movie begins."""

    def __init__(self, characters: Sequence[CharacterAnswer], places: Names) -> None:
        self.names = Names([character.name for character in characters], "characters")
        self.places = places
        self.beginning: Cast = {
            character.name: State("", clothes(character.appearance) or "") for character in characters
        }

    def after(self, cast: Cast, changes: Iterable[ChangeAnswer]) -> Cast:
        """Raises ValueError, with a sentence for the model: unknown names or places, equal clothes."""
        changed = dict(cast)
        for change in changes:
            name = self.names.get(change.character)
            changed[name] = changed[name].after(change, self.places)
        check_told_apart({name: state.wearing for name, state in changed.items()})
        return changed

    def chapters(self, chapters: Sequence[ChapterAnswer]) -> list[Cast]:
        """Everybody as each chapter begins, and as the last one ends: one more than chapters."""
        casts = [self.beginning]
        for chapter in chapters:
            casts.append(self.after(casts[-1], chapter.changes))
        return casts

    def scenes(self, begin: Cast, scenes: Sequence[SceneAnswer]) -> list[Cast]:
        """Everybody as each scene begins, those there at its place, and as the last one ends."""
        casts, now = [], begin
        for scene in scenes:
            now = self.gathered(now, scene)
            casts.append(now)
            now = self.after(now, scene.changes)
        return [*casts, now]

    def gathered(self, cast: Cast, scene: SceneAnswer) -> Cast:
        """With those who are in the scene at its place."""
        there = {self.names.get(name) for name in scene.characters}
        place = self.places.get(scene.location)
        return {
            name: replace(state, location=place) if name in there else state for name, state in cast.items()
        }


def with_knowledge(cast: Cast, earlier: Cast) -> Cast:
    """What was known stays known: the outline tells less than a chapter's scenes do."""
    return {
        name: replace(state, knows=tuple(dict.fromkeys((*earlier[name].knows, *state.knows))))
        for name, state in cast.items()
    }


def as_data(cast: Cast) -> list[dict[str, object]]:
    """For the language model."""
    return [
        {"character": name, "location": state.location, "wearing": state.wearing, "knows": list(state.knows)}
        for name, state in cast.items()
    ]


def clothes(appearance: str) -> str | None:
    """From "a tall woman with red hair in a blue coat": "a blue coat"."""
    worn = _CLOTHES.search(appearance)
    return worn[1] if worn else None


def dressed(appearance: str, wearing: str) -> str:
    """The same person in other clothes."""
    worn = _CLOTHES.search(appearance)
    return f"{appearance[: worn.start(1)]}{wearing}" if worn and wearing else appearance


def check_told_apart(worn: Mapping[str, str]) -> None:
    """Raises ValueError where a garment lacks its colour, or somebody wears what somebody else wears."""
    wearers: dict[frozenset[str], str] = {}
    for name, wearing in worn.items():
        known = frozenset(re.findall(r"[a-z]+", wearing.lower())) - _SMALL
        if len(known) < 2:
            raise ValueError(f"{wearing!r} that {name} wears is not a garment with its colour")
        if other := wearers.get(known):
            raise ValueError(f"{other} and {name} wear the same; give one of them another garment and colour")
        wearers[known] = name
