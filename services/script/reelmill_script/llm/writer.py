"""Story expanding with a language model: outline, then scenes, then frames (MovieLLM, section 3.1)."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from reelmill.v1 import script_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_llm import Answer, BudgetedLlm, Llm, Prompt, RememberedLlm
from reelmill_llm.ports import Check
from reelmill_world import VERBS

from ..domain import ScriptRequest, answers_prefix
from ..prompts import prompt_text
from .answers import (
    ChapterAnswer,
    ChaptersAnswer,
    FrameAnswer,
    FramesAnswer,
    OutlineAnswer,
    SceneAnswer,
    ScenesAnswer,
)
from .assembly import assemble
from .checks import (
    LOCATIONS,
    chapter_places,
    characters_of,
    check_chapters,
    check_frames,
    check_outline,
    check_scenes,
    places_of,
)

T = TypeVar("T", bound=BaseModel)
I = TypeVar("I")  # noqa: E741 - an item of a list that is asked for
R = TypeVar("R")
_ROUNDS = 4  # times that missing items are asked for


class LlmWriter:
    """Answers are kept under the movie as they come: a script that was interrupted goes on where it was."""

    def __init__(self, llm: Llm, store: ObjectStore) -> None:
        self._llm = llm
        self._store = store

    async def write(self, request: ScriptRequest, report: Report) -> script_pb2.Script:
        budgeted = BudgetedLlm(self._llm, request.budget)
        remembered = RememberedLlm(budgeted, self._store, answers_prefix(request.movie), budgeted.count)
        try:
            script = await _Expansion(remembered, request, report).run()
        except ReelmillError as error:
            error.usage = budgeted.usage.message
            raise
        script.usage.CopyFrom(budgeted.usage.message)
        return script


class _Expansion:
    """One script in the making."""

    def __init__(self, llm: Llm, request: ScriptRequest, report: Report) -> None:
        self._llm = llm
        self._request = request
        self._report = report
        self._frames_done = 0

    async def run(self) -> script_pb2.Script:
        request = self._request
        self._report("writing the outline", 0, request.frame_count)
        outline = await self._outline()
        self._report("writing the scenes", 0, request.frame_count)
        # A chapter's frames do not wait for another chapter's scenes.
        chapters = await together([self._chapter(outline, chapter) for chapter in outline.chapters])
        scenes = [in_chapter for in_chapter, _ in chapters]
        frames = [in_scene for _, by_scene in chapters for in_scene in by_scene]
        return assemble(request, self._llm.model, outline, scenes, frames)

    async def _chapter(
        self, outline: OutlineAnswer, chapter: ChapterAnswer
    ) -> tuple[list[SceneAnswer], list[list[FrameAnswer]]]:
        """Its scenes, and the frames of each."""
        scenes = await self._scenes(outline, chapter)
        work = [self._frames(outline, chapter, scenes, index) for index in range(self._request.scenes)]
        return scenes, await together(work)

    async def _outline(self) -> OutlineAnswer:
        request = self._request
        data: dict[str, Any] = {"theme": request.theme}
        if request.style:
            data["style"] = {"keyword": request.style.keyword, "description": request.style.description}
        system = prompt_text("outline", chapters=request.chapters, locations=LOCATIONS)
        outline = await self._ask(
            "outline",
            system,
            data,
            OutlineAnswer,
            lambda answer: check_outline(answer, request.chapters, request.theme),
        )
        places = places_of(outline)

        async def more(missing: int, so_far: Sequence[ChapterAnswer]) -> Sequence[ChapterAnswer]:
            outline.chapters = list(so_far)
            system = prompt_text("chapters", missing=missing)
            answer = await self._ask(
                "chapters",
                system,
                outline.model_dump(),
                ChaptersAnswer,
                lambda answer: check_chapters(
                    answer.chapters, places, request.theme, characters_of(outline).all
                ),
            )
            return answer.chapters

        outline.chapters = await collect("chapters", request.chapters, more, outline.chapters)
        return outline

    async def _scenes(self, outline: OutlineAnswer, chapter: ChapterAnswer) -> list[SceneAnswer]:
        places, characters = chapter_places(chapter, places_of(outline)), characters_of(outline)

        async def more(missing: int, so_far: Sequence[SceneAnswer]) -> Sequence[SceneAnswer]:
            data = {
                "outline": outline.model_dump(exclude={"style", "locations"}),
                "chapter": chapter.model_dump(),
                "scenes_written": [scene.model_dump() for scene in so_far],
            }
            system = prompt_text("scenes", missing=missing, locations=places, characters=characters)
            answer = await self._ask(
                "scenes",
                system,
                data,
                ScenesAnswer,
                lambda answer: check_scenes(answer.scenes, places, self._request.theme, characters),
            )
            return answer.scenes

        return await collect("scenes", self._request.scenes, more)

    async def _frames(
        self, outline: OutlineAnswer, chapter: ChapterAnswer, scenes: Sequence[SceneAnswer], index: int
    ) -> list[FrameAnswer]:
        characters = characters_of(outline)

        async def more(missing: int, so_far: Sequence[FrameAnswer]) -> Sequence[FrameAnswer]:
            data = {
                "title": outline.title,
                "overview": outline.overview,
                "characters": [c.model_dump(exclude={"appearance"}) for c in outline.characters],
                "chapter": chapter.summary,
                "scene_before": scenes[index - 1].summary if index else "",
                "scene": scenes[index].model_dump(),
                "scene_after": scenes[index + 1].summary if index + 1 < len(scenes) else "",
                "frames_written": [frame.model_dump() for frame in so_far],
            }
            system = prompt_text("frames", missing=missing, characters=characters, verbs=", ".join(VERBS))
            answer = await self._ask(
                "frames",
                system,
                data,
                FramesAnswer,
                lambda answer: check_frames(answer, characters, self._request.theme),
            )
            return answer.frames

        frames = await collect("frames", self._request.frames, more)
        self._frames_done += len(frames)
        self._report("writing the frames", self._frames_done, self._request.frame_count)
        return frames

    async def _ask(self, name: str, system: str, data: object, answer: type[T], check: Check[T]) -> T:
        """Our instructions are the system message; whatever others wrote is the user's, as JSON."""
        user = json.dumps(data, ensure_ascii=False, indent=1)
        given: Answer[T] = await self._llm.ask(
            Prompt(name, system, user, seed=self._request.seed), answer, check
        )
        return given.value


async def collect(
    what: str,
    count: int,
    more: Callable[[int, Sequence[I]], Awaitable[Sequence[I]]],
    first: Sequence[I] = (),
) -> list[I]:
    """`count` items: asks for the missing ones until all are there, up to a limit; the excess is left out.

    Raises LLM_BAD_ANSWER when they do not come together.
    """
    items = list(first)
    for _ in range(_ROUNDS):
        if len(items) >= count:
            break
        items += await more(count - len(items), items)
    if len(items) < count:
        raise ReelmillError(
            Reason.LLM_BAD_ANSWER,
            f"the language model gave only {len(items)} of {count} {what} although asked {_ROUNDS} times; "
            f"ask for fewer {what}, or use a model that follows instructions better",
        )
    return items[:count]


async def together(work: Sequence[Coroutine[Any, Any, R]]) -> list[R]:
    """All results in order. The first failure ends the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
