"""The renderer behind Triton: one request a frame, so that Triton can batch across movies."""

import asyncio
import json
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from opentelemetry.trace import SpanKind
from tritonclient.grpc import InferInput, InferResult, KeepAliveOptions
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.telemetry import instruments, trace_headers, tracer

from .domain import Drawing, Model, Picture
from .ports import Drawn

# Drawn once at every start, to learn the model's digest and defaults.
_PROBE = Picture(
    prompt="a probe", negative_prompt="", seed=0, drawing=Drawing(), model_digest="", embedding_digest=""
)
# What trying again will not mend.
_REFUSALS = ("INVALID_ARGUMENT", "OUT_OF_RANGE", "UNIMPLEMENTED")


class TritonRenderer:
    """Must be made inside a running event loop, because its channel belongs to it."""

    def __init__(self, url: str, model: str, frame_timeout: float) -> None:
        """`url` is host:port of Triton's gRPC endpoint; `frame_timeout` in seconds, queueing included."""
        self._url = url
        self._name = model
        self._timeout = frame_timeout
        self._client = InferenceServerClient(
            url,
            keepalive_options=KeepAliveOptions(keepalive_time_ms=60_000, keepalive_timeout_ms=20_000),
        )
        self._probe: asyncio.Task[Model] | None = None

    async def model(self) -> Model:
        probe = self._probe
        if probe is None or (probe.done() and (probe.cancelled() or probe.exception() is not None)):
            probe = self._probe = asyncio.create_task(self._ask_model())
        # Shared by all who wait: one who gives up must not end it for the others.
        return await asyncio.shield(probe)

    def forget_model(self) -> None:
        if self._probe is not None and self._probe.done():
            self._probe = None

    async def draw(self, picture: Picture, embedding: bytes) -> Drawn:
        result = await self._infer(picture, embedding)
        pixels = _output(result, "image")
        if pixels.ndim != 4 or pixels.shape[0] != 1 or pixels.shape[3] != 3 or pixels.dtype != np.uint8:
            raise self._unavailable(f"answered with an image of shape {pixels.shape} and type {pixels.dtype}")
        return Drawn(pixels[0], _text(result, "model_digest"))

    async def check(self) -> None:
        try:
            ready = await self._client.is_model_ready(self._name, client_timeout=5)
        except InferenceServerException as error:
            raise self._failure(error) from error
        if not ready:
            raise self._unavailable(f"the model {self._name!r} is not loaded (yet)")
        await self.model()

    async def close(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
        await self._client.close()

    async def _ask_model(self) -> Model:
        result = await self._infer(_PROBE, b"")
        settings: dict[str, Any] = json.loads(_text(result, "settings"))
        return Model(
            digest=_text(result, "model_digest"),
            defaults=Drawing(
                steps=int(settings["steps"]),
                guidance_scale=float(settings["guidance_scale"]),
                scheduler=str(settings["scheduler"]),
                width=int(settings["width"]),
                height=int(settings["height"]),
            ),
        )

    async def _infer(self, picture: Picture, embedding: bytes) -> InferResult:
        with tracer().start_as_current_span(
            f"triton {self._name}",
            kind=SpanKind.CLIENT,
            attributes={
                "rpc.system": "grpc",
                "rpc.service": "inference.GRPCInferenceService",
                "rpc.method": "ModelInfer",
                "server.address": self._url,
                "reelmill.frame.seed": picture.seed,
                "reelmill.frame.steps": picture.drawing.steps,
            },
        ):
            started = time.monotonic()
            try:
                result = await self._client.infer(
                    self._name,
                    _inputs(picture, embedding),
                    client_timeout=self._timeout,
                    headers=trace_headers(),
                )
            except InferenceServerException as error:
                raise self._failure(error) from error
            instruments().draw_duration.record(time.monotonic() - started)
            return result

    def _failure(self, error: InferenceServerException) -> ReelmillError:
        status = str(error.status() or "").removeprefix("StatusCode.")
        message = " ".join(str(error.message()).split())[:500]
        if status in _REFUSALS:
            return ReelmillError(
                Reason.MODEL_REJECTED,
                f"the diffusion model refused the frame: {message}; change what was asked for",
            )
        if status == "DEADLINE_EXCEEDED":
            return self._unavailable(
                f"no frame within {self._timeout:.0f} s; add renderers or raise REELMILL_FRAME_TIMEOUT"
            )
        return self._unavailable(f"{status or type(error).__name__}: {message}")

    def _unavailable(self, detail: str) -> ReelmillError:
        return ReelmillError(
            Reason.RENDERER_UNAVAILABLE,
            f"Triton at {self._url} did not draw ({detail}); check REELMILL_TRITON_URL and Triton's log",
        )


def _inputs(picture: Picture, embedding: bytes) -> list[InferInput]:
    """All inputs, always: Triton batches only requests that have the same set of them."""
    drawing = picture.drawing
    return [
        _bytes_input("prompt", picture.prompt.encode()),
        _bytes_input("negative_prompt", picture.negative_prompt.encode()),
        _bytes_input("style_embedding", embedding),
        _bytes_input("scheduler", drawing.scheduler.encode()),
        _input("seed", np.array([[picture.seed]], np.int64), "INT64"),
        _input("steps", np.array([[drawing.steps]], np.int32), "INT32"),
        _input("guidance_scale", np.array([[drawing.guidance_scale]], np.float32), "FP32"),
        _input("width", np.array([[drawing.width]], np.int32), "INT32"),
        _input("height", np.array([[drawing.height]], np.int32), "INT32"),
    ]


def _bytes_input(name: str, data: bytes) -> InferInput:
    return _input(name, np.frombuffer(data, np.uint8)[None], "UINT8")


def _input(name: str, values: NDArray[Any], datatype: str) -> InferInput:
    tensor = InferInput(name, list(values.shape), datatype)
    tensor.set_data_from_numpy(values)
    return tensor


def _output(result: InferResult, name: str) -> NDArray[Any]:
    values = result.as_numpy(name)
    if values is None:
        raise ReelmillError(
            Reason.RENDERER_UNAVAILABLE,
            f"Triton's model has no output {name!r}: its model repository does not fit this service",
        )
    return np.asarray(values)


def _text(result: InferResult, name: str) -> str:
    return _output(result, name).astype(np.uint8).tobytes().decode()
