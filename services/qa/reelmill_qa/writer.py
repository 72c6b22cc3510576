"""Puts the questions of a movie together: with a language model where there is one, otherwise without."""

import asyncio

from reelmill.v1 import common_pb2, qa_pb2, script_pb2
from reelmill_kit.progress import Report
from reelmill_llm import Llm, Usage

from .llm import SUPPORT, draft_questions
from .offline import OfflineWriter
from .scopes import Scope, all_scopes
from .sheet import Sheet

Question = qa_pb2.Question
_DRAFTS = {Question.LEVEL_MOVIE: 4, Question.LEVEL_CHAPTER: 3, Question.LEVEL_SCENE: 2}


async def write_questions(
    script: script_pb2.Script, seed: int, llm: Llm | None, report: Report
) -> qa_pb2.QuestionSet:
    """Where no overview of the model's can be proved, a part gets the offline writer's."""
    offline = OfflineWriter(script, seed)
    if llm is None:
        report("writing questions")
        sheet, usage = await asyncio.to_thread(offline.write), Usage()
    else:
        drafts, usage = await draft_questions(llm, script, seed, report)

        def prove_drafts() -> Sheet:
            sheet = Sheet(script)
            for scope in all_scopes(script):
                candidates = drafts.get((scope.chapter, scope.scene), [])
                kept = sheet.take(candidates, _DRAFTS[scope.level], SUPPORT)
                if not _has_overview(scope, sheet.questions[len(sheet.questions) - kept :]):
                    offline.overview(sheet, scope)
                offline.timeline(sheet, scope)
            return sheet

        report("proving questions")
        sheet = await asyncio.to_thread(prove_drafts)
    return qa_pb2.QuestionSet(
        questions=sheet.numbered(),
        writer=llm.model if llm is not None else "offline",
        usage=common_pb2.Usage(
            calls=usage.calls, input_tokens=usage.input_tokens, output_tokens=usage.output_tokens
        ),
        dropped=sheet.dropped,
    )


def _has_overview(scope: Scope, questions: list[Question]) -> bool:
    """For a scene any question does: the paper asks for no overview of scenes."""
    if scope.level == Question.LEVEL_SCENE:
        return bool(questions)
    return any(question.kind == Question.KIND_OVERVIEW for question in questions)
