"""Puts the questions of a movie together: with a language model where there is one, otherwise without."""

import asyncio

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_kit.progress import Report
from reelmill_llm import Llm, Usage

from .blind import BlindTester
from .blind.model import ModelReader
from .choices import balance
from .finish import Keeper, give_choices
from .llm import SUPPORT, Drafts, draft_questions
from .offline import OfflineWriter
from .options import Options
from .prompts import prompt_versions
from .scopes import Scope, all_scopes
from .sheet import Sheet
from .timeline import timeline

Question = qa_pb2.Question


async def write_questions(
    script: script_pb2.Script, seed: int, options: Options, llm: Llm | None, report: Report
) -> tuple[qa_pb2.QuestionSet, Usage]:
    """Where no overview of the model's can be proved, a part gets the offline writer's.

    Raises ReelmillError with one of the LLM's reasons.
    """
    script, usage = await timeline(script, seed, llm)
    drafts: Drafts = {}
    if llm is None:
        report("writing questions")
    else:
        drafts, spent = await draft_questions(llm, script, seed, report)
        usage += spent
        report("proving questions")
    sheet = await asyncio.to_thread(_prove, script, seed, options, drafts)
    choices = await asyncio.to_thread(give_choices, sheet, seed, options)
    result = qa_pb2.QuestionSet(writer=llm.model if llm else "offline", dropped=sheet.dropped)
    if not options.skip_blind_test:
        keep = Keeper(sheet.questions)
        tester = BlindTester(sheet.questions, choices, keep)
        test = await asyncio.to_thread(tester.run, seed)
        sheet.questions[:] = tester.questions
        if llm is not None:
            reader = ModelReader(llm, script, seed)
            kept, of_model = await reader.test(sheet.questions, choices, keep, report)
            usage += reader.usage
            of_model.dropped += test.dropped
            of_model.rewritten += test.rewritten
            sheet.questions[:], test = kept, of_model
        result.blind_test.CopyFrom(test)
    balance(sheet.questions, seed)
    result.questions.extend(sheet.numbered())
    if llm is not None:
        result.prompts.extend(prompt_versions())
    return result, usage


def _prove(script: script_pb2.Script, seed: int, options: Options, drafts: Drafts) -> Sheet:
    offline = OfflineWriter(script, seed, options)
    sheet = Sheet(script)
    for scope in all_scopes(script):
        candidates = [q for q in drafts.get((scope.chapter, scope.scene), []) if q.kind in options.kinds]
        kept = sheet.take(candidates, min(options.wanted(scope.level), len(candidates)), SUPPORT)
        own = sheet.questions[len(sheet.questions) - kept :]
        offline.part(sheet, scope, kept, not _has_overview(scope, own))
    return sheet


def _has_overview(scope: Scope, questions: list[Question]) -> bool:
    """For a scene any question does: the paper asks for no overview of scenes."""
    if scope.level == Question.LEVEL_SCENE:
        return bool(questions)
    return any(question.kind == Question.KIND_OVERVIEW for question in questions)
