"""What is recorded of the calls of a language model."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from reelmill_kit import telemetry
from reelmill_kit.errors import ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import silent
from reelmill_llm import LlmSettings, open_llm
from reelmill_script.llm.writer import LlmWriter
from reelmill_script.stage import ScriptStage
from tests.contract.llm.requests import request
from tests.support.openai_server import OpenAiServer


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "tracer", lambda: provider.get_tracer("reelmill"))
    monkeypatch.setattr("reelmill_script.stage.tracer", lambda: provider.get_tracer("reelmill"))
    return exporter


async def test_every_call_has_a_span_below_the_script_with_the_model_and_its_tokens(
    server: OpenAiServer, llm_stage: ScriptStage, spans: InMemorySpanExporter
) -> None:
    await llm_stage.run(request(1, 2, 2), silent)
    calls = [span for span in spans.get_finished_spans() if span.name == "chat test-model"]
    (script,) = [span for span in spans.get_finished_spans() if span.name == "write script"]
    assert len(calls) == len(server.asked) == 4
    for span in calls:
        assert span.attributes is not None
        assert span.parent is not None
        assert span.parent == script.context
        assert span.attributes["gen_ai.request.model"] == "test-model"
        assert int(str(span.attributes["gen_ai.usage.input_tokens"])) > 0
        assert int(str(span.attributes["gen_ai.usage.output_tokens"])) > 0
        assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)


async def test_spans_of_failed_calls_are_errors_and_never_hold_the_key(
    server: OpenAiServer, store: MemoryStore, llm_settings: LlmSettings, spans: InMemorySpanExporter
) -> None:
    wrong = open_llm(llm_settings.model_copy(update={"api_key": SecretStr("sk-wrong-key")}))
    assert wrong is not None
    with pytest.raises(ReelmillError):
        await ScriptStage(LlmWriter(wrong, store), store).run(request(1, 1, 1), silent)
    await wrong.close()
    failed = [span for span in spans.get_finished_spans() if span.name == "chat test-model"]
    assert [span.status.is_ok for span in failed] == [False]
    assert all("sk-wrong-key" not in span.to_json() for span in spans.get_finished_spans())
