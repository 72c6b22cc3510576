"""Themes from a language model, some at a time, each lot knowing those before it."""

import json
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from reelmill_kit.errors import ReelmillError
from reelmill_kit.near_duplicates import Texts
from reelmill_kit.store import ObjectStore
from reelmill_llm import BudgetedLlm, Llm, Prompt, RememberedLlm

from ..llm.collecting import collect
from ..llm.likeness import check_texts
from ..prompts import prompt_text
from .domain import TOO_LIKE, Themes, ThemesRequest

_AT_A_TIME = 20
_KNOWN = 60  # of those before, the last ones: what does not fit into a prompt is compared all the same


def _one_line(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


class ThemesAnswer(BaseModel):
    themes: Annotated[
        list[Annotated[str, BeforeValidator(_one_line), StringConstraints(min_length=12, max_length=400)]],
        Field(min_length=1),
    ]


class LlmInventor:
    """Answers are kept in the project as they come: a request that was interrupted pays for nothing twice."""

    def __init__(self, llm: Llm, store: ObjectStore) -> None:
        self._llm = llm
        self._store = store

    async def invent(self, request: ThemesRequest) -> Themes:
        budgeted = BudgetedLlm(self._llm, request.budget)
        llm = RememberedLlm(budgeted, self._store, f"{request.project}/themes/", budgeted.count)
        themes: list[str] = []
        try:
            while len(themes) < len(request.genres):
                lot = request.genres[len(themes) : len(themes) + _AT_A_TIME]
                themes += await _lot(llm, request, lot, [*request.known, *themes])
        except ReelmillError as error:
            error.usage = budgeted.usage.message
            raise
        return Themes(themes, budgeted.usage)


async def _lot(llm: Llm, request: ThemesRequest, genres: Sequence[str], known: Sequence[str]) -> list[str]:
    async def more(missing: int, so_far: Sequence[str]) -> Sequence[str]:
        here = [*known, *so_far]
        data = {"genres": list(genres[len(so_far) :]), "themes_written": here[-_KNOWN:]}
        prompt = Prompt(
            "themes",
            prompt_text("themes", missing=missing),
            json.dumps(data, ensure_ascii=False, indent=1),
            seed=request.seed,
        )
        answer = await llm.ask(prompt, ThemesAnswer, lambda answer: check_themes(answer.themes, here))
        return answer.value.themes

    return await collect("themes", len(genres), more)


def check_themes(themes: Sequence[str], known: Sequence[str]) -> None:
    """Raises ValueError, with a sentence for the model: a theme too like another, or a real person in it."""
    taken = Texts(known)
    for theme in themes:
        likeness, nearest = taken.most_like(theme)
        if likeness > TOO_LIKE:
            raise ValueError(f"the theme {theme!r} is too much like {nearest!r}; tell another story")
        taken.add(theme)
    check_texts(themes, theme="")
