"""Money: what a script costs by the server's own counts, and a budget that ends it in good order."""

from collections.abc import AsyncIterator

import pytest

from reelmill.v1 import script_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import silent
from reelmill_llm import Llm, LlmSettings, open_llm
from reelmill_script.llm.writer import LlmWriter
from reelmill_script.stage import ScriptStage
from tests.support.openai_server import OpenAiServer, no_json


@pytest.fixture
async def priced(llm_settings: LlmSettings) -> AsyncIterator[Llm]:
    """0.5 for a million tokens in, 2 for a million out."""
    llm = open_llm(llm_settings.model_copy(update={"input_price": 0.5, "output_price": 2.0}))
    assert llm is not None
    yield llm
    await llm.close()


def asked(tokens: int = 0, cost_micros: int = 0) -> script_pb2.WriteScriptRequest:
    wanted = script_pb2.WriteScriptRequest(
        movie="projects/acme/movies/m-1",
        theme="A lighthouse keeper adopts a storm",
        shape=script_pb2.ScriptShape(chapters=4, scenes=4, frames=4),
    )
    wanted.budget.tokens, wanted.budget.cost_micros = tokens, cost_micros
    return wanted


async def test_tokens_are_counted_and_priced_a_call(
    server: OpenAiServer, priced: Llm, store: MemoryStore
) -> None:
    usage = (await ScriptStage(LlmWriter(priced, store), store).run(asked(), silent)).usage
    assert usage.calls == len(server.asked) == 1 + 4 + 16
    assert usage.cost_micros == pytest.approx(0.5 * usage.input_tokens + 2 * usage.output_tokens, abs=25)
    assert usage.cost_micros > 0


async def test_a_budget_ends_a_script_and_a_higher_one_goes_on_paying_for_nothing_twice(
    server: OpenAiServer, priced: Llm, store: MemoryStore
) -> None:
    stage = ScriptStage(LlmWriter(priced, store), store)
    whole = (await ScriptStage(LlmWriter(priced, MemoryStore()), MemoryStore()).run(asked(), silent)).usage
    server.asked.clear()
    with pytest.raises(ReelmillError) as caught:
        await stage.run(asked(cost_micros=whole.cost_micros // 2), silent)
    assert caught.value.reason is Reason.BUDGET_EXCEEDED
    spent = caught.value.usage
    assert spent is not None
    assert 0 < spent.cost_micros <= whole.cost_micros // 2
    assert spent.calls == len(server.asked)
    script = await stage.run(asked(cost_micros=10 * whole.cost_micros), silent)
    assert len(server.asked) == whole.calls
    assert script.usage == whole


async def test_answers_of_no_use_are_paid_for_and_told(
    server: OpenAiServer, priced: Llm, store: MemoryStore
) -> None:
    server.always(no_json)
    with pytest.raises(ReelmillError) as caught:
        await ScriptStage(LlmWriter(priced, store), store).run(asked(), silent)
    assert caught.value.reason is Reason.LLM_BAD_ANSWER
    assert caught.value.usage is not None
    assert caught.value.usage.calls == len(server.asked) == 3
