"""The writers under test: offline, and an LLM behind a real HTTP server."""

from collections.abc import AsyncIterator, Iterator

import pytest

from reelmill_kit.memory_store import MemoryStore
from reelmill_llm import Llm, LlmSettings, open_llm
from reelmill_script.domain import Writer
from reelmill_script.llm.writer import LlmWriter
from reelmill_script.offline.writer import OfflineWriter
from reelmill_script.stage import ScriptStage
from tests.contract.llm import screenwriter
from tests.support.openai_server import API_KEY, OpenAiServer, openai_server


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with openai_server(screenwriter.write) as server:
        yield server


@pytest.fixture
def llm_settings(server: OpenAiServer, monkeypatch: pytest.MonkeyPatch) -> LlmSettings:
    for name, value in {
        "MODEL": "test-model",
        "BASE_URL": server.url,
        "API_KEY": API_KEY,
        "TIMEOUT": "1.5",
        "ATTEMPTS": "3",
    }.items():
        monkeypatch.setenv(f"REELMILL_LLM_{name}", value)
    return LlmSettings()


@pytest.fixture
async def llm(llm_settings: LlmSettings) -> AsyncIterator[Llm]:
    llm = open_llm(llm_settings)
    assert llm is not None
    yield llm
    await llm.close()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def llm_stage(llm: Llm, store: MemoryStore) -> ScriptStage:
    return ScriptStage(LlmWriter(llm, store), store)


@pytest.fixture(params=["offline", "llm"])
def stage(request: pytest.FixtureRequest, store: MemoryStore) -> ScriptStage:
    writer: Writer
    if request.param == "offline":
        writer = OfflineWriter()
    else:
        writer = LlmWriter(request.getfixturevalue("llm"), store)
    return ScriptStage(writer, store)
