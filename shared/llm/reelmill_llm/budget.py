"""How much may be spent: a question that would cost more than is left is not asked."""

import asyncio
from dataclasses import dataclass

from reelmill.v1 import common_pb2
from reelmill_kit.errors import Reason, ReelmillError

from .ports import Answer, Check, Llm, Prompt, T, Usage

# What a question may cost before any of its name was answered: bytes for a token, and tokens of the answer.
_BYTES, _ANSWER = 3, 500
_IMAGE = 1000  # tokens; models differ, and few take more for one of half a megapixel


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of tokens, in and out together, and of cost in millionths; 0: none."""

    tokens: int = 0
    cost_micros: int = 0

    @classmethod
    def of(cls, message: common_pb2.Budget) -> "Budget":
        return cls(message.tokens, message.cost_micros)


class BudgetedLlm:
    """An Llm that spends no more than its budget, and knows what it has spent.

    Before a question goes out its cost is estimated, high, and set aside. Where what is set aside for others
    leaves too little it waits for their answers; where there is too little without them it raises
    BUDGET_EXCEEDED. What was spent before, on answers that are remembered, is told to `count`.
    """

    def __init__(self, llm: Llm, budget: Budget) -> None:
        self._llm = llm
        self._budget = budget
        self._under_way = Usage()
        self._settled = asyncio.Condition()
        self._largest: dict[str, int] = {}
        self.usage = Usage()

    @property
    def model(self) -> str:
        return self._llm.model

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        return self._llm.cost(input_tokens, output_tokens)

    def count(self, usage: Usage) -> None:
        self.usage += usage

    async def ask(self, prompt: Prompt, answer: type[T], check: Check[T] | None = None) -> Answer[T]:
        async with self._settled:
            await self._settled.wait_for(lambda: self._may(prompt))
            expected = self._expected(prompt)
            self._under_way += expected
        try:
            given = await self._llm.ask(prompt, answer, check)
            self.usage += given.usage
            self._largest[prompt.name] = max(self._largest.get(prompt.name, 0), given.usage.output_tokens)
        except ReelmillError as error:
            if error.usage is not None:
                self.usage += Usage.of(error.usage)
            raise
        finally:
            await self._settle(expected)
        return given

    async def _settle(self, expected: Usage) -> None:
        async with self._settled:
            self._under_way += Usage(
                -expected.calls, -expected.input_tokens, -expected.output_tokens, -expected.cost_micros
            )
            self._settled.notify_all()

    async def check(self) -> None:
        await self._llm.check()

    async def close(self) -> None:
        await self._llm.close()

    def _expected(self, prompt: Prompt) -> Usage:
        read = len((prompt.system + prompt.user).encode()) // _BYTES + _IMAGE * len(prompt.images)
        written = self._largest.get(prompt.name, _ANSWER)
        return Usage(1, read, written, self.cost(read, written))

    def _may(self, prompt: Prompt) -> bool:
        """False: not while others are on their way. Raises BUDGET_EXCEEDED."""
        expected = self._expected(prompt)
        alone, would = self.usage + expected, self.usage + expected + self._under_way
        for what, spent, least, total, limit in (
            ("tokens", self.usage.tokens, alone.tokens, would.tokens, self._budget.tokens),
            (
                "cost_micros",
                self.usage.cost_micros,
                alone.cost_micros,
                would.cost_micros,
                self._budget.cost_micros,
            ),
        ):
            if not limit or total <= limit:
                continue
            if least > limit:
                error = ReelmillError(
                    Reason.BUDGET_EXCEEDED,
                    f"the budget of {_said(what, limit)} does not reach for the next {prompt.name}: "
                    f"{_said(what, spent)} are spent; what was written is kept, retry with a higher budget",
                    limit=str(limit),
                    spent=str(spent),
                    unit=what,
                )
                raise error
            return False
        return True


def _said(what: str, value: int) -> str:
    return f"{value / 1e6:.6g}" if what == "cost_micros" else f"{value:,} tokens"
