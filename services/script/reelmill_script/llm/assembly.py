"""From checked answers to a script."""

import re
from collections.abc import Sequence

from reelmill.v1 import script_pb2

from ..domain import ScriptRequest
from ..prompting import frame_prompt, shortened
from .answers import ChapterAnswer, CharacterAnswer, FrameAnswer, OutlineAnswer, SceneAnswer
from .checks import Names, chapter_places, characters_of, places_of

_APPEARANCE_TOKENS = 20  # two people and what they do have to fit into one prompt
_IN_A_PICTURE = 2  # people that a diffusion model keeps apart


def assemble(
    request: ScriptRequest,
    model: str,
    outline: OutlineAnswer,
    scenes: Sequence[Sequence[SceneAnswer]],
    frames: Sequence[Sequence[FrameAnswer]],
) -> script_pb2.Script:
    """`scenes` by chapter; `frames` by scene, over all chapters."""
    places = places_of(outline)
    characters = [_character(character) for character in outline.characters]
    looks = {character.name: character.appearance for character in characters}
    names = characters_of(outline)
    style = script_pb2.StyleText(keyword=outline.style.keyword, description=outline.style.description)
    if request.style:
        style = script_pb2.StyleText(keyword=request.style.keyword, description=request.style.description)
    script = script_pb2.Script(
        title=outline.title,
        overview=outline.overview,
        style=style,
        characters=characters,
        writer=model,
        seed=request.seed,
        theme=request.theme,
    )
    descriptions = {location.name: location.description for location in outline.locations}
    script.locations.extend(
        script_pb2.Location(name=name, description=descriptions[name]) for name in places.all
    )
    for c, chapter in enumerate(outline.chapters):
        first = c * request.scenes
        script.chapters.append(
            _chapter(c, chapter, places, scenes[c], frames[first : first + request.scenes], names, looks)
        )
    number = 0
    for told in script.chapters:
        for scene in told.scenes:
            for frame in scene.frames:
                frame.index = number
                number += 1
    return script


def _chapter(
    index: int,
    chapter: ChapterAnswer,
    places: Names,
    scenes: Sequence[SceneAnswer],
    frames: Sequence[Sequence[FrameAnswer]],
    names: Names,
    looks: dict[str, str],
) -> script_pb2.Chapter:
    here = chapter_places(chapter, places)
    told = script_pb2.Chapter(index=index, title=chapter.title, summary=chapter.summary, locations=here.all)
    for s, (scene, in_scene) in enumerate(zip(scenes, frames, strict=True)):
        location = here.get(scene.location)
        told.scenes.add(
            index=s,
            title=scene.title,
            summary=scene.summary,
            location=location,
            frames=[_frame(frame, location, names, looks) for frame in in_scene],
        )
    return told


def _frame(frame: FrameAnswer, location: str, names: Names, looks: dict[str, str]) -> script_pb2.Frame:
    acting = list(dict.fromkeys(names.get(action.character) for action in frame.actions))[:_IN_A_PICTURE]
    return script_pb2.Frame(
        description=frame.description,
        prompt=frame_prompt(
            frame.description, looks, location, frame.time_of_day, _seen(acting, frame.description, names)
        ),
        location=location,
        time_of_day=frame.time_of_day,
        actions=[
            script_pb2.Action(
                character=names.get(action.character),
                verb=action.verb,
                target=names.find(action.target) or action.target,
                expression=action.expression,
            )
            for action in frame.actions
            if names.get(action.character) in acting
        ],
        dialogue=[
            script_pb2.DialogueLine(speaker=names.get(line.speaker), text=line.text)
            for line in frame.dialogue
        ],
    )


def _seen(acting: Sequence[str], description: str, names: Names) -> list[str]:
    """Who is in the picture: those who act, then those who are named, as many as it has room for."""
    named = [name for name in names.all if re.search(rf"\b{re.escape(name)}\b(?!['’])", description)]
    named.sort(key=description.index)
    return list(dict.fromkeys([*acting, *named]))[:_IN_A_PICTURE]


def _character(character: CharacterAnswer) -> script_pb2.Character:
    main = character.role == "main"
    return script_pb2.Character(
        name=character.name,
        role=script_pb2.Character.ROLE_MAIN if main else script_pb2.Character.ROLE_SUPPORTING,
        description=character.description,
        appearance=shortened(character.appearance, _APPEARANCE_TOKENS),
    )
