"""What a caller sees: a question, a checked answer, what it cost."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from reelmill.v1 import common_pb2

from .settings import LlmSettings

T = TypeVar("T", bound=BaseModel)
Check = Callable[[T], None]
"""Looks at a well-formed answer; raises ValueError with a sentence that tells the model what to do better."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What was asked and what it cost; calls that had to be repeated count too."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0
    """Millionths of the currency that the prices are in."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost_micros + other.cost_micros,
        )

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def message(self) -> common_pb2.Usage:
        return common_pb2.Usage(
            calls=self.calls,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_micros=self.cost_micros,
        )

    @classmethod
    def of(cls, message: common_pb2.Usage) -> "Usage":
        return cls(message.calls, message.input_tokens, message.output_tokens, message.cost_micros)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question. What users wrote belongs into `user`, marked as data; `system` is ours alone."""

    name: str  # what is asked for, for spans and messages, for example "scenes"
    system: str
    user: str
    seed: int = 0
    images: tuple[bytes, ...] = ()  # JPEG or PNG, in the order in which they are shown

    def digest(self, model: str, schema: dict[str, object]) -> str:
        """The same question to the same model for the same kind of answer: 32 hexadecimal digits."""
        asked = [model, self.system, self.user, self.seed, schema]
        shown = [hashlib.sha256(image).hexdigest() for image in self.images]
        text = json.dumps([*asked, shown] if shown else asked, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class PlainText(BaseModel):
    """An answer in free words: neither JSON nor a schema is asked for."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    value: T
    usage: Usage


class Llm(Protocol):
    @property
    def model(self) -> str: ...

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """In millionths of the currency that the prices are in; 0 without prices."""

    async def ask(self, prompt: Prompt, answer: type[T], check: Check[T] | None = None) -> Answer[T]:
        """A whole, checked answer, or ReelmillError: LLM_UNAVAILABLE (may be tried again later), LLM_REFUSED,
        LLM_BAD_ANSWER or LLM_REJECTED, with what was spent in its `usage`."""

    async def check(self) -> None:
        """Returns if the model's server can be reached now; raises LLM_UNAVAILABLE or LLM_REJECTED."""

    async def close(self) -> None: ...


def open_llm(settings: LlmSettings) -> Llm | None:
    """The configured model, or None where there is none; nothing is connected yet."""
    if not settings.configured:
        return None
    from .client import OpenAiLlm  # takes 30 MB and half a second, which a service without an LLM saves

    return OpenAiLlm(settings)
