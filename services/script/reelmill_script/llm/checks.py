"""What pydantic cannot know: names and places have to be those of the outline."""

from collections.abc import Iterable

from .answers import ChapterAnswer, FramesAnswer, OutlineAnswer, SceneAnswer

LOCATIONS = 12  # asked for; fewer are taken
_PLACES_A_CHAPTER = 3


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


def check_outline(outline: OutlineAnswer, chapters: int) -> None:
    """Fewer chapters than asked for can be completed; more of them would lose the end of the story."""
    if len(outline.chapters) > chapters:
        raise ValueError(f"there are {len(outline.chapters)} chapters instead of {chapters}")
    names = [character.name for character in outline.characters]
    if len({_key(name) for name in names}) < len(names):
        raise ValueError("two characters have the same name")
    if not any(character.role == "main" for character in outline.characters):
        raise ValueError("no character has the role main")
    for location in outline.locations:
        if len(_key(location.name).split()) > 2:
            raise ValueError(f"the location name {location.name!r} has more than two words")
    check_chapters(outline.chapters, places_of(outline))


def check_chapters(chapters: Iterable[ChapterAnswer], places: Names) -> None:
    for chapter in chapters:
        for location in chapter.locations[:_PLACES_A_CHAPTER]:
            places.get(location)


def check_scenes(scenes: Iterable[SceneAnswer], places: Names) -> None:
    for scene in scenes:
        places.get(scene.location)


def check_frames(answer: FramesAnswer, characters: Names) -> None:
    told: set[str] = set()
    for frame in answer.frames:
        if frame.description.lower() in told:
            raise ValueError(f"two frames have the same description {frame.description!r}")
        told.add(frame.description.lower())
        for action in frame.actions:
            characters.get(action.character)
        for line in frame.dialogue:
            characters.get(line.speaker)


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
