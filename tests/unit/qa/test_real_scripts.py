"""Questions about scripts as the script service writes them."""

import re

import pytest

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_kit.progress import silent
from reelmill_qa.offline import OfflineWriter
from reelmill_qa.proof import Reader, prove
from reelmill_qa.scopes import all_scopes
from reelmill_script.domain import ScriptRequest
from reelmill_script.offline.writer import OfflineWriter as ScriptWriter

Question = qa_pb2.Question
THEMES = (
    "A lighthouse keeper adopts a storm",
    "Two sisters search for their father in the desert",
    "A robot learns to bake bread, and the whole street comes to taste it",
)


async def script(
    theme: str, seed: int, chapters: int = 3, scenes: int = 3, frames: int = 3
) -> script_pb2.Script:
    request = script_pb2.WriteScriptRequest(
        movie="projects/films/movies/m-1",
        theme=theme,
        seed=seed,
        shape=script_pb2.ScriptShape(chapters=chapters, scenes=scenes, frames=frames),
    )
    return await ScriptWriter().write(ScriptRequest.parse(request), silent)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("seed", range(2))
async def test_every_part_has_its_questions_in_good_form(theme: str, seed: int) -> None:
    written = await script(theme, seed)
    questions = OfflineWriter(written, seed).write().numbered()
    reader = Reader(written)
    for scope in all_scopes(written):
        inside = {frame.index for frame in scope.frames}
        own = [
            question
            for question in questions
            if question.level == scope.level and {proof.frame for proof in question.evidence} <= inside
        ]
        kinds = {question.kind for question in own}
        if scope.level != Question.LEVEL_SCENE:
            assert Question.KIND_OVERVIEW in kinds
        assert Question.KIND_PLOT in kinds, scope.label
        assert Question.KIND_TEMPORAL in kinds or scope.level == Question.LEVEL_SCENE, scope.label
    for question in questions:
        assert prove(question, reader) == question.checked_by
        for text in (question.question, question.answer):
            assert not re.search(r"  | [,.?]|\.\.|[{}<>]|\b(\w+) \1\b", text), text
        assert re.match(r"[A-Z].*\?$", question.question)
        assert re.search(r"^[A-Z“\d].*[.!?]”?\.?$", question.answer), question.answer


async def test_most_scenes_have_a_question_about_order() -> None:
    questions = OfflineWriter(await script(THEMES[0], 7, 4, 4, 4), 7).write().questions
    asked = [q for q in questions if (q.level, q.kind) == (Question.LEVEL_SCENE, Question.KIND_TEMPORAL)]
    assert len(asked) >= 13


async def test_a_movie_of_the_papers_size_has_at_least_its_number_of_questions() -> None:
    written = await script(THEMES[0], 7, 11, 11, 11)
    sheet = OfflineWriter(written, 7).write()
    assert len(sheet.questions) >= 265  # the paper's: 1 for the movie, 2 a chapter, 2 a scene
    assert sheet.dropped < len(sheet.questions) / 8
