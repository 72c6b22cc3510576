"""Which judges: model names, each at its own server or at the one that REELMILL_LLM_BASE_URL names."""

from pydantic import ValidationError

from reelmill_kit.errors import invalid
from reelmill_llm import Llm, LlmSettings, open_llm

_NONE = "none is named; give --judge MODEL, or set REELMILL_LLM_MODEL"


def open_judges(specs: list[str]) -> list[Llm]:
    """From "model" or "model@http://host:port/v1"; without any, the model that REELMILL_LLM_MODEL names.

    Raises INVALID_FIELD. Keys come from REELMILL_LLM_API_KEY alone.
    """
    judges: list[Llm] = []
    for spec in specs or [""]:
        model, _, url = spec.partition("@")
        try:
            given = {key: value for key, value in (("model", model), ("base_url", url)) if value}
            judge = open_llm(LlmSettings(**given))  # type: ignore[arg-type]
        except ValidationError as error:
            if not spec:
                raise invalid("judge", _NONE) from error
            raise invalid("judge", f"{spec!r}: {error.errors()[0]['msg']}") from error
        if judge is None:
            raise invalid("judge", _NONE)
        judges.append(judge)
    if len({judge.model for judge in judges}) < len(judges):
        raise invalid("judge", "the same model is named twice: it would only agree with itself")
    return judges
