"""The script stage: one core behind both doors. Writes, checks and stores a script, once."""

import hashlib

from google.protobuf import json_format
from pydantic import BaseModel, ValidationError

from reelmill.v1 import script_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import MovieName
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import logger, tracer

from .domain import ScriptRequest, Writer, answers_prefix, faults
from .importing import StoryImporter
from .tokens import BoundedTokens, PromptTokens


class Lineage(BaseModel):
    """Lies beside the script and says where it came from."""

    request_digest: str
    script_digest: str
    writer: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_micros: int = 0
    prompts: list[str] = []  # digests


class ScriptStage:
    def __init__(self, writer: Writer, store: ObjectStore, tokens: PromptTokens | None = None) -> None:
        """`tokens`: those of the model that will draw, for stories that are imported."""
        self._writer = writer
        self._store = store
        self._importer = StoryImporter(store, tokens or BoundedTokens())

    async def run(self, message: script_pb2.WriteScriptRequest, report: Report) -> script_pb2.Script:
        """The movie's script, whole, checked and stored.

        The stored one where it was written from the same request. Raises ReelmillError: INVALID_FIELD, one
        of the LLM's reasons, or STORE_UNAVAILABLE.
        """
        request = ScriptRequest.parse(message)
        with tracer().start_as_current_span(
            "write script",
            attributes={"reelmill.movie": str(request.movie), "reelmill.frames": request.frame_count},
        ) as span:
            script = await self._stored(request)
            span.set_attribute("reelmill.reused", script is not None)
            if script is None:
                request, script = await self._written(request, report)
                if wrong := faults(script, request):
                    raise ReelmillError(
                        Reason.INTERNAL,
                        f"the script of {request.movie} is not whole: {'; '.join(wrong[:5])}",
                    )
                await self._keep(request, script)
                logger().info("script written", movie=str(request.movie), title=script.title)
            frames = sum(len(scene.frames) for chapter in script.chapters for scene in chapter.scenes)
            report("script written", frames, frames)
            return script

    async def _written(
        self, request: ScriptRequest, report: Report
    ) -> tuple[ScriptRequest, script_pb2.Script]:
        """By the writer, or taken from the story that the request names; and the request with its shape."""
        if not request.story_key:
            return request, await self._writer.write(request, report)
        request, story = await self._importer.with_shape(request)
        return request, await self._importer.write(request, story, report)

    async def _stored(self, request: ScriptRequest) -> script_pb2.Script | None:
        try:
            lineage = Lineage.model_validate_json(await self._store.get(lineage_key(request.movie)))
            if lineage.request_digest != request.digest():
                return None
            data = await self._store.get(request.movie.script_key)
            if hashlib.sha256(data).hexdigest() != lineage.script_digest:
                return None
            return json_format.Parse(data, script_pb2.Script())
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
        except (ValidationError, json_format.ParseError):
            logger().warning("stored script cannot be read and is written anew", movie=str(request.movie))
        return None

    async def _keep(self, request: ScriptRequest, script: script_pb2.Script) -> None:
        data = json_format.MessageToJson(script, indent=1, ensure_ascii=False).encode()
        lineage = Lineage(
            request_digest=request.digest(),
            script_digest=hashlib.sha256(data).hexdigest(),
            writer=script.writer,
            calls=script.usage.calls,
            input_tokens=script.usage.input_tokens,
            output_tokens=script.usage.output_tokens,
            cost_micros=script.usage.cost_micros,
            prompts=[prompt.digest for prompt in script.prompts],
        )
        await self._store.put(request.movie.script_key, data, "application/json")
        await self._store.put(
            lineage_key(request.movie), lineage.model_dump_json(indent=1).encode(), "application/json"
        )


def lineage_key(movie: MovieName) -> str:
    return f"{answers_prefix(movie)}lineage.json"
