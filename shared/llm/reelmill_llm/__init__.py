"""Checked, typed answers from any server that speaks the OpenAI chat completions API."""

from .budget import Budget, BudgetedLlm
from .ports import Answer, Llm, PlainText, Prompt, Usage, open_llm
from .remember import RememberedLlm
from .settings import LlmSettings

__all__ = [
    "Answer",
    "Budget",
    "BudgetedLlm",
    "Llm",
    "LlmSettings",
    "PlainText",
    "Prompt",
    "RememberedLlm",
    "Usage",
    "open_llm",
]
