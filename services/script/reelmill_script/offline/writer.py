"""The offline writer: the same request gives the same movie, on any machine."""

import asyncio
import random
import re

from reelmill.v1 import common_pb2, script_pb2
from reelmill_kit.progress import Report
from reelmill_world import NAMED_STYLES, style_words

from ..domain import ScriptRequest, Style
from .places import place
from .plot import ChapterPlan, Plot, ScenePlan, plan
from .shots import Teller
from .summaries import chapter_summary, chapter_titles, movie_title, overview, scene_summary, scene_title
from .theme import Reading, read_theme

_STYLES = {
    "unsent": ("dreamy", "watercolour"),
    "theft": ("noir", "noir"),
    "promise": ("sepia", "watercolour"),
    "hidden": ("storybook", "comic"),
    "vanished": ("gothic", "neon"),
    "show": ("comic", "poster"),
    "flood": ("winter", "poster"),
    "machine": ("neon", "retro"),
    "recipe": ("pastel", "storybook"),
    "chase": ("poster", "neon"),
    "archive": ("sepia", "sketch"),
    "wish": ("storybook", "dreamy"),
    "forgery": ("noir", "retro"),
}


class OfflineWriter:
    """Needs no language model and no network."""

    name = "offline"

    async def write(self, request: ScriptRequest, report: Report) -> script_pb2.Script:
        report("planning the story", 0, request.frame_count)
        rng = random.Random(request.digest())
        reading = read_theme(request.theme, request.genre)
        plot = plan(request, reading, rng)
        teller = Teller(rng, request.frame_count)
        taken: set[str] = set()
        chapters = []
        for c, (chapter, title) in enumerate(zip(plot.chapters, chapter_titles(plot, rng), strict=True)):
            chapters.append(_chapter(c, title, chapter, request, teller, taken, rng))
            report("telling the scenes", (c + 1) * request.scenes * request.frames, request.frame_count)
            await asyncio.sleep(0)
        characters = _characters(plot, chapters)
        _keep_states({character.name for character in characters}, chapters)
        return script_pb2.Script(
            title=movie_title(plot, rng),
            overview=overview(plot, request.theme),
            style=_style(request.style, reading, plot, rng),
            locations=_locations(plot),
            characters=characters,
            chapters=chapters,
            writer=self.name,
            seed=request.seed,
            theme=request.theme,
            genre=request.genre,
            usage=common_pb2.Usage(),
        )


def _chapter(
    index: int,
    title: str,
    chapter: ChapterPlan,
    request: ScriptRequest,
    teller: Teller,
    taken: set[str],
    rng: random.Random,
) -> script_pb2.Chapter:
    scenes = []
    for s, scene in enumerate(chapter.scenes):
        first = (index * request.scenes + s) * request.frames
        scenes.append(
            script_pb2.Scene(
                index=s,
                title=scene_title(scene, taken, rng),
                summary=scene_summary(scene, taken, rng),
                location=scene.place.name,
                states=[
                    script_pb2.CharacterState(
                        character=state.name, location=state.place, wearing=state.wearing, knows=state.knows
                    )
                    for state in scene.states
                ],
                causes=_causes(scene, index, s, request.scenes),
                frames=teller.frames(scene, request.frames, first),
            )
        )
    return script_pb2.Chapter(
        index=index,
        title=title,
        summary=chapter_summary(chapter),
        locations=_places(chapter.scenes),
        scenes=scenes,
    )


def _keep_states(names: set[str], chapters: list[script_pb2.Chapter]) -> None:
    """Only of those who are told of: a short story may have no use for some of its cast."""
    for chapter in chapters:
        for scene in chapter.scenes:
            kept = [state for state in scene.states if state.character in names]
            del scene.states[:]
            scene.states.extend(kept)


def _causes(scene: ScenePlan, chapter: int, number: int, scenes: int) -> list[script_pb2.Cause]:
    """Each scene follows from the one before it."""
    if not scene.because:
        return []
    before = divmod(chapter * scenes + number - 1, scenes)
    return [script_pb2.Cause(chapter=before[0], scene=before[1], reason=scene.because)]


def _style(given: Style | None, reading: Reading, plot: Plot, rng: random.Random) -> script_pb2.StyleText:
    if given:
        return script_pb2.StyleText(keyword=given.keyword, description=given.description)
    keyword = (*reading.styles, rng.choice(reading.genre.styles or _STYLES[plot.premise]))[0]
    adjectives = re.findall(r"(?:very )?[\w-]+", style_words(NAMED_STYLES[keyword]))
    return script_pb2.StyleText(keyword=keyword, description=", ".join(adjectives))


def _places(scenes: list[ScenePlan]) -> list[str]:
    return list(dict.fromkeys(scene.place.name for scene in scenes))


def _locations(plot: Plot) -> list[script_pb2.Location]:
    names = _places([scene for chapter in plot.chapters for scene in chapter.scenes])
    return [script_pb2.Location(name=name, description=place(name).description) for name in names]


def _characters(plot: Plot, chapters: list[script_pb2.Chapter]) -> list[script_pb2.Character]:
    """Who is told of, A first; A is there even in a movie of one empty frame."""
    named = {person.name for person in plot.people.values()}
    summaries = " ".join(scene.summary for chapter in chapters for scene in chapter.scenes)
    seen = (
        named & set(re.findall(r"\w+", summaries))
        | {
            action.character
            for chapter in chapters
            for scene in chapter.scenes
            for frame in scene.frames
            for action in frame.actions
        }
        | {
            line.speaker
            for chapter in chapters
            for scene in chapter.scenes
            for frame in scene.frames
            for line in frame.dialogue
        }
    )
    characters = []
    for key, person in plot.people.items():
        if person.appearance and (key == "A" or person.name in seen):
            main = key in ("A", "B")
            role = script_pb2.Character.ROLE_MAIN if main else script_pb2.Character.ROLE_SUPPORTING
            who = {"A": "the main character", "B": f"a friend of {plot.people['A'].name}"}.get(key, "")
            description = f"{person.name}, {person.role} {person.trait}" + (f"; {who}" if who else "")
            characters.append(
                script_pb2.Character(
                    name=person.name, role=role, description=f"{description}.", appearance=person.looks
                )
            )
    return characters
