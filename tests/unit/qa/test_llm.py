"""What becomes of questions that a language model writes. The model says what a test wants."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from reelmill.v1 import qa_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import silent
from reelmill_llm import Answer, Prompt, Usage
from reelmill_qa.llm import ChapterDrafts, Draft, MovieDrafts, Proof, ScenePart
from reelmill_qa.stage import QaStage
from tests.unit.qa.stories import lighthouse

Question = qa_pb2.Question
REQUEST = qa_pb2.WriteQuestionsRequest(
    movie="projects/films/movies/m-1",
    script=lighthouse(),
    options=qa_pb2.QuestionOptions(skip_blind_test=True),
)


class ScriptedLlm:
    """An Llm whose answers are given: by the kind of answer asked for."""

    model = "scripted"

    def __init__(self, movie: list[Draft], chapter: Callable[[int], ChapterDrafts]) -> None:
        self._movie = movie
        self._chapter = chapter
        self.asked: list[Prompt] = []

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        return input_tokens + output_tokens

    async def ask(self, prompt: Prompt, answer: Any, check: Any = None) -> Answer[Any]:
        self.asked.append(prompt)
        value: BaseModel = MovieDrafts(questions=self._movie)
        if answer is ChapterDrafts:
            value = self._chapter(int(prompt.name.split("-")[1]))
        if check is not None:
            try:
                check(value)
            except ValueError as error:
                raise ReelmillError(Reason.LLM_BAD_ANSWER, str(error)) from error
        return Answer(value, Usage(1, 100, 50))

    async def check(self) -> None:
        return None

    async def close(self) -> None:
        return None


def draft(
    question: str, answer: str, frame: int, kind: Any = "plot", lines: list[int] | None = None
) -> Draft:
    return Draft(
        kind=kind, question=question, answer=answer, evidence=[Proof(frame=frame, lines=lines or [])]
    )


OVERVIEW = draft("What is this film about?", "Mara keeps the light of a small harbour.", 0, "overview")
WHY = draft("Why does Mara need help?", "Because the lamp is out.", 1, lines=[0])


def chapters(number: int) -> ChapterDrafts:
    first = 6 * number
    overview = [("Mara leaves the harbour.", 0), ("Mara brings a lantern home.", 10)][number]
    return ChapterDrafts(
        chapter=[draft("What does Mara do?", overview[0], overview[1], "overview")],
        scenes=[
            ScenePart(scene=n + 1, questions=[draft(f"Who is in it, {n}?", "Mara is in it.", first + frame)])
            for n, frame in ((0, 0), (1, 4))
        ],
    )


async def run(llm: ScriptedLlm) -> qa_pb2.QuestionSet:
    return await QaStage(MemoryStore(), llm).run(REQUEST, silent)


def asked(questions: qa_pb2.QuestionSet, level: Question.Level.ValueType) -> set[str]:
    return {question.question for question in questions.questions if question.level == level}


async def test_supported_questions_are_kept_and_the_timeline_gives_the_temporal_ones() -> None:
    llm = ScriptedLlm([OVERVIEW, WHY], chapters)
    questions = await run(llm)
    assert {OVERVIEW.question, WHY.question} <= asked(questions, Question.LEVEL_MOVIE)
    assert "What does Mara do?" in asked(questions, Question.LEVEL_CHAPTER)
    temporal = [q for q in questions.questions if q.kind == Question.KIND_TEMPORAL]
    assert len(temporal) >= 8
    assert {q.checked_by for q in temporal} == {"timeline"}
    assert (questions.writer, questions.usage.calls, questions.usage.input_tokens) == ("scripted", 3, 300)


@pytest.mark.parametrize(
    "wrong",
    [
        draft("Why does Mara need help?", "Because the wind has broken every window.", 1),
        draft("Who helps Mara?", "Anna helps Mara.", 1),
        draft("Why does Mara need help?", "Because the lamp is out.", 99),
        draft("Why does Mara need help?", "Because the lamp is out.", 1, lines=[7]),
        draft("What does Zed want?", "Zed is a sailor.", 1),
        draft("What does Mara do after the lamp goes out?", "Mara asks Tom for help.", 4),
        draft("Who is it?", "Tom.", 2**40),
    ],
    ids=[
        "unsupported",
        "invented name",
        "no such frame",
        "no such line",
        "not shown",
        "about order",
        "huge number",
    ],
)
async def test_a_draft_that_cannot_be_proved_is_left_out(wrong: Draft) -> None:
    questions = await run(ScriptedLlm([OVERVIEW, wrong], chapters))
    assert wrong.question not in asked(questions, Question.LEVEL_MOVIE)


async def test_what_is_left_out_is_counted() -> None:
    good = await run(ScriptedLlm([OVERVIEW], chapters))
    bad = await run(ScriptedLlm([OVERVIEW, draft("Who helps Mara?", "Anna helps Mara.", 1)], chapters))
    assert bad.dropped == good.dropped + 1


async def test_a_part_without_a_provable_overview_gets_the_offline_writers() -> None:
    questions = await run(ScriptedLlm([draft("What is it about?", "Bees.", 0, "overview")], chapters))
    overviews = [q for q in questions.questions if q.kind == Question.KIND_OVERVIEW]
    assert [q.level for q in overviews] == [
        Question.LEVEL_MOVIE,
        Question.LEVEL_CHAPTER,
        Question.LEVEL_CHAPTER,
    ]
    assert overviews[0].question == "What is the movie about?"


async def test_a_chapter_whose_scenes_are_missing_is_asked_for_again_and_then_an_error() -> None:
    def halves(number: int) -> ChapterDrafts:
        return ChapterDrafts(chapter=chapters(number).chapter, scenes=chapters(number).scenes[:1])

    with pytest.raises(ReelmillError) as caught:
        await run(ScriptedLlm([OVERVIEW], halves))
    assert caught.value.reason is Reason.LLM_BAD_ANSWER
    assert "[2]" in caught.value.message


async def test_answers_are_remembered_so_that_a_job_that_died_pays_once() -> None:
    store = MemoryStore()
    llm = ScriptedLlm([OVERVIEW], chapters)
    first = await QaStage(store, llm).run(REQUEST, silent)
    await store.delete_prefix("projects/films/movies/m-1/questions.json")
    assert await QaStage(store, llm).run(REQUEST, silent) == first
    assert len(llm.asked) == 3


async def test_what_users_wrote_is_no_part_of_the_instructions() -> None:
    llm = ScriptedLlm([OVERVIEW], chapters)
    await run(llm)
    assert len({prompt.system for prompt in llm.asked}) == 1
    assert "Mara" not in llm.asked[0].system
