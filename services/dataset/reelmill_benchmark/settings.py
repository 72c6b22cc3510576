"""Which models: names, each at its own server or at the one that REELMILL_LLM_BASE_URL names."""

from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from reelmill_kit.errors import invalid
from reelmill_llm import Llm, LlmSettings, open_llm


def open_model(spec: str, field: str) -> Llm:
    """From "model" or "model@http://host:port/v1"; from "", the model that REELMILL_LLM_MODEL names.

    Raises INVALID_FIELD naming `field`.
    """
    model, _, url = spec.partition("@")
    none = f"none is named; give --{field} MODEL, or set REELMILL_LLM_MODEL"
    try:
        given = {key: value for key, value in (("model", model), ("base_url", url)) if value}
        opened = open_llm(LlmSettings(**given))  # type: ignore[arg-type]
    except ValidationError as error:
        if not spec:
            raise invalid(field, none) from error
        raise invalid(field, f"{spec!r}: {error.errors()[0]['msg']}") from error
    if opened is None:
        raise invalid(field, none)
    return opened


def open_judges(specs: list[str]) -> list[Llm]:
    """From "model" or "model@http://host:port/v1"; without any, the model that REELMILL_LLM_MODEL names.

    Raises INVALID_FIELD. Keys come from REELMILL_LLM_API_KEY alone.
    """
    judges = [open_model(spec, "judge") for spec in specs or [""]]
    if len({judge.model for judge in judges}) < len(judges):
        raise invalid("judge", "the same model is named twice: it would only agree with itself")
    return judges


class BenchmarkSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="REELMILL_BENCHMARK_", extra="ignore")

    judges: Annotated[
        str,
        Field(description="MODEL or MODEL@URL, parted by commas; empty: the model of REELMILL_LLM_MODEL."),
    ] = ""


def configured_judges() -> list[Llm]:
    """The service's; none where no language model is configured. Raises INVALID_FIELD or ValidationError."""
    specs = [spec.strip() for spec in BenchmarkSettings().judges.split(",") if spec.strip()]
    return open_judges(specs) if specs or LlmSettings().configured else []
