"""Frames asked of Triton as any client would: with tritonclient, tensor by tensor."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient


@dataclass(frozen=True)
class Frame:
    prompt: bytes = b"a boat"
    seed: int = 1
    steps: int = 4
    guidance_scale: float = 4.0
    style: bytes = b""
    changed: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Tensors to send instead."""

    def inputs(self) -> list[InferInput]:
        texts = {
            "prompt": self.prompt,
            "negative_prompt": b"",
            "style_embedding": self.style,
            "scheduler": b"",
        }
        tensors: dict[str, NDArray[Any]] = {
            **{name: np.frombuffer(text, np.uint8)[None] for name, text in texts.items()},
            "seed": np.array([[self.seed]], np.int64),
            "steps": np.array([[self.steps]], np.int32),
            "guidance_scale": np.array([[self.guidance_scale]], np.float32),
            "width": np.array([[0]], np.int32),
            "height": np.array([[0]], np.int32),
            **self.changed,
        }
        return [_input(name, tensor) for name, tensor in tensors.items()]


@dataclass(frozen=True)
class Answer:
    image: NDArray[np.uint8]
    model_digest: str
    settings: dict[str, Any]


class Painter:
    def __init__(self, address: str) -> None:
        self.client = InferenceServerClient(address)

    async def draw(self, frame: Frame) -> Answer:
        result = await self.client.infer("diffusion", frame.inputs())
        return Answer(
            result.as_numpy("image")[0],
            result.as_numpy("model_digest").tobytes().decode(),
            json.loads(result.as_numpy("settings").tobytes()),
        )

    async def draw_all(self, frames: list[Frame]) -> list[Answer | BaseException]:
        """All at once; what became of each."""
        return await asyncio.gather(*(self.draw(f) for f in frames), return_exceptions=True)

    async def executions(self) -> tuple[int, int, int]:
        """Frames drawn, batches they were drawn in, and frames answered from the cache, so far."""
        stats = (await self.client.get_inference_statistics("diffusion", as_json=True))["model_stats"][0]
        hits = stats.get("inference_stats", {}).get("cache_hit", {}).get("count", 0)
        frames = int(stats.get("inference_count", 0))
        return frames, int(stats.get("execution_count", 0)), int(hits)


def _input(name: str, tensor: NDArray[Any]) -> InferInput:
    kinds = {"uint8": "UINT8", "int64": "INT64", "int32": "INT32", "float32": "FP32"}
    sent = InferInput(name, list(tensor.shape), kinds[tensor.dtype.name])
    sent.set_data_from_numpy(tensor)
    return sent
