"""Checked, typed answers from any server that speaks the OpenAI chat completions API."""

from .budget import Budget, BudgetedLlm, Purse
from .ports import Answer, Check, Llm, PlainText, Prompt, Usage, open_llm
from .remember import RememberedLlm
from .settings import LlmSettings

__all__ = [
    "Answer",
    "Budget",
    "BudgetedLlm",
    "Check",
    "Llm",
    "LlmSettings",
    "PlainText",
    "Prompt",
    "Purse",
    "RememberedLlm",
    "Usage",
    "open_llm",
]
