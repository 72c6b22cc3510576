"""Forecasts of scripts against what scripts then ask of the server."""

import json
import random
import re
from typing import Any

import pytest

from reelmill.v1 import script_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import silent
from reelmill_llm import Llm, LlmSettings, open_llm
from reelmill_script.forecast import ScriptForecaster
from reelmill_script.stage import ScriptStage
from tests.contract.llm import screenwriter
from tests.contract.llm.requests import MOVIE, request
from tests.support.openai_server import OpenAiServer

WORDS = re.findall(
    r"\w+",
    "slowly quietly again before behind window morning table garden nobody something always never almost "
    "only under over between while carries opens closes remembers follows waits small old grey open narrow "
    "bright letter door street lamp stairs bread water paper",
)


def at_length(system: str, user: str) -> object:
    """The simulated screenwriter, as long as the instructions ask for: its own sentences are short."""
    answer: Any = screenwriter.write(system, user)
    some = random.Random(user)

    def sentences(count: int) -> str:
        return "".join(f" The {' '.join(some.choices(WORDS, k=15))}." for _ in range(count))

    if "overview" in answer:
        answer["overview"] += sentences(5)
        for one in (*answer["characters"], *answer["locations"]):
            one["description"] += sentences(1)
    for one in answer.get("chapters", []):
        one["summary"] += sentences(2)
    for one in answer.get("scenes", []):
        one["summary"] += sentences(2)
    for one in answer.get("frames", []):
        one["description"] = one["description"].rstrip(".") + f" and {' '.join(some.choices(WORDS, k=10))}."
        for line in one["dialogue"]:
            line["text"] += sentences(1)
            one["actions"].append({**one["actions"][0], "character": line["speaker"], "target": "the lamp"})
    return answer


def forecast(
    llm: Llm | None, settings: LlmSettings, script: script_pb2.WriteScriptRequest
) -> script_pb2.ForecastScriptResponse:
    return ScriptForecaster(llm, settings).forecast(script_pb2.ForecastScriptRequest(script=script))


def answered(store: MemoryStore) -> float:
    """Tokens of all answers as they were kept, four bytes each."""
    kept = [data for key, data in store.objects.items() if "/script/" in key and "lineage" not in key]
    return sum(len(json.dumps(json.loads(data)["answer"])) for data in kept) / 4


def read(server: OpenAiServer) -> float:
    """Tokens of all questions with the schemas of their answers."""
    schemas = (json.dumps(asked.body["response_format"]["json_schema"]["schema"]) for asked in server.asked)
    return (
        sum(
            len((a.system + a.user + schema).encode())
            for a, schema in zip(server.asked, schemas, strict=True)
        )
        / 4
    )


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 3, 3), (2, 5, 7), (11, 11, 11)])
async def test_a_forecast_is_near_to_what_is_then_asked(
    server: OpenAiServer,
    llm: Llm,
    llm_settings: LlmSettings,
    llm_stage: ScriptStage,
    store: MemoryStore,
    shape: tuple[int, int, int],
) -> None:
    server._author = at_length
    told = forecast(llm, llm_settings, request(*shape))
    assert not server.asked
    await llm_stage.run(request(*shape), silent)
    assert (told.usage.calls, told.writer) == (len(server.asked), "test-model")
    assert told.usage.input_tokens == pytest.approx(read(server), rel=0.3)
    assert told.usage.output_tokens == pytest.approx(answered(store), rel=0.3)


async def test_prices_and_limits_make_cost_and_seconds(llm_settings: LlmSettings) -> None:
    dear = llm_settings.model_copy(update={"input_price": 2.0, "output_price": 8.0, "max_rate": 10.0})
    llm = open_llm(dear)
    told = forecast(llm, dear, request(2, 2, 2))
    assert told.usage.cost_micros == 2 * told.usage.input_tokens + 8 * told.usage.output_tokens
    assert told.seconds >= (told.usage.calls - 1) * 6
    slow = dear.model_copy(update={"max_rate": 0.0, "concurrency": 1})
    fast = dear.model_copy(update={"max_rate": 0.0, "concurrency": 16})
    assert forecast(llm, slow, request(4, 4, 4)).seconds > forecast(llm, fast, request(4, 4, 4)).seconds > 0


async def test_a_story_and_the_offline_writer_ask_nothing(llm: Llm, llm_settings: LlmSettings) -> None:
    story = script_pb2.WriteScriptRequest(movie=MOVIE, story_key="projects/acme/story.json")
    assert forecast(llm, llm_settings, story) == script_pb2.ForecastScriptResponse(writer="imported")
    offline = forecast(None, LlmSettings(), request())
    assert offline == script_pb2.ForecastScriptResponse(writer="offline")


@pytest.mark.parametrize(
    ("change", "field"),
    [({"theme": ""}, "theme"), ({"shape": script_pb2.ScriptShape(chapters=17)}, "shape.chapters")],
)
async def test_bad_input_is_refused_as_writing_it_would_be(
    llm: Llm, llm_settings: LlmSettings, change: dict[str, object], field: str
) -> None:
    script = request()
    script.ClearField("movie")
    assert forecast(llm, llm_settings, script).usage.calls
    for name in change:
        script.ClearField(name)  # type: ignore[arg-type]
    script.MergeFrom(script_pb2.WriteScriptRequest(**change))  # type: ignore[arg-type]
    with pytest.raises(ReelmillError) as error:
        forecast(llm, llm_settings, script)
    assert error.value.reason is Reason.INVALID_FIELD
    assert error.value.metadata["field"] == field
