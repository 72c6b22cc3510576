"""A budget: what would cost more than is left is not asked, and what was spent is known."""

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_llm import Answer, Budget, BudgetedLlm, Prompt, RememberedLlm, Usage

PROMPT = Prompt("scenes", "s" * 150, "u" * 150)  # 100 tokens by estimate


class Said(BaseModel):
    text: str = ""


class Paid:
    """Every answer has cost 100 tokens in and 50 out; a token costs 2."""

    model = "paid"

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False
        self.under_way = 0
        self.most_under_way = 0

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        return 2 * (input_tokens + output_tokens)

    async def ask(self, prompt: Prompt, answer: Any, check: Any = None) -> Answer[Any]:
        self.asked += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0.001)
        self.under_way -= 1
        usage = Usage(1, 100, 50, 300)
        if self.fails:
            error = ReelmillError(Reason.LLM_BAD_ANSWER, "no")
            error.usage = usage.message
            raise error
        return Answer(Said(), usage)

    async def check(self) -> None: ...

    async def close(self) -> None: ...


async def spend(llm: BudgetedLlm, times: int) -> None:
    for _ in range(times):
        await llm.ask(PROMPT, Said)


@pytest.mark.parametrize("budget", [Budget(tokens=1000), Budget(cost_micros=2000)])
async def test_it_ends_before_more_is_spent_than_there_is(budget: Budget) -> None:
    paid = Paid()
    llm = BudgetedLlm(paid, budget)
    with pytest.raises(ReelmillError) as caught:
        await spend(llm, 20)
    assert caught.value.reason is Reason.BUDGET_EXCEEDED
    assert llm.usage.tokens <= 1000
    assert llm.usage.tokens == 150 * paid.asked == 900
    assert int(caught.value.metadata["spent"]) in (900, 1800)
    assert "retry with a higher budget" in caught.value.message


async def test_without_a_limit_it_only_counts() -> None:
    llm = BudgetedLlm(Paid(), Budget())
    await spend(llm, 5)
    assert llm.usage == Usage(5, 500, 250, 1500)


async def test_questions_asked_at_once_do_not_overdraw_and_wait_for_each_other() -> None:
    paid = Paid()
    llm = BudgetedLlm(paid, Budget(tokens=1500))
    ended = await asyncio.gather(*(llm.ask(PROMPT, Said) for _ in range(30)), return_exceptions=True)
    assert llm.usage.tokens == 1500  # all that there is, though the first estimates were higher
    assert paid.asked == 10
    assert paid.most_under_way < 10
    assert sum(isinstance(one, ReelmillError) for one in ended) == 20


async def test_answers_that_failed_are_paid_for_too() -> None:
    paid = Paid()
    paid.fails = True
    llm = BudgetedLlm(paid, Budget())
    with pytest.raises(ReelmillError, match="no"):
        await llm.ask(PROMPT, Said)
    assert llm.usage == Usage(1, 100, 50, 300)


async def test_remembered_answers_count_once_and_are_not_asked_again() -> None:
    paid, store = Paid(), MemoryStore()
    for _ in range(2):
        llm = BudgetedLlm(paid, Budget())
        remembered = RememberedLlm(llm, store, "projects/p/movies/m/script/", llm.count)
        for number in range(3):
            await remembered.ask(Prompt(f"scenes-{number}", "s", "u"), Said)
        assert llm.usage == Usage(3, 300, 150, 900)
    assert paid.asked == 3
