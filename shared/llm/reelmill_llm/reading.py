"""Between pydantic models and what language models write: schemas to send, answers to read."""

import json
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

T = TypeVar("T", bound=BaseModel)

# Keywords that strict structured output does not take everywhere; pydantic still checks them.
_UNSENT = {
    "title",
    "default",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
}
_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_TRAILING_COMMA = re.compile(r",\s*([}\]])")
_START = re.compile(r'\{\s*["}]|\[\s*[{\["\d\]]')
_REFUSAL = re.compile(
    r"\W*((i['’]?m|i am) ((very |really )?sorry|unable)|sorry|i can(not|['’]?t)|i won['’]?t|as an ai)\b",
    re.IGNORECASE,
)


class UnreadableAnswer(ValueError):
    """The answer is not what was asked for; the text tells the model why."""


def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The model's JSON schema as strict structured output wants it: all fields required, no others."""

    def strict(node: Any, inside_properties: bool = False) -> Any:
        if isinstance(node, list):
            return [strict(item) for item in node]
        if not isinstance(node, dict):
            return node
        kept = {
            key: strict(value, inside_properties=key in ("properties", "$defs"))
            for key, value in node.items()
            if inside_properties or key not in _UNSENT
        }
        if not inside_properties and "properties" in kept:
            kept["additionalProperties"] = False
            kept["required"] = list(kept["properties"])
        return kept

    schema: dict[str, Any] = strict(model.model_json_schema())
    return schema


def read_answer(text: str, model: type[T]) -> T:
    """The object in the text, lightly repaired. Raises UnreadableAnswer."""
    data = _find_json(text)
    if isinstance(data, list) and len(model.model_fields) == 1:
        data = {next(iter(model.model_fields)): data}
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc'])) or 'answer'}: {e['msg']}" for e in error.errors()[:5]]
        raise UnreadableAnswer("; ".join(problems)) from error


def read_text(text: str, model: type[T]) -> T:
    """The text without what the model thought before it. Raises UnreadableAnswer where nothing is left."""
    said = _THINKING.sub("", text).strip()
    if not said:
        raise UnreadableAnswer("it is empty")
    return model.model_validate({"text": said})


def is_refusal(text: str) -> bool:
    """Whether a text without any JSON reads like a refusal."""
    return "{" not in text and _REFUSAL.match(text) is not None


def _find_json(text: str) -> Any:
    """The first JSON object or array; fences, words around it and trailing commas do no harm."""
    text = _THINKING.sub("", text)
    if not (start := _START.search(text)):
        raise UnreadableAnswer("there is no JSON object in it")
    found = text[start.start() :]
    for candidate in (found, _TRAILING_COMMA.sub(r"\1", found)):
        try:
            return json.JSONDecoder(strict=False).raw_decode(candidate)[0]
        except ValueError as error:
            problem = error
        except RecursionError as error:
            raise UnreadableAnswer("it is nested too deeply") from error
    raise UnreadableAnswer(f"it is not valid JSON ({problem})")
