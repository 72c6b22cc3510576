"""What pydantic cannot know of an answer: whether it fits the story that is there. Pure: no I/O.

Every check raises ValueError with a sentence that tells the model what to do better.
"""

import re
from collections.abc import Iterable, Sequence
from math import floor

from reelmill_kit.near_duplicates import NEARLY_THE_SAME, Texts

from .answers import ChapterAnswer, CharacterAnswer, FramesAnswer, OutlineAnswer, SceneAnswer, ShorterAnswer
from .likeness import check_appearance, check_name, check_texts
from .names import Names, check_no_strangers, same_name, words_of_name
from .story_state import Cast, Story, check_told_apart, clothes

LOCATIONS = 12  # asked for; fewer are taken
_PLACES_A_CHAPTER = 3
_PLACE_LENGTH = 40
_HAIR = re.compile(r"\b(?:\w*hair(?:ed)?|bald|braids?|bun|curls|locks|beard|ponytail)\b", re.IGNORECASE)


def check_outline(outline: OutlineAnswer, chapters: int, theme: str) -> None:
    """Fewer chapters than asked for can be completed; more of them would lose the end of the story."""
    if len(outline.chapters) > chapters:
        raise ValueError(f"there are {len(outline.chapters)} chapters instead of {chapters}")
    names = [character.name for character in outline.characters]
    if any(same_name(name, other) for i, name in enumerate(names) for other in names[:i]):
        raise ValueError("two characters have the same name")
    if not any(character.role == "main" for character in outline.characters):
        raise ValueError("no character has the role main")
    for location in outline.locations:
        if words_of_name(location.name) > 2 or len(location.name) > _PLACE_LENGTH:
            raise ValueError(f"the location name {location.name!r} has more than two common words")
    for character in outline.characters:
        check_name(character.name, theme)
        check_appearance(character.appearance, theme)
    _check_appearances(outline.characters)
    descriptions = [character.description for character in outline.characters]
    check_texts([outline.title, outline.overview, *descriptions], theme, names)
    story = story_of(outline)
    check_chapters(outline.chapters, story, story.beginning, theme)


def _check_appearances(characters: Sequence[CharacterAnswer]) -> None:
    """Everybody has hair and clothes to be known by, and nobody wears what somebody else wears."""
    for one in characters:
        if not clothes(one.appearance) or not _HAIR.search(one.appearance):
            raise ValueError(
                f"the appearance {one.appearance!r} lacks hair or a garment with its colour; "
                "an example: 'a tall woman with short red hair in a long blue coat'"
            )
    check_told_apart({one.name: clothes(one.appearance) or "" for one in characters})


def check_chapters(chapters: Iterable[ChapterAnswer], story: Story, begin: Cast, theme: str) -> None:
    """`begin`: everybody as the first of these chapters begins."""
    chapters = list(chapters)
    for chapter in chapters:
        for location in chapter.locations[:_PLACES_A_CHAPTER]:
            story.places.get(location)
        begin = story.after(begin, chapter.changes)
    _check_invented([(one.title, one.summary) for one in chapters], chapters, story, theme)


def check_scenes(
    scenes: Sequence[SceneAnswer], places: Names, story: Story, begin: Cast, theme: str, written: int = 0
) -> None:
    """`places`: the chapter's. `begin`: everybody as these begin. `written`: scenes before them."""
    for number, scene in enumerate(scenes, written + 1):
        places.get(scene.location)
        if scene.follows_from >= number:
            raise ValueError(f"scene {number} cannot follow from scene {scene.follows_from}")
    story.scenes(begin, scenes)
    _check_invented([(one.title, one.summary, one.because) for one in scenes], scenes, story, theme)


def _check_invented(
    texts: Iterable[tuple[str, ...]],
    changed: Iterable[ChapterAnswer | SceneAnswer],
    story: Story,
    theme: str,
) -> None:
    learned = [fact for one in changed for change in one.changes for fact in change.learns]
    check_texts([*(text for some in texts for text in some), *learned], theme, story.names.all)


def check_frames(
    answer: FramesAnswer, characters: Names, theme: str, known: Sequence[str], told: Texts, share: float
) -> None:
    """`characters`: those in the scene. `known`: texts whose names may be used. `told`: the movie's frames so
    far. `share`: of these frames, how many may nearly repeat another one."""
    here = Texts()
    repeated: list[tuple[str, str]] = []
    for frame in answer.frames:
        for action in frame.actions:
            characters.get(action.character)
        for line in frame.dialogue:
            characters.get(line.speaker)
        check_texts([frame.description, *(line.text for line in frame.dialogue)], theme, characters.all)
        check_no_strangers(frame.description, [*known, theme])
        likeness, nearest = max(told.most_like(frame.description), here.most_like(frame.description))
        if likeness == 1:
            raise ValueError(f"two frames have the same description {frame.description!r}")
        if likeness > NEARLY_THE_SAME:
            repeated.append((frame.description, nearest))
        here.add(frame.description)
    if len(repeated) > floor(share * len(answer.frames)):
        ours, other = repeated[0]
        raise ValueError(
            f"{len(repeated)} of {len(answer.frames)} frames nearly repeat another one, for example {ours!r} "
            f"repeats {other!r}; show something else in each"
        )


def check_shorter(answer: ShorterAnswer, frames: Sequence[str], names: Names) -> None:
    """`frames`: the descriptions that were to be shortened."""
    if len(answer.descriptions) != len(frames):
        raise ValueError(f"there are {len(answer.descriptions)} descriptions instead of {len(frames)}")
    for before, after in zip(frames, answer.descriptions, strict=True):
        check_no_strangers(after, [before, *names.all])
        for name in names.all:
            if (name in before) != (name in after):
                raise ValueError(f"{after!r} does not name the same people as {before!r}")


def story_of(outline: OutlineAnswer) -> Story:
    return Story(outline.characters, places_of(outline))


def places_of(outline: OutlineAnswer) -> Names:
    return Names(dict.fromkeys(location.name for location in outline.locations), "locations")


def chapter_places(chapter: ChapterAnswer, places: Names) -> Names:
    names = [places.get(name) for name in chapter.locations[:_PLACES_A_CHAPTER]]
    return Names(dict.fromkeys(names), "chapter's locations")
