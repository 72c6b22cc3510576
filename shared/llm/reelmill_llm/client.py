"""The Llm port on the `openai` package."""

import asyncio
import base64
import json
import random
import time
from typing import Any, TypeVar

from aiolimiter import AsyncLimiter
from openai import (
    APIConnectionError,
    AsyncOpenAI,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    OpenAIError,
    UnprocessableEntityError,
)
from openai.types.chat import ChatCompletion
from opentelemetry.trace import Span, SpanKind, StatusCode
from pydantic import BaseModel

from reelmill_kit import telemetry
from reelmill_kit.errors import ReelmillError

from .failures import Failures, TryAgain
from .ports import Answer, Check, PlainText, Prompt, Usage
from .reading import is_refusal, read_answer, read_text, strict_schema
from .settings import OPENAI_URL, LlmSettings

T = TypeVar("T", bound=BaseModel)
Message = dict[str, Any]

# How an answer is asked for, from the strictest to what every server takes.
_STRICTNESS = ("json_schema", "json_object", "plain", "bare")
_REFUSALS = 2
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_CHECK_INTERVAL, _CHECK_TIMEOUT = 30.0, 5.0


class OpenAiLlm:
    """Any server that speaks the chat completions API. One instance per process holds all its limits."""

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        self._failures = Failures(settings)
        self._client = AsyncOpenAI(
            api_key=settings.api_key.get_secret_value() or "none",
            base_url=settings.base_url or OPENAI_URL,
            timeout=settings.timeout,
            max_retries=0,
        )
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._rate = AsyncLimiter(1, 60 / settings.max_rate) if settings.max_rate else None
        self._strictness = 0
        self._closed_until = 0.0
        self._checked_until = 0.0

    @property
    def model(self) -> str:
        return self._settings.model

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        # A price of a million tokens is that many millionths for one.
        return round(input_tokens * self._settings.input_price + output_tokens * self._settings.output_price)

    async def close(self) -> None:
        await self._client.close()

    async def check(self) -> None:
        if time.monotonic() < self._checked_until:
            return
        try:
            await self._client.models.list(timeout=_CHECK_TIMEOUT)
        except (AuthenticationError, APIConnectionError, InternalServerError) as error:
            failure = self._failures.of(error)
            if isinstance(failure, TryAgain):
                failure = failure.as_error("list of models", 1)
            raise failure from None
        except (OpenAIError, ValueError):
            pass  # it answers; not every server lists its models
        self._checked_until = time.monotonic() + _CHECK_INTERVAL

    async def ask(self, prompt: Prompt, answer: type[T], check: Check[T] | None = None) -> Answer[T]:
        usage, refusals, correction = Usage(), 0, list[Message]()
        schema = None if answer is PlainText else strict_schema(answer)
        for attempt in range(1, self._settings.attempts + 1):
            try:
                completion = await self._complete(prompt, correction, schema)
                usage += self._usage(completion)
                return Answer(self._read(completion, answer, check), usage)
            except TryAgain as again:
                refusals += again.refusal
                if attempt == self._settings.attempts or refusals == _REFUSALS:
                    failed = again.as_error(prompt.name, attempt)
                    failed.usage = usage.message
                    raise failed from again
                correction = again.correction
                await self._pause(attempt, again)
            except ReelmillError as error:
                error.usage = usage.message
                raise
        raise AssertionError("attempts is at least 1")

    def _read(self, completion: ChatCompletion, answer: type[T], check: Check[T] | None) -> T:
        """The checked answer in the completion; TryAgain where there is none."""
        choices = completion.choices if isinstance(completion, ChatCompletion) else None
        if not choices or choices[0].message is None:
            raise self._failures.bad_answer("the server's response holds no message")
        choice = choices[0]
        text = choice.message.content or ""
        # In plain words "Sorry" may well be the answer.
        refused = answer is not PlainText and is_refusal(text)
        if choice.message.refusal or choice.finish_reason == "content_filter" or refused:
            raise self._failures.refused(choice.message.refusal or text)
        if choice.finish_reason == "length":
            raise self._failures.cut_off()
        try:
            value = read_text(text, answer) if answer is PlainText else read_answer(text, answer)
            if check:
                check(value)
        except ValueError as error:
            form = "" if answer is PlainText else " in JSON"
            raise self._failures.bad_answer(str(error), text, form) from error
        return value

    async def _complete(
        self, prompt: Prompt, correction: list[Message], schema: dict[str, Any] | None
    ) -> ChatCompletion:
        """One answer as the server gave it. To a 400 it asks less strictly, while it can.

        Errors are raised without their cause: a server's words may repeat the key, and tracebacks are logged.
        """
        strictness = self._strictness if schema else _STRICTNESS.index("plain")
        while True:
            request = self._request(prompt, correction, schema, strictness)
            try:
                completion = await self._send(prompt, request)
            except (BadRequestError, UnprocessableEntityError) as error:
                if error.code in ("content_filter", "content_policy_violation"):
                    raise self._failures.refused(error.message) from None
                strictness += 1
                if error.code == "context_length_exceeded" or strictness == len(_STRICTNESS):
                    raise self._failures.rejected(error) from None
            except (OpenAIError, TimeoutError, ValueError) as error:
                raise self._failures.of(error) from None
            else:
                if schema:
                    self._strictness = max(self._strictness, strictness)
                return completion

    def _request(
        self, prompt: Prompt, correction: list[Message], schema: dict[str, Any] | None, strictness: int
    ) -> dict[str, Any]:
        form = _STRICTNESS[strictness]
        system = prompt.system
        if schema and form != "json_schema":
            system += (
                f"\n\nAnswer with one JSON object of this schema, and nothing else:\n{json.dumps(schema)}"
            )
        request: dict[str, Any] = {"model": self.model}
        if form != "bare":
            request["seed"] = prompt.seed & 0x7FFFFFFF
        if schema and form == "json_schema":
            request["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": prompt.name, "strict": True, "schema": schema},
            }
        elif schema and form == "json_object":
            request["response_format"] = {"type": "json_object"}
        request["messages"] = [
            {"role": "system", "content": system},
            {"role": "user", "content": _content(prompt)},
            *correction,
        ]
        return request

    async def _send(self, prompt: Prompt, request: dict[str, Any]) -> ChatCompletion:
        async with self._slots:
            if (wait := self._closed_until - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            if self._rate:
                await self._rate.acquire()
            return await self._call(prompt, request)

    async def _call(self, prompt: Prompt, request: dict[str, Any]) -> ChatCompletion:
        with telemetry.tracer().start_as_current_span(
            f"chat {self.model}",
            kind=SpanKind.CLIENT,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": self.model,
                "server.address": self._settings.server,
                "reelmill.prompt": prompt.name,
            },
            # What a server says may repeat the key it was given.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                async with asyncio.timeout(self._settings.timeout):
                    completion: ChatCompletion = await self._client.chat.completions.create(**request)
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise
            self._record(span, completion)
            return completion

    def _record(self, span: Span, completion: ChatCompletion) -> None:
        usage = self._usage(completion)
        span.set_attribute("gen_ai.usage.input_tokens", usage.input_tokens)
        span.set_attribute("gen_ai.usage.output_tokens", usage.output_tokens)
        if isinstance(completion, ChatCompletion):
            span.set_attribute("gen_ai.response.model", completion.model or "")
            span.set_attribute(
                "gen_ai.response.finish_reasons",
                [str(choice.finish_reason) for choice in completion.choices or []],
            )
        tokens = telemetry.instruments().tokens
        tokens.add(usage.input_tokens, {"gen_ai.token.type": "input", "gen_ai.request.model": self.model})
        tokens.add(usage.output_tokens, {"gen_ai.token.type": "output", "gen_ai.request.model": self.model})

    def _usage(self, completion: ChatCompletion) -> Usage:
        told = completion.usage if isinstance(completion, ChatCompletion) else None
        read = (told.prompt_tokens or 0) if told else 0
        written = (told.completion_tokens or 0) if told else 0
        return Usage(1, read, written, self.cost(read, written))

    async def _pause(self, attempt: int, again: TryAgain) -> None:
        """Before the next attempt. Where the server says when to come back, every question waits."""
        if again.wait is not None:
            self._closed_until = max(self._closed_until, time.monotonic() + again.wait)
        elif not again.correction:
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1))
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))


def _content(prompt: Prompt) -> str | list[dict[str, Any]]:
    """The user's message, its images as data URIs before the text."""
    if not prompt.images:
        return prompt.user
    images = [{"type": "image_url", "image_url": {"url": _data_uri(image)}} for image in prompt.images]
    return [*images, {"type": "text", "text": prompt.user}]


def _data_uri(image: bytes) -> str:
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
