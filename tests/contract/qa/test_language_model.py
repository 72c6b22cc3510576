"""The QA stage with a language model behind a real HTTP server that speaks the OpenAI API and misbehaves."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from reelmill.v1 import qa_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import MovieName
from reelmill_kit.progress import silent
from reelmill_llm import Llm, LlmSettings, open_llm
from reelmill_qa.stage import QaStage
from tests.support import openai_server as api
from tests.support.openai_server import API_KEY, OpenAiServer, openai_server
from tests.unit.qa.stories import lighthouse

Question = qa_pb2.Question
MOVIE = MovieName("films", "m-1")


def examiner(system: str, user: str) -> object:
    """Asks one question a part, answered with the words of its first frame."""
    if "have not seen" in system:
        numbers = re.findall(r"^(\d+)\. ", user, re.MULTILINE)
        return {"answers": [{"number": int(number), "answer": "A"} for number in numbers]}
    assert "question and answer pairs" in system

    def drafts(text: str, kind: str) -> list[dict[str, Any]]:
        frame = re.search(r"Frame (\d+) \(.*?\): (.*?\.)(?: \[|$)", text, re.MULTILINE)
        assert frame is not None
        asked = (
            f"What can be seen in {frame[1]} pictures?" if kind == "plot" else f"What is {frame[1]} about?"
        )
        evidence = [{"frame": int(frame[1]), "lines": []}]
        return [{"kind": kind, "question": asked, "answer": frame[2], "evidence": evidence}]

    _, *parts = re.split(r"\nScene \d+: ", user)
    if not parts:
        return {"questions": drafts(user, "overview")}
    scenes = [{"scene": n, "questions": drafts(part, "plot")} for n, part in enumerate(parts, 1)]
    return {"chapter": drafts(user, "overview"), "scenes": scenes}


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with openai_server(examiner) as running:
        yield running


@pytest.fixture
async def llm(server: OpenAiServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Llm]:
    settings = {"MODEL": "test-model", "BASE_URL": server.url, "API_KEY": API_KEY, "TIMEOUT": "1.5"}
    for name, value in {**settings, "ATTEMPTS": "3"}.items():
        monkeypatch.setenv(f"REELMILL_LLM_{name}", value)
    opened = open_llm(LlmSettings())
    assert opened is not None
    yield opened
    await opened.close()


async def write(llm: Llm, store: MemoryStore) -> qa_pb2.QuestionSet:
    options = qa_pb2.QuestionOptions(skip_blind_test=True)
    request = qa_pb2.WriteQuestionsRequest(movie=str(MOVIE), script=lighthouse(), options=options)
    return await QaStage(store, llm).run(request, silent)


def of_model(questions: qa_pb2.QuestionSet) -> list[str]:
    return [q.question for q in questions.questions if re.match(r"What (can be seen|is \d)", q.question)]


async def test_the_models_questions_are_kept_where_the_frames_bear_them_out(
    llm: Llm, server: OpenAiServer
) -> None:
    questions = await write(llm, MemoryStore())
    assert len(of_model(questions)) >= 5
    assert {q.checked_by for q in questions.questions} == {"text", "timeline"}
    assert any(q.kind == Question.KIND_TEMPORAL for q in questions.questions)
    assert questions.writer == "test-model"
    assert questions.usage.calls == len(server.asked) == 3
    assert questions.usage.input_tokens > 100


@pytest.mark.parametrize(
    "fault",
    [
        api.malformed,
        api.fenced,
        api.no_json,
        api.cut_off,
        api.refusal,
        api.server_error,
        api.hung,
        api.limited("0.2"),
    ],
    ids=lambda fault: fault.__name__,
)
async def test_a_fault_is_mended_and_the_questions_are_the_same(
    fault: api.Fault, llm: Llm, server: OpenAiServer
) -> None:
    good = await write(llm, MemoryStore())
    server.then(fault)
    mended = await write(llm, MemoryStore())
    assert list(mended.questions) == list(good.questions)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (api.malformed, Reason.LLM_BAD_ANSWER),
        (api.refusal, Reason.LLM_REFUSED),
        (api.server_error, Reason.LLM_UNAVAILABLE),
        (api.quota_used_up, Reason.LLM_REJECTED),
        (api.changed(lambda data: data.clear()), Reason.LLM_BAD_ANSWER),
    ],
)
async def test_a_fault_that_stays_ends_with_its_reason_and_no_questions(
    fault: api.Fault, reason: Reason, llm: Llm, server: OpenAiServer
) -> None:
    server.always(fault)
    store = MemoryStore()
    with pytest.raises(ReelmillError) as caught:
        await write(llm, store)
    assert caught.value.reason is reason
    assert MOVIE.questions_key not in store.objects


async def test_what_was_answered_before_a_failure_is_not_asked_again(llm: Llm, server: OpenAiServer) -> None:
    store = MemoryStore()
    await write(llm, store)
    asked = len(server.asked)
    await store.delete_prefix(MOVIE.questions_key)
    assert (await write(llm, store)).usage.calls == 3
    assert len(server.asked) == asked


async def test_a_reader_that_always_takes_the_first_choice_gives_little_away(llm: Llm) -> None:
    request = qa_pb2.WriteQuestionsRequest(movie=str(MOVIE), script=lighthouse())
    questions = await QaStage(MemoryStore(), llm).run(request, silent)
    test = questions.blind_test
    assert test.reader == "test-model"
    assert [trial.view for trial in test.trials] == [1, 2, 3]
    assert test.trials[0].right == 0
    assert len(questions.questions) == test.trials[0].kept_asked
    assert questions.usage.calls > 3
    assert {prompt.name for prompt in questions.prompts} >= {"qa/questions", "qa/blind"}
