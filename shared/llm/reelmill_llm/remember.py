"""Answers are kept in the object store as they come, so that nothing is paid for twice."""

from collections.abc import Callable
from typing import Generic

from pydantic import BaseModel, ValidationError

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.store import ObjectStore

from .ports import Answer, Check, Llm, Prompt, T, Usage
from .reading import strict_schema


class _Kept(BaseModel, Generic[T]):
    """The stored object."""

    model: str
    answer: T
    calls: int
    input_tokens: int
    output_tokens: int
    cost_micros: int = 0  # not in those of before there were prices


class RememberedLlm:
    """An Llm whose answers lie under `prefix`, one object a question: `{prefix}{name}-{digest}.json`.

    An object that cannot be read, or that no longer passes the check, is asked for anew and replaced.
    """

    def __init__(
        self, llm: Llm, store: ObjectStore, prefix: str, found: Callable[[Usage], None] = lambda usage: None
    ) -> None:
        """`found` hears what an answer that was there has cost when it was given."""
        self._llm = llm
        self._found = found
        self._store = store
        self._prefix = prefix

    @property
    def model(self) -> str:
        return self._llm.model

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        return self._llm.cost(input_tokens, output_tokens)

    async def ask(self, prompt: Prompt, answer: type[T], check: Check[T] | None = None) -> Answer[T]:
        key = f"{self._prefix}{prompt.name}-{prompt.digest(self.model, strict_schema(answer))}.json"
        kept: type[_Kept[T]] = _Kept[answer]  # type: ignore[valid-type]
        try:
            found = kept.model_validate_json(await self._store.get(key))
            if check:
                check(found.answer)
            usage = Usage(found.calls, found.input_tokens, found.output_tokens, found.cost_micros)
            self._found(usage)
            return Answer(found.answer, usage)
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
        except (ValidationError, ValueError):
            pass
        new = await self._llm.ask(prompt, answer, check)
        usage = new.usage
        record = kept(
            model=self.model,
            answer=new.value,
            calls=usage.calls,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_micros=usage.cost_micros,
        )
        await self._store.put(key, record.model_dump_json(indent=1).encode(), "application/json")
        return new

    async def check(self) -> None:
        await self._llm.check()

    async def close(self) -> None:
        await self._llm.close()
