"""From checked answers to a script."""

import re
from collections.abc import Sequence

from reelmill.v1 import script_pb2

from ..domain import ScriptRequest
from ..prompting import FrameWords, frame_prompt, shortened
from ..tokens import PromptTokens
from .answers import CharacterAnswer, FrameAnswer, OutlineAnswer, SceneAnswer
from .checks import chapter_places, story_of
from .names import Names
from .story_state import Cast, Story, dressed, with_knowledge

_APPEARANCE_TOKENS = 20  # two people and what they do have to fit into one prompt
_IN_A_PICTURE = 2  # people that a diffusion model keeps apart


def assemble(
    request: ScriptRequest,
    model: str,
    outline: OutlineAnswer,
    scenes: Sequence[Sequence[SceneAnswer]],
    frames: Sequence[Sequence[FrameAnswer]],
    tokens: PromptTokens,
) -> script_pb2.Script:
    """`scenes` by chapter; `frames` by scene, over all chapters."""
    story = story_of(outline)
    style = script_pb2.StyleText(keyword=outline.style.keyword, description=outline.style.description)
    if request.style:
        style = script_pb2.StyleText(keyword=request.style.keyword, description=request.style.description)
    script = script_pb2.Script(
        title=outline.title,
        overview=outline.overview,
        style=style,
        characters=[_character(character, tokens) for character in outline.characters],
        writer=model,
        seed=request.seed,
        theme=request.theme,
        genre=request.genre,
    )
    descriptions = {location.name: location.description for location in outline.locations}
    script.locations.extend(
        script_pb2.Location(name=name, description=descriptions[name]) for name in story.places.all
    )
    before = story.beginning
    begins = story.chapters(outline.chapters)
    for c, chapter in enumerate(outline.chapters):
        casts = [with_knowledge(cast, before) for cast in story.scenes(begins[c], scenes[c])]
        before = casts[-1]
        script.chapters.add(
            index=c,
            title=chapter.title,
            summary=chapter.summary,
            locations=chapter_places(chapter, story.places).all,
            scenes=[
                _scene(
                    (c, s),
                    scene,
                    frames[c * request.scenes + s],
                    story,
                    casts[s],
                    Looks(outline.characters, casts[s], tokens),
                    request.scenes,
                )
                for s, scene in enumerate(scenes[c])
            ],
        )
    number = 0
    for told in script.chapters:
        for written in told.scenes:
            for frame in written.frames:
                frame.index = number
                number += 1
    return script


class Looks:
    """How everybody looks in a scene, in as many words as a prompt has room for."""

    def __init__(self, characters: Sequence[CharacterAnswer], cast: Cast, tokens: PromptTokens) -> None:
        self.tokens = tokens
        self.by_name = {
            character.name: shortened(
                dressed(character.appearance, cast[character.name].wearing), _APPEARANCE_TOKENS, tokens
            )
            for character in characters
        }

    def words(self, frame: FrameAnswer, place: str, names: Names) -> FrameWords:
        """What the frame's prompt is made of."""
        seen = _seen(_acting(frame, names), frame.description, names)
        return FrameWords(frame.description, self.by_name, place, frame.time_of_day, seen)


def _scene(
    at: tuple[int, int],
    scene: SceneAnswer,
    frames: Sequence[FrameAnswer],
    story: Story,
    cast: Cast,
    looks: Looks,
    scenes_a_chapter: int,
) -> script_pb2.Scene:
    chapter, index = at
    place = story.places.get(scene.location)
    told = script_pb2.Scene(
        index=index,
        title=scene.title,
        summary=scene.summary,
        location=place,
        frames=[_frame(frame, place, story.names, looks) for frame in frames],
        states=[
            script_pb2.CharacterState(
                character=name, location=state.location, wearing=state.wearing, knows=state.knows
            )
            for name, state in cast.items()
        ],
    )
    if scene.follows_from:
        told.causes.add(chapter=chapter, scene=scene.follows_from - 1, reason=scene.because)
    elif chapter and scene.because:
        told.causes.add(chapter=chapter - 1, scene=scenes_a_chapter - 1, reason=scene.because)
    return told


def _frame(frame: FrameAnswer, location: str, names: Names, looks: Looks) -> script_pb2.Frame:
    acting = _acting(frame, names)
    return script_pb2.Frame(
        description=frame.description,
        prompt=frame_prompt(looks.words(frame, location, names), looks.tokens),
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


def _acting(frame: FrameAnswer, names: Names) -> list[str]:
    return list(dict.fromkeys(names.get(action.character) for action in frame.actions))[:_IN_A_PICTURE]


def _seen(acting: Sequence[str], description: str, names: Names) -> list[str]:
    """Who is in the picture: those who act, then those who are named, as many as it has room for."""
    named = [name for name in names.all if re.search(rf"\b{re.escape(name)}\b(?!['’])", description)]
    named.sort(key=description.index)
    return list(dict.fromkeys([*acting, *named]))[:_IN_A_PICTURE]


def _character(character: CharacterAnswer, tokens: PromptTokens) -> script_pb2.Character:
    main = character.role == "main"
    return script_pb2.Character(
        name=character.name,
        role=script_pb2.Character.ROLE_MAIN if main else script_pb2.Character.ROLE_SUPPORTING,
        description=character.description,
        appearance=shortened(character.appearance, _APPEARANCE_TOKENS, tokens),
    )
