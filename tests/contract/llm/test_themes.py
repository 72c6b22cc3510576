"""What every inventor of themes owes its callers, with a language model or without."""

import pytest

from reelmill.v1 import common_pb2, script_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.genres import genres
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.near_duplicates import Texts
from reelmill_llm import Llm
from reelmill_script.domain import ScriptRequest
from reelmill_script.themes import Inventor, ThemesRequest
from reelmill_script.themes.domain import TOO_LIKE
from reelmill_script.themes.language_model import LlmInventor
from reelmill_script.themes.offline import OfflineInventor
from tests.support import openai_server as api
from tests.support.openai_server import OpenAiServer


@pytest.fixture(params=["offline", "llm"])
def inventor(request: pytest.FixtureRequest, store: MemoryStore) -> Inventor:
    return OfflineInventor() if request.param == "offline" else _llm_inventor(request, store)


def _llm_inventor(request: pytest.FixtureRequest, store: MemoryStore) -> Inventor:
    return LlmInventor(request.getfixturevalue("llm"), store)


def asked(count: int = 3, **fields: object) -> ThemesRequest:
    request = script_pb2.InventThemesRequest(parent="projects/acme", genres=genres(count, 1), seed=4)
    request.MergeFrom(script_pb2.InventThemesRequest(**fields))  # type: ignore[arg-type]
    return ThemesRequest.parse(request)


async def test_there_is_a_theme_for_each_genre_and_no_two_are_alike(inventor: Inventor) -> None:
    invented = await inventor.invent(asked(45))
    assert len(invented.themes) == 45
    told = Texts()
    for theme in invented.themes:
        assert told.most_like(theme)[0] <= TOO_LIKE
        told.add(theme)


async def test_none_is_near_to_what_is_known(inventor: Inventor) -> None:
    first = (await inventor.invent(asked(5))).themes
    second = (await inventor.invent(asked(5, known=first))).themes
    known = Texts(first)
    assert all(known.most_like(theme)[0] <= TOO_LIKE for theme in second)


async def test_the_same_request_gives_the_same_themes(inventor: Inventor) -> None:
    first = await inventor.invent(asked(25))
    again = await inventor.invent(asked(25))
    assert again.themes == first.themes


async def test_a_theme_can_be_made_a_script_of(inventor: Inventor) -> None:
    for theme in (await inventor.invent(asked())).themes:
        request = script_pb2.WriteScriptRequest(
            movie="projects/acme/movies/m-1",
            theme=theme,
            shape=script_pb2.ScriptShape(chapters=1, scenes=1, frames=1),
        )
        assert ScriptRequest.parse(request).theme == theme


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"parent": "acme"}, "parent"),
        ({"genres": ["x"] * 1001}, "genres"),
        ({"genres": ["x" * 41]}, "genres[3]"),
        ({"known": ["", "x"]}, "known[0]"),
        ({"known": ["x"] * 1001}, "known"),
        ({"budget": common_pb2.Budget(tokens=-1)}, "budget.tokens"),
    ],
)
def test_bad_input_is_refused_by_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(ReelmillError) as error:
        asked(**change)  # type: ignore[arg-type]
    assert error.value.reason is Reason.INVALID_FIELD
    assert error.value.metadata["field"] == field


async def test_a_language_model_is_asked_for_some_at_a_time_and_knows_those_before(
    server: OpenAiServer, llm: Llm, store: MemoryStore
) -> None:
    invented = await LlmInventor(llm, store).invent(asked(45))
    assert server.count("themes") == 3
    assert invented.themes[0] in server.asked[1].user
    assert invented.usage.calls == 3


async def test_a_request_that_broke_off_pays_for_nothing_twice(
    server: OpenAiServer, llm: Llm, store: MemoryStore
) -> None:
    server.then(api.malformed, api.quota_used_up, on="themes")
    with pytest.raises(ReelmillError):
        await LlmInventor(llm, store).invent(asked(45))
    before = server.count("themes")
    await LlmInventor(llm, store).invent(asked(45))
    done = await LlmInventor(llm, store).invent(asked(45))
    assert server.count("themes") == before + 3
    assert done.usage.calls >= 3


async def test_themes_that_repeat_each_other_are_asked_for_again(
    server: OpenAiServer, llm: Llm, store: MemoryStore
) -> None:
    def alike(data: dict[str, list[str]]) -> None:
        data["themes"] = ["A keeper of a light finds an old letter by the sea"] * len(data["themes"])

    server.then(api.changed(alike), on="themes")
    assert len(set((await LlmInventor(llm, store).invent(asked(3))).themes)) == 3
    assert server.count("themes") == 2
