"""What the blind test costs: counted with the movie's questions, ended by their budget."""

from collections.abc import AsyncIterator, Iterator

import pytest

from reelmill.v1 import common_pb2, qa_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import MovieName
from reelmill_kit.progress import silent
from reelmill_llm import Llm, LlmSettings, open_llm
from reelmill_qa.stage import QaStage
from tests.contract.qa.test_language_model import examiner
from tests.support.openai_server import API_KEY, OpenAiServer, openai_server
from tests.unit.qa.stories import lighthouse

MOVIE = MovieName("films", "m-1")


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with openai_server(examiner) as running:
        yield running


@pytest.fixture
async def llm(server: OpenAiServer) -> AsyncIterator[Llm]:
    """0.5 for a million tokens in, 2 for a million out."""
    settings = {"model": "test-model", "base_url": server.url, "api_key": API_KEY}
    opened = open_llm(LlmSettings.model_validate({**settings, "input_price": 0.5, "output_price": 2.0}))
    assert opened is not None
    yield opened
    await opened.close()


async def write(
    llm: Llm, store: MemoryStore, *, skip: bool = False, tokens: int = 0, cost_micros: int = 0
) -> qa_pb2.QuestionSet:
    request = qa_pb2.WriteQuestionsRequest(
        movie=str(MOVIE),
        script=lighthouse(),
        options=qa_pb2.QuestionOptions(skip_blind_test=skip),
        budget=common_pb2.Budget(tokens=tokens, cost_micros=cost_micros),
    )
    return await QaStage(store, llm).run(request, silent)


def blind(server: OpenAiServer) -> int:
    return sum("have not seen" in asked.system for asked in server.asked)


async def test_readings_are_counted_with_the_questions_and_priced(llm: Llm, server: OpenAiServer) -> None:
    without = (await write(llm, MemoryStore(), skip=True)).usage
    assert blind(server) == 0
    server.asked.clear()
    whole = (await write(llm, MemoryStore())).usage
    assert blind(server) == whole.calls - without.calls > 0
    assert whole.input_tokens > without.input_tokens
    assert whole.cost_micros == pytest.approx(0.5 * whole.input_tokens + 2 * whole.output_tokens, abs=25)


@pytest.mark.parametrize("unit", ["tokens", "cost_micros"])
async def test_a_budget_ends_it_in_the_middle_and_more_of_it_pays_for_nothing_twice(
    unit: str, llm: Llm, server: OpenAiServer
) -> None:
    def of(usage: common_pb2.Usage) -> int:
        return usage.input_tokens + usage.output_tokens if unit == "tokens" else usage.cost_micros

    without = (await write(llm, MemoryStore(), skip=True)).usage
    whole = (await write(llm, MemoryStore())).usage
    # Enough for the questions, for some readings and for the estimate of one more.
    limit = of(without) + (of(whole) - of(without)) // 2 + 2000
    assert limit < of(whole), "the test's story is long enough"
    server.asked.clear()
    store = MemoryStore()
    with pytest.raises(ReelmillError) as caught:
        await write(llm, store, **{unit: limit})  # type: ignore[arg-type]
    assert caught.value.reason is Reason.BUDGET_EXCEEDED
    assert "blind" in caught.value.message
    assert 0 < blind(server) < whole.calls - without.calls
    spent = caught.value.usage
    assert spent is not None
    assert of(spent) <= limit
    assert MOVIE.questions_key not in store.objects, "questions that are not tested are not handed out"
    asked = len(server.asked)
    questions = await write(llm, store, **{unit: 100 * limit})  # type: ignore[arg-type]
    assert questions.usage == whole
    assert spent.calls == asked
    assert len(server.asked) == whole.calls, "nothing was paid for twice"
