"""Triton's side of the diffusion model: tensors in, tensors out. Drawing is in reelmill_diffusion.

Environment: REELMILL_DIFFUSION_MODEL (a diffusers directory), REELMILL_DIFFUSION_DEVICE and _DTYPE (auto),
REELMILL_DIFFUSION_MAX_BATCH (pictures drawn at once, 0: as many as Triton batched), REELMILL_TORCH_THREADS
(0: PyTorch's choice).
"""

import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from reelmill_diffusion import (
    DiffusionModel,
    Drawing,
    EmbeddingCache,
    Image,
    InputError,
    draw,
    resolve,
    use_threads,
)


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        parameters = json.loads(args["model_config"]).get("parameters", {})
        directory = parameters.get("model", {}).get("string_value") or os.environ.get(
            "REELMILL_DIFFUSION_MODEL"
        )
        if not directory:
            raise pb_utils.TritonModelException(
                "set REELMILL_DIFFUSION_MODEL to a directory in diffusers format"
            )
        use_threads(int(os.environ.get("REELMILL_TORCH_THREADS", "0")))
        device = os.environ.get("REELMILL_DIFFUSION_DEVICE", "auto")
        if device == "auto" and args["model_instance_kind"] == "GPU":
            device = f"cuda:{args['model_instance_device_id']}"
        self._max_batch = int(os.environ.get("REELMILL_DIFFUSION_MAX_BATCH", "0"))
        self._model = DiffusionModel.load(
            directory, device=device, dtype=os.environ.get("REELMILL_DIFFUSION_DTYPE", "auto")
        )
        self._styles = EmbeddingCache()
        pb_utils.Logger.log_info(
            f"drawing with {directory}, digest {self._model.digest}, on {self._model.device}"
        )

    def execute(self, requests: list[Any]) -> list[Any]:
        """One response a request: a picture, or the error of that request alone."""
        responses: list[Any] = [None] * len(requests)
        good: list[int] = []
        drawings: list[Drawing] = []
        for index, request in enumerate(requests):
            try:
                drawings.append(resolve(self._model, self._read(request)))
                good.append(index)
            except InputError as error:
                responses[index] = _failed(str(error), pb_utils.TritonError.INVALID_ARG)
        try:
            images = draw(
                self._model,
                drawings,
                max_batch=self._max_batch,
                cancelled=_asking([requests[i] for i in good]),
            )
        except Exception as error:  # whatever it is, these requests get it and the server goes on
            pb_utils.Logger.log_error(f"drawing {len(good)} frames: {type(error).__name__}: {error}")
            for index in good:
                responses[index] = _failed(f"{type(error).__name__}: {error}", pb_utils.TritonError.INTERNAL)
            return responses
        for index, drawing, image in zip(good, drawings, images, strict=True):
            if image is None:
                responses[index] = _failed("cancelled by the caller", pb_utils.TritonError.CANCELLED)
            else:
                responses[index] = self._answer(drawing, image)
        return responses

    def _read(self, request: Any) -> Drawing:
        style = _bytes(request, "style_embedding")
        return Drawing(
            prompt=_text(request, "prompt"),
            negative_prompt=_text(request, "negative_prompt"),
            seed=int(_number(request, "seed")),
            steps=int(_number(request, "steps")),
            guidance_scale=round(float(_number(request, "guidance_scale")), 6),
            width=int(_number(request, "width")),
            height=int(_number(request, "height")),
            scheduler=_text(request, "scheduler"),
            style=self._styles.get(style) if style else None,
        )

    def _answer(self, drawing: Drawing, image: Image) -> Any:
        names = ("steps", "guidance_scale", "width", "height", "scheduler")
        settings = {name: getattr(drawing, name) for name in names}
        tensors = {
            "image": image,
            "model_digest": _vector(self._model.digest.encode()),
            "settings": _vector(json.dumps(settings).encode()),
        }
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor.from_dlpack(n, t[None]) for n, t in tensors.items()]
        )


def _asking(requests: list[Any]) -> Callable[[int], bool]:
    return lambda index: bool(requests[index].is_cancelled())


def _failed(message: str, code: int) -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message, code))


def _tensor(request: Any, name: str) -> np.ndarray:
    """The request's one row of an input, as a vector."""
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    if tensor is None:
        raise InputError(name, "is missing")
    rows = np.from_dlpack(tensor)
    if rows.shape[0] != 1:
        raise InputError(name, f"has {rows.shape[0]} rows; a request is for one frame")
    return rows[0]


def _bytes(request: Any, name: str) -> bytes:
    return _tensor(request, name).tobytes()


def _text(request: Any, name: str) -> str:
    try:
        return _bytes(request, name).decode()
    except UnicodeDecodeError as error:
        raise InputError(name, f"is not UTF-8: {error.reason} at byte {error.start}") from error


def _number(request: Any, name: str) -> float | int:
    return _tensor(request, name)[0].item()


def _vector(data: bytes) -> np.ndarray:
    return np.frombuffer(bytearray(data), dtype=np.uint8)
