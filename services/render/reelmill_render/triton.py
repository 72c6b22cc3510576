"""The renderer behind Triton: one request a frame, so that Triton can batch across movies."""

import json
import time
from typing import Any

import numpy as np
from tritonclient.grpc import InferInput, InferResult

from reelmill_kit.telemetry import instruments

from .connection import TritonConnection
from .domain import Drawing, Model, Picture
from .inference import Remembered, TritonModel, bytes_input, output, tensor_input, text_output
from .ports import Drawn

# Drawn once at every start, to learn the model's digest and defaults.
_PROBE = Picture(
    prompt="a probe", negative_prompt="", seed=0, drawing=Drawing(), model_digest="", embedding_digest=""
)


class TritonRenderer:
    def __init__(self, triton: TritonConnection, model: str, frame_timeout: float) -> None:
        """`frame_timeout` in seconds, queueing included."""
        self._triton = TritonModel(
            triton,
            model,
            frame_timeout,
            what="diffusion model",
            does="draw",
            hint="check REELMILL_TRITON_URL and Triton's log",
        )
        self._model = Remembered(self._ask_model)

    async def model(self) -> Model:
        return await self._model.get()

    def forget_model(self) -> None:
        self._model.forget()

    async def draw(self, picture: Picture, embedding: bytes) -> Drawn:
        result = await self._infer(picture, embedding)
        pixels = output(result, "image")
        if pixels.ndim != 4 or pixels.shape[0] != 1 or pixels.shape[3] != 3 or pixels.dtype != np.uint8:
            raise self._triton.unavailable(
                f"answered with an image of shape {pixels.shape} and type {pixels.dtype}"
            )
        return Drawn(pixels[0], text_output(result, "model_digest"))

    async def check(self) -> None:
        await self._triton.check_loaded()
        await self.model()

    def close(self) -> None:
        self._model.close()

    async def _ask_model(self) -> Model:
        result = await self._infer(_PROBE, b"")
        settings: dict[str, Any] = json.loads(text_output(result, "settings"))
        return Model(
            digest=text_output(result, "model_digest"),
            defaults=Drawing(
                steps=int(settings["steps"]),
                guidance_scale=float(settings["guidance_scale"]),
                scheduler=str(settings["scheduler"]),
                width=int(settings["width"]),
                height=int(settings["height"]),
            ),
        )

    async def _infer(self, picture: Picture, embedding: bytes) -> InferResult:
        started = time.monotonic()
        result = await self._triton.infer(
            _inputs(picture, embedding),
            {"reelmill.frame.seed": picture.seed, "reelmill.frame.steps": picture.drawing.steps},
        )
        instruments().draw_duration.record(time.monotonic() - started)
        return result


def _inputs(picture: Picture, embedding: bytes) -> list[InferInput]:
    """All inputs, always: Triton batches only requests that have the same set of them."""
    drawing = picture.drawing
    return [
        bytes_input("prompt", picture.prompt.encode()),
        bytes_input("negative_prompt", picture.negative_prompt.encode()),
        bytes_input("style_embedding", embedding),
        bytes_input("scheduler", drawing.scheduler.encode()),
        tensor_input("seed", np.array([[picture.seed]], np.int64)),
        tensor_input("steps", np.array([[drawing.steps]], np.int32)),
        tensor_input("guidance_scale", np.array([[drawing.guidance_scale]], np.float32)),
        tensor_input("width", np.array([[drawing.width]], np.int32)),
        tensor_input("height", np.array([[drawing.height]], np.int32)),
    ]
