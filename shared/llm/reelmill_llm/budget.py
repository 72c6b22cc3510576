"""How much may be spent: a question that would cost more than is left is not asked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from reelmill.v1 import common_pb2
from reelmill_kit.errors import Reason, ReelmillError

from .ports import Answer, Check, Llm, Prompt, T, Usage

# What a question may cost before any of its name was answered: bytes for a token, and tokens of the answer.
_BYTES, _ANSWER = 3, 500
_IMAGE = 1000  # tokens, while nobody knows: models differ


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of tokens, in and out together, and of cost in millionths; 0: none."""

    tokens: int = 0
    cost_micros: int = 0

    @classmethod
    def of(cls, message: common_pb2.Budget) -> "Budget":
        return cls(message.tokens, message.cost_micros)


class Purse:
    """A budget that several models may spend from, what was spent of it, and what is set aside."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._under_way = Usage()
        self._settled = asyncio.Condition()
        self.usage = Usage()

    async def set_aside(self, name: str, estimate: Callable[[], tuple[Usage, bool]]) -> Usage:
        """Waits while others have set too much aside; returns what was set aside now.

        `estimate`, asked again after every answer, says what a question may cost and whether that is known:
        if not, and there is a limit, it waits until no other is on its way. Raises BUDGET_EXCEEDED.
        """
        async with self._settled:
            await self._settled.wait_for(lambda: self._may(name, *estimate()))
            expected, _ = estimate()
            self._under_way += expected
            return expected

    async def settle(self, expected: Usage) -> None:
        async with self._settled:
            self._under_way += Usage(
                -expected.calls, -expected.input_tokens, -expected.output_tokens, -expected.cost_micros
            )
            self._settled.notify_all()

    def _may(self, name: str, expected: Usage, known: bool) -> bool:
        """False: not while others are on their way. Raises BUDGET_EXCEEDED."""
        if not known and self._under_way.calls and self._budget != Budget():
            return False
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
                    f"the budget of {_said(what, limit)} does not reach for the next {name}: "
                    f"{_said(what, spent)} are spent; what was written is kept, retry with a higher budget",
                    limit=str(limit),
                    spent=str(spent),
                    unit=what,
                )
                raise error
            return False
        return True


class BudgetedLlm:
    """An Llm that spends no more than its budget, and knows what it has spent.

    Before a question goes out its cost is estimated, high, and set aside. Where what is set aside for others
    leaves too little it waits for their answers; where there is too little without them it raises
    BUDGET_EXCEEDED. What was spent before, on answers that are remembered, is told to `count`. What an image
    costs is the model's to say: where there is a limit, the first question with images is asked alone.
    """

    def __init__(self, llm: Llm, budget: Budget | Purse) -> None:
        self._llm = llm
        self._purse = budget if isinstance(budget, Purse) else Purse(budget)
        self._largest: dict[str, int] = {}
        self._of_image: int | None = None

    @property
    def model(self) -> str:
        return self._llm.model

    @property
    def usage(self) -> Usage:
        """Of all that spend from the same purse."""
        return self._purse.usage

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        return self._llm.cost(input_tokens, output_tokens)

    def count(self, usage: Usage) -> None:
        self._purse.usage += usage

    async def ask(self, prompt: Prompt, answer: type[T], check: Check[T] | None = None) -> Answer[T]:
        expected = await self._purse.set_aside(prompt.name, lambda: self._estimate(prompt))
        try:
            given = await self._llm.ask(prompt, answer, check)
            self.count(given.usage)
            self._learn(prompt, given.usage)
        except ReelmillError as error:
            if error.usage is not None:
                self.count(Usage.of(error.usage))
            raise
        finally:
            await self._purse.settle(expected)
        return given

    def _learn(self, prompt: Prompt, usage: Usage) -> None:
        self._largest[prompt.name] = max(self._largest.get(prompt.name, 0), usage.output_tokens)
        if prompt.images:
            words = _words(prompt)
            each = -(-max(0, usage.input_tokens // max(1, usage.calls) - words) // len(prompt.images))
            self._of_image = max(self._of_image or 0, each)

    async def check(self) -> None:
        await self._llm.check()

    async def close(self) -> None:
        await self._llm.close()

    def _estimate(self, prompt: Prompt) -> tuple[Usage, bool]:
        each = _IMAGE if self._of_image is None else self._of_image
        read = _words(prompt) + each * len(prompt.images)
        written = self._largest.get(prompt.name, _ANSWER)
        known = not prompt.images or self._of_image is not None
        return Usage(1, read, written, self.cost(read, written)), known


def _words(prompt: Prompt) -> int:
    return len((prompt.system + prompt.user).encode()) // _BYTES


def _said(what: str, value: int) -> str:
    return f"{value / 1e6:.6g}" if what == "cost_micros" else f"{value:,} tokens"
