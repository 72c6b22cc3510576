"""What is told on the bus is what docs/asyncapi.yaml says."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]

from reelmill.v1 import common_pb2, events_pb2
from reelmill_kit.bus import Bus
from reelmill_kit.jobs import Outcome
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import Report
from tests.support.front_door import STAGES, FrontDoor

pytestmark = pytest.mark.stack
DOCUMENT: dict[str, Any] = yaml.safe_load(Path("docs/asyncapi.yaml").read_text("utf-8"))


def pattern(channel: dict[str, Any]) -> re.Pattern[str]:
    text = re.escape(channel["address"])
    for name, parameter in channel["parameters"].items():
        values = "|".join(parameter.get("enum", ["[a-z][a-z0-9-]*"]))
        text = text.replace(rf"\{{{name}\}}", f"({values})")
    return re.compile(text)


def described(reference: str) -> dict[str, Any]:
    found = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def check(subject: str, headers: dict[str, str], data: bytes) -> str:
    """Returns the channel that describes the message. Raises where none does, or it is another message."""
    fits = [name for name, one in DOCUMENT["channels"].items() if pattern(one).fullmatch(subject)]
    assert len(fits) == 1, f"{subject} is described by {fits}"
    (reference,) = DOCUMENT["channels"][fits[0]]["messages"].values()
    message = described(reference["$ref"])
    jsonschema.validate(headers, message["headers"])
    schema = {**message["payload"], "components": DOCUMENT["components"]}
    strict = json.loads(
        json.dumps(schema).replace(
            '"type": "object", "properties"', '"additionalProperties": false, "type": "object", "properties"'
        )
    )
    jsonschema.validate(json.loads(data), strict)
    return str(fits[0])


async def test_every_event_of_movies_and_batches_is_described(bus: Bus) -> None:
    door = FrontDoor(bus, MemoryStore())

    async def fail(job: events_pb2.StageJob, report: Report) -> Outcome:
        report("asking", 1, 2)
        failure = common_pb2.Failure(reason="LLM_REFUSED", message="no")
        usage = common_pb2.Usage(calls=1, input_tokens=2**40)
        return events_pb2.StageEvent(stage=STAGES.STAGE_QA, failure=failure, usage=usage)

    heard: dict[str, str] = {}
    listening = await bus.client.subscribe("reelmill.events.>")

    async def listen() -> None:
        async for message in listening.messages:
            heard[message.subject] = check(message.subject, dict(message.headers or {}), message.data)

    listener = asyncio.create_task(listen())
    async with door.open():
        await door.ended((await door.ask("a")).name)
        await door.controller.delete((await door.ask("a")).name)
        await door.controller.cancel((await door.ask("b")).name)
        await door.batch_ended(await door.ask_batch())
        batch = await door.ask_batch("b-2")
        await door.batch_controller.pause(batch)
        await door.batch_controller.cancel(batch)
    door.handlers[STAGES.STAGE_QA] = fail
    async with door.open():
        failed = (await door.ask("c")).name
        await door.ended(failed)
        await door.controller.retry(failed)
    await asyncio.sleep(0.5)
    assert not listener.done() or listener.exception() is None
    listener.cancel()
    told = {subject.removeprefix("reelmill.events.acme.") for subject in heard}
    verbs = {
        channel: one["parameters"]["verb"]["enum"]
        for channel, one in DOCUMENT["channels"].items()
        if "verb" in one["parameters"]
    }
    assert {f"movie.{verb}" for verb in verbs["movieEvents"]} <= told
    assert {f"batch.{verb}" for verb in ("created", "running", "paused", "succeeded", "cancelled")} <= told
    assert {"script.completed", "style.completed", "qa.completed", "dataset.completed", "qa.failed"} <= told
    assert set(heard.values()) == {"movieEvents", "stageEvents", "batchEvents"}
