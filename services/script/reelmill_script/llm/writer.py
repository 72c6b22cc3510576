"""Story expanding with a language model: outline, then scenes, then frames (MovieLLM, section 3.1)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from reelmill.v1 import script_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.near_duplicates import Texts
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_llm import Answer, BudgetedLlm, Llm, Prompt, RememberedLlm
from reelmill_llm.ports import Check
from reelmill_world import VERBS

from ..domain import ScriptRequest, answers_prefix
from ..prompting import too_long_by
from ..prompts import prompt_text, prompt_versions
from ..tokens import BoundedTokens, PromptTokens
from .answers import (
    ChapterAnswer,
    ChaptersAnswer,
    FrameAnswer,
    FramesAnswer,
    OutlineAnswer,
    SceneAnswer,
    ScenesAnswer,
    ShorterAnswer,
)
from .assembly import Looks, assemble
from .checks import (
    LOCATIONS,
    chapter_places,
    check_chapters,
    check_frames,
    check_outline,
    check_scenes,
    check_shorter,
    story_of,
)
from .collecting import collect, together
from .names import Names
from .story_state import Cast, Story, as_data

T = TypeVar("T", bound=BaseModel)
_SHORTEST = 6  # words that still say who does what


class LlmWriter:
    """Answers are kept under the movie as they come: a script that was interrupted goes on where it was.

    `tokens`: those of the model that will draw. `near_duplicates`: the share of a scene's frames, 0 to 1,
    that may nearly repeat another frame of the movie.
    """

    def __init__(
        self,
        llm: Llm,
        store: ObjectStore,
        tokens: PromptTokens | None = None,
        near_duplicates: float = 0.1,
    ) -> None:
        self._llm = llm
        self._store = store
        self._tokens = tokens or BoundedTokens()
        self._near_duplicates = near_duplicates

    async def write(self, request: ScriptRequest, report: Report) -> script_pb2.Script:
        budgeted = BudgetedLlm(self._llm, request.budget)
        remembered = RememberedLlm(budgeted, self._store, answers_prefix(request.movie), budgeted.count)
        expansion = _Expansion(remembered, request, report, self._tokens, self._near_duplicates)
        try:
            script = await expansion.run()
        except ReelmillError as error:
            error.usage = budgeted.usage.message
            raise
        script.usage.CopyFrom(budgeted.usage.message)
        script.prompts.extend(prompt_versions())
        return script


class _Expansion:
    """One script in the making."""

    def __init__(
        self, llm: Llm, request: ScriptRequest, report: Report, tokens: PromptTokens, near_duplicates: float
    ) -> None:
        self._llm = llm
        self._request = request
        self._report = report
        self._tokens = tokens
        self._near_duplicates = near_duplicates
        self._frames_done = 0
        self._told = Texts()  # the descriptions of all frames that were taken

    async def run(self) -> script_pb2.Script:
        request = self._request
        self._report("writing the outline", 0, request.frame_count)
        outline = await self._outline()
        self._report("writing the scenes", 0, request.frame_count)
        # A chapter's frames do not wait for another chapter's scenes.
        chapters = await together([self._chapter(outline, index) for index in range(request.chapters)])
        scenes = [in_chapter for in_chapter, _ in chapters]
        frames = [in_scene for _, by_scene in chapters for in_scene in by_scene]
        return assemble(request, self._llm.model, outline, scenes, frames, self._tokens)

    async def _outline(self) -> OutlineAnswer:
        request = self._request
        data: dict[str, Any] = {"theme": request.theme}
        if request.genre:
            data["genre"] = request.genre
        if request.style:
            data["style"] = {"keyword": request.style.keyword, "description": request.style.description}
        outline = await self._ask(
            "outline",
            {"chapters": request.chapters, "locations": LOCATIONS, "changes": prompt_text("changes")},
            data,
            OutlineAnswer,
            lambda answer: check_outline(answer, request.chapters, request.theme),
        )
        story = story_of(outline)

        async def more(missing: int, so_far: Sequence[ChapterAnswer]) -> Sequence[ChapterAnswer]:
            outline.chapters = list(so_far)
            begin = story.chapters(so_far)[-1]
            answer = await self._ask(
                "chapters",
                {"missing": missing, "changes": prompt_text("changes")},
                outline.model_dump(),
                ChaptersAnswer,
                lambda answer: check_chapters(answer.chapters, story, begin, request.theme),
            )
            return answer.chapters

        outline.chapters = await collect("chapters", request.chapters, more, outline.chapters)
        return outline

    async def _chapter(
        self, outline: OutlineAnswer, index: int
    ) -> tuple[list[SceneAnswer], list[list[FrameAnswer]]]:
        """Its scenes, and the frames of each."""
        story = story_of(outline)
        chapter, begin = outline.chapters[index], story.chapters(outline.chapters)[index]
        context = _context(outline, index)
        scenes = await self._scenes(story, chapter, begin, context)
        casts = story.scenes(begin, scenes)
        work = [
            self._frames(outline, scenes[i], casts[i], _scene_context(context, chapter, scenes, i))
            for i in range(self._request.scenes)
        ]
        return scenes, await together(work)

    async def _scenes(
        self, story: Story, chapter: ChapterAnswer, begin: Cast, context: dict[str, Any]
    ) -> list[SceneAnswer]:
        places = chapter_places(chapter, story.places)

        async def more(missing: int, so_far: Sequence[SceneAnswer]) -> Sequence[SceneAnswer]:
            now = story.scenes(begin, so_far)[-1]
            answer = await self._ask(
                "scenes",
                {
                    "missing": missing,
                    "locations": places,
                    "characters": story.names,
                    "changes": prompt_text("changes"),
                },
                context
                | {
                    "states": as_data(begin),
                    "chapter": chapter.model_dump(),
                    "scenes_written": [scene.model_dump() for scene in so_far],
                },
                ScenesAnswer,
                lambda answer: check_scenes(
                    answer.scenes, places, story, now, self._request.theme, len(so_far)
                ),
            )
            return answer.scenes

        return await collect("scenes", self._request.scenes, more)

    async def _frames(
        self, outline: OutlineAnswer, scene: SceneAnswer, cast: Cast, context: dict[str, Any]
    ) -> list[FrameAnswer]:
        story = story_of(outline)
        there = Names(dict.fromkeys(map(story.names.get, scene.characters)), "scene's characters")
        known = [*story.names.all, *story.places.all, outline.title, outline.overview]
        known += [text for chapter in outline.chapters for text in (chapter.title, chapter.summary)]
        known += [scene.title, scene.summary]

        def check(answer: FramesAnswer) -> None:
            theme, share = self._request.theme, self._near_duplicates
            check_frames(answer, there, theme, known, self._told, share)
            # Here and not when the answer has come back: scenes are written beside each other.
            for frame in answer.frames:
                self._told.add(frame.description)

        async def more(missing: int, so_far: Sequence[FrameAnswer]) -> Sequence[FrameAnswer]:
            answer = await self._ask(
                "frames",
                {"missing": missing, "characters": there, "verbs": ", ".join(VERBS)},
                context
                | {
                    "states": as_data(cast),
                    "scene": scene.model_dump(include={"title", "summary", "location", "characters"}),
                    "frames_written": [frame.model_dump() for frame in so_far],
                },
                FramesAnswer,
                check,
            )
            return answer.frames

        frames = await collect("frames", self._request.frames, more)
        frames = await self._within_limit(frames, story, Looks(outline.characters, cast, self._tokens), scene)
        self._frames_done += len(frames)
        self._report("writing the frames", self._frames_done, self._request.frame_count)
        return frames

    async def _within_limit(
        self, frames: list[FrameAnswer], story: Story, looks: Looks, scene: SceneAnswer
    ) -> list[FrameAnswer]:
        """The frames, those too long for the model that draws said again in fewer words.

        A language model that cannot do that is not waited for: `frame_prompt` leaves clauses out.
        """
        place = story.places.get(scene.location)
        long = {
            index: excess
            for index, frame in enumerate(frames)
            if (excess := too_long_by(looks.words(frame, place, story.names), self._tokens)) > 0
        }
        if not long:
            return frames
        asked = [frames[index].description for index in long]
        room = [
            max(_SHORTEST, len(text.split()) - excess)
            for text, excess in zip(asked, long.values(), strict=True)
        ]
        sentences = [{"text": text, "at_most_words": words} for text, words in zip(asked, room, strict=True)]
        try:
            answer = await self._ask(
                "shorter",
                {"count": len(asked)},
                {"too_long": sentences},
                ShorterAnswer,
                lambda answer: check_shorter(answer, asked, story.names),
            )
        except ReelmillError as error:
            if error.reason is not Reason.LLM_BAD_ANSWER:
                raise
            return frames
        shorter = dict(zip(long, answer.descriptions, strict=True))
        return [
            frame.model_copy(update={"description": shorter.get(index, frame.description)})
            for index, frame in enumerate(frames)
        ]

    async def _ask(
        self, name: str, slots: Mapping[str, object], data: object, answer: type[T], check: Check[T]
    ) -> T:
        """Our instructions are the system message; whatever others wrote is the user's, as JSON."""
        user = json.dumps(data, ensure_ascii=False, indent=1)
        given: Answer[T] = await self._llm.ask(
            Prompt(name, prompt_text(name, **slots), user, seed=self._request.seed), answer, check
        )
        return given.value


def _context(outline: OutlineAnswer, chapter: int) -> dict[str, Any]:
    """The synopsis as far as a chapter's beginning, and what comes after it."""
    after = outline.chapters[chapter + 1 : chapter + 2]
    return {
        "title": outline.title,
        "overview": outline.overview,
        "characters": [one.model_dump(include={"name", "role", "description"}) for one in outline.characters],
        "story_so_far": [one.summary for one in outline.chapters[:chapter]],
        "comes_next": after[0].summary if after else "",
    }


def _scene_context(
    context: dict[str, Any], chapter: ChapterAnswer, scenes: Sequence[SceneAnswer], index: int
) -> dict[str, Any]:
    """The same as far as a scene's beginning."""
    so_far = [*context["story_so_far"], *(scene.summary for scene in scenes[:index])]
    after = scenes[index + 1].summary if index + 1 < len(scenes) else context["comes_next"]
    return context | {"chapter": chapter.summary, "story_so_far": so_far, "comes_next": after}
