"""When a language model is used, and what its settings may be."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import SecretStr, ValidationError

from reelmill_llm import LlmSettings, open_llm
from reelmill_llm.failures import retry_after


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL", "BASE_URL", "API_KEY"):
        monkeypatch.delenv(f"REELMILL_LLM_{name}", raising=False)


def test_without_a_model_there_is_no_llm() -> None:
    assert open_llm(LlmSettings()) is None


def test_a_model_alone_means_openai_itself() -> None:
    settings = LlmSettings(model="gpt")
    assert settings.configured
    assert settings.server == "https://api.openai.com/v1"


@pytest.mark.parametrize(
    "given",
    [
        {"base_url": "http://127.0.0.1:8000/v1"},
        {"api_key": SecretStr("sk-1")},
        {"model": "m", "base_url": "127.0.0.1:8000"},
        {"model": "m", "timeout": 0},
        {"model": "m", "attempts": 0},
    ],
    ids=str,
)
def test_settings_that_cannot_be_meant_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LlmSettings(**given)  # type: ignore[arg-type]


def test_credentials_in_the_url_are_never_shown() -> None:
    settings = LlmSettings(model="m", base_url="https://me:secret@llm.example:8443/v1?key=secret")
    assert settings.server == "https://llm.example:8443/v1"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_retry_after_is_read_in_seconds(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    assert 25 < (retry_after({"retry-after": format_datetime(soon, usegmt=True)}) or 0) <= 30
