"""What can go wrong with a language model, in the words of the error catalogue."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from openai import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)

from reelmill_kit.errors import Reason, ReelmillError

from .settings import LlmSettings

Message = dict[str, str]
_SHOWN, _REPEATED = 300, 4000


class TryAgain(Exception):
    """An attempt failed in a way that another may not.

    `wait`: seconds until the server wants to be asked again. `correction`: messages that tell the model what
    was wrong with its answer.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        wait: float | None = None,
        correction: list[Message] | None = None,
        advice: str = "",
    ) -> None:
        super().__init__(message)
        self.reason, self.message, self.wait, self.advice = reason, message, wait, advice
        self.correction = correction or []

    @property
    def refusal(self) -> bool:
        return self.reason is Reason.LLM_REFUSED

    def as_error(self, name: str, attempts: int) -> ReelmillError:
        times = "once" if attempts == 1 else f"{attempts} times"
        return ReelmillError(
            self.reason, f"asked {times} for the {name}: {self.message}; {self.advice}", prompt=name
        )


class Failures:
    """Makes errors that name the server and the setting to look at, and never the API key."""

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        self._key = settings.api_key.get_secret_value()

    def of(self, error: Exception) -> TryAgain | ReelmillError:
        """For anything but a 400: something to try again, or an error for good."""
        match error:
            case RateLimitError(code="insufficient_quota"):
                return self.rejected(error)
            case RateLimitError():
                return self._limited(error)
            case AuthenticationError() | PermissionDeniedError() | NotFoundError():
                return self.rejected(error)
            case APITimeoutError() | TimeoutError():
                return self._unavailable(
                    f"no answer within {self._settings.timeout:g} s", "REELMILL_LLM_TIMEOUT"
                )
            case APIConnectionError():
                detail = f"no connection ({type(error.__cause__ or error).__name__})"
                return self._unavailable(detail, "REELMILL_LLM_BASE_URL")
            case APIResponseValidationError():
                return self.bad_answer("the server's response is not a chat completion")
            case InternalServerError() | APIStatusError(status_code=408 | 409):
                return self._unavailable(self._said(error), "the server's own log")
            case APIStatusError():
                return self.rejected(error)
            case _:
                return self.bad_answer("the server's response is not JSON")

    def rejected(self, error: APIStatusError) -> ReelmillError:
        """The server understood and will not: asking again is no use."""
        check = {
            400: "the model does not take such a request; see the server's message",
            401: "check REELMILL_LLM_API_KEY",
            403: "check that REELMILL_LLM_API_KEY may use this model",
            404: "check REELMILL_LLM_MODEL and REELMILL_LLM_BASE_URL",
            429: "the account's quota is used up; check its plan and billing",
        }.get(error.status_code, "check REELMILL_LLM_BASE_URL and REELMILL_LLM_MODEL")
        return ReelmillError(
            Reason.LLM_REJECTED,
            f"{self._settings.server} does not accept the request for model {self._settings.model!r}: "
            f"{self._said(error)}; {check}",
            status=str(error.status_code),
            model=self._settings.model,
        )

    def refused(self, words: str) -> TryAgain:
        return TryAgain(
            Reason.LLM_REFUSED,
            f"the language model refused ({self._shown(words) or 'content filter'})",
            advice="change the theme, or set REELMILL_LLM_MODEL to another model",
        )

    def cut_off(self) -> TryAgain:
        return TryAgain(
            Reason.LLM_BAD_ANSWER,
            "the answer was cut off at the model's output limit",
            correction=[
                {
                    "role": "user",
                    "content": "Your answer was cut off. Answer again, whole, in fewer words.",
                }
            ],
            advice="ask for fewer scenes or frames, or use a model with a larger output limit",
        )

    def bad_answer(self, problem: str, text: str = "", form: str = " in JSON") -> TryAgain:
        """`text`: the answer, where there is one; `form`: how to answer again."""
        correction = [
            {"role": "assistant", "content": text[:_REPEATED]},
            {
                "role": "user",
                "content": f"That answer cannot be used: {problem[:1000]}. Answer again{form}.",
            },
        ]
        return TryAgain(
            Reason.LLM_BAD_ANSWER,
            f"the language model's answer cannot be used ({self._shown(problem)})",
            correction=correction if text else None,
            advice=f"try again, or use a model that follows instructions better than {self._settings.model}",
        )

    def _limited(self, error: RateLimitError) -> TryAgain | ReelmillError:
        wait = retry_after(error.response.headers)
        message = f"{self._settings.server} limits the rate ({self._said(error)})"
        advice = "lower REELMILL_LLM_MAX_RATE or REELMILL_LLM_CONCURRENCY"
        if wait is not None and wait > self._settings.max_wait:
            return ReelmillError(
                Reason.LLM_UNAVAILABLE,
                f"{message} and wants to be asked again in {wait:.0f} s; {advice}",
                retry_after=f"{wait:.0f}",
            )
        return TryAgain(Reason.LLM_UNAVAILABLE, message, wait=wait, advice=advice)

    def _unavailable(self, detail: str, check: str) -> TryAgain:
        return TryAgain(
            Reason.LLM_UNAVAILABLE,
            f"{self._settings.server}: {detail}",
            advice=f"check {check}, and try again",
        )

    def _said(self, error: APIStatusError) -> str:
        body: Any = error.body
        words = body.get("message") if isinstance(body, dict) else None
        return f"HTTP {error.status_code} {self._shown(str(words or error.message))}"

    def _shown(self, words: str) -> str:
        """Foreign words as they may stand in a message: short, on one line, without our key."""
        words = " ".join(words.split())
        if self._key:
            words = words.replace(self._key, "***")
        return words if len(words) <= _SHOWN else words[: _SHOWN - 3] + "..."


def retry_after(headers: Any) -> float | None:
    """Seconds, from `Retry-After-Ms` or `Retry-After` (seconds or a date); None where there is neither."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * scale
            return seconds if 0 <= seconds < float("inf") else None
        except (KeyError, ValueError):
            continue
    try:
        until = parsedate_to_datetime(headers["retry-after"])
        return max(0.0, (until - datetime.now(UTC)).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None
