"""What pydantic cannot know: names and places have to be those of the outline."""

import re
from collections.abc import Iterable, Sequence

from .answers import ChapterAnswer, CharacterAnswer, FramesAnswer, OutlineAnswer, SceneAnswer
from .likeness import check_appearance, check_name, check_texts

LOCATIONS = 12  # asked for; fewer are taken
_PLACES_A_CHAPTER = 3
_PLACE_LENGTH = 40
_HAIR = re.compile(r"\b(?:\w*hair(?:ed)?|bald|braids?|bun|curls|locks|beard|ponytail)\b", re.IGNORECASE)
_SMALL = {"a", "an", "the", "and", "with", "his", "her", "their", "in", "of", "long", "short", "old", "new"}
_CLOTHES = re.compile(r"\b(?:in|wearing)\s+((?:an?|the|his|her|their)?\b.+)$", re.IGNORECASE)


class Names:
    """A closed list of names that forgives case, articles and surnames."""

    def __init__(self, names: Iterable[str], what: str) -> None:
        self.all = tuple(names)
        self._what = what
        self._by_key = {_key(name): name for name in self.all}

    def find(self, name: str) -> str | None:
        if found := self._by_key.get(_key(name)):
            return found
        words = set(_key(name).split())
        near = [known for key, known in self._by_key.items() if words & set(key.split())]
        return near[0] if len(near) == 1 else None

    def get(self, name: str) -> str:
        """Raises ValueError with a sentence for the model."""
        if found := self.find(name):
            return found
        raise ValueError(f"{name!r} is not one of the {self._what}: {', '.join(self.all)}")

    def __str__(self) -> str:
        return ", ".join(self.all)


def check_outline(outline: OutlineAnswer, chapters: int, theme: str) -> None:
    """Fewer chapters than asked for can be completed; more of them would lose the end of the story."""
    if len(outline.chapters) > chapters:
        raise ValueError(f"there are {len(outline.chapters)} chapters instead of {chapters}")
    names = [character.name for character in outline.characters]
    if len({_key(name) for name in names}) < len(names):
        raise ValueError("two characters have the same name")
    if not any(character.role == "main" for character in outline.characters):
        raise ValueError("no character has the role main")
    for location in outline.locations:
        if len(_key(location.name).split()) > 2 or len(location.name) > _PLACE_LENGTH:
            raise ValueError(f"the location name {location.name!r} has more than two common words")
    for character in outline.characters:
        check_name(character.name, theme)
        check_appearance(character.appearance, theme)
    _check_told_apart(outline.characters)
    descriptions = [character.description for character in outline.characters]
    check_texts([outline.title, outline.overview, *descriptions], theme, names)
    check_chapters(outline.chapters, places_of(outline), theme, names)


def _check_told_apart(characters: Sequence[CharacterAnswer]) -> None:
    """Everybody has hair and clothes to be known by, and nobody wears what somebody else wears."""
    worn: dict[str, str] = {}
    for character in characters:
        clothes = _CLOTHES.search(character.appearance)
        if clothes is None or not _HAIR.search(character.appearance):
            raise ValueError(
                f"the appearance {character.appearance!r} lacks hair or a garment with its colour; "
                "an example: 'a tall woman with short red hair in a long blue coat'"
            )
        known = " ".join(sorted(set(re.findall(r"[a-z]+", clothes[1].lower())) - _SMALL))
        if other := worn.get(known):
            raise ValueError(
                f"{other} and {character.name} wear the same; give one of them another garment and colour"
            )
        worn[known] = character.name


def check_chapters(
    chapters: Iterable[ChapterAnswer], places: Names, theme: str, characters: Iterable[str]
) -> None:
    chapters = list(chapters)
    for chapter in chapters:
        for location in chapter.locations[:_PLACES_A_CHAPTER]:
            places.get(location)
    check_texts([text for one in chapters for text in (one.title, one.summary)], theme, characters)


def check_scenes(scenes: Iterable[SceneAnswer], places: Names, theme: str, characters: Names) -> None:
    scenes = list(scenes)
    for scene in scenes:
        places.get(scene.location)
    check_texts([text for one in scenes for text in (one.title, one.summary)], theme, characters.all)


def check_frames(answer: FramesAnswer, characters: Names, theme: str) -> None:
    told: set[str] = set()
    for frame in answer.frames:
        if frame.description.lower() in told:
            raise ValueError(f"two frames have the same description {frame.description!r}")
        told.add(frame.description.lower())
        for action in frame.actions:
            characters.get(action.character)
        for line in frame.dialogue:
            characters.get(line.speaker)
        said = [line.text for line in frame.dialogue]
        check_texts([frame.description, *said], theme, characters.all)


def places_of(outline: OutlineAnswer) -> Names:
    return Names(dict.fromkeys(location.name for location in outline.locations), "locations")


def chapter_places(chapter: ChapterAnswer, places: Names) -> Names:
    names = [places.get(name) for name in chapter.locations[:_PLACES_A_CHAPTER]]
    return Names(dict.fromkeys(names), "chapter's locations")


def characters_of(outline: OutlineAnswer) -> Names:
    return Names([character.name for character in outline.characters], "characters")


def _key(name: str) -> str:
    words = name.lower().replace("-", " ").split()
    return " ".join(words[1:] if len(words) > 1 and words[0] in ("the", "a", "an") else words)
