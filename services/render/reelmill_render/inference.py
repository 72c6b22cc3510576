"""One model at Triton: tensors there and back, spans around them, errors of the catalogue."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from opentelemetry.trace import SpanKind
from tritonclient.grpc import InferInput, InferResult
from tritonclient.utils import InferenceServerException

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.telemetry import trace_headers, tracer

from .connection import TritonConnection

# What trying again will not mend.
_REFUSALS = ("INVALID_ARGUMENT", "OUT_OF_RANGE", "UNIMPLEMENTED")
T = TypeVar("T")


class TritonModel:
    def __init__(
        self, triton: TritonConnection, name: str, timeout: float, *, what: str, does: str, hint: str
    ) -> None:
        """`timeout` in seconds, queueing included.

        For messages: `what` the model is, what it `does`, and a `hint` on what to check where it does not.
        """
        self.name = name
        self._triton = triton
        self._timeout = timeout
        self._what, self._does, self._hint = what, does, hint

    async def infer(self, inputs: Sequence[InferInput], attributes: dict[str, Any]) -> InferResult:
        """One request; `attributes` are its span's. Raises RENDERER_UNAVAILABLE or MODEL_REJECTED."""
        with tracer().start_as_current_span(
            f"triton {self.name}",
            kind=SpanKind.CLIENT,
            attributes={
                "rpc.system": "grpc",
                "rpc.service": "inference.GRPCInferenceService",
                "rpc.method": "ModelInfer",
                "server.address": self._triton.url,
                **attributes,
            },
        ):
            try:
                return await self._triton.client.infer(
                    self.name, list(inputs), client_timeout=self._timeout, headers=trace_headers()
                )
            except InferenceServerException as error:
                raise self._failure(error) from error

    async def check_loaded(self) -> None:
        try:
            ready = await self._triton.client.is_model_ready(self.name, client_timeout=5)
        except InferenceServerException as error:
            raise self._failure(error) from error
        if not ready:
            raise self.unavailable(f"the model {self.name!r} is not loaded (yet)")

    def unavailable(self, detail: str) -> ReelmillError:
        return ReelmillError(
            Reason.RENDERER_UNAVAILABLE,
            f"Triton at {self._triton.url} did not {self._does} ({detail}); {self._hint}",
        )

    def _failure(self, error: InferenceServerException) -> ReelmillError:
        status = str(error.status() or "").removeprefix("StatusCode.")
        message = " ".join(str(error.message()).split())[:500]
        if status in _REFUSALS:
            return ReelmillError(
                Reason.MODEL_REJECTED,
                f"the {self._what} refused the frame: {message}; change what was asked for",
            )
        if status == "DEADLINE_EXCEEDED":
            return self.unavailable(
                f"no answer within {self._timeout:.0f} s; add renderers or raise REELMILL_FRAME_TIMEOUT"
            )
        return self.unavailable(f"{status or type(error).__name__}: {message}")


class Remembered(Generic[T]):
    """Something that is asked for once, by all who need it, and kept until it is forgotten."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._asking: asyncio.Task[T] | None = None

    async def get(self) -> T:
        asking = self._asking
        if asking is None or (asking.done() and (asking.cancelled() or asking.exception() is not None)):
            asking = self._asking = asyncio.create_task(self._run())
        # Shared by all who wait: one who gives up must not end it for the others.
        return await asyncio.shield(asking)

    def forget(self) -> None:
        if self._asking is not None and self._asking.done():
            self._asking = None

    def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()

    async def _run(self) -> T:
        return await self._ask()


def bytes_input(name: str, data: bytes) -> InferInput:
    return tensor_input(name, np.frombuffer(data, np.uint8)[None])


def tensor_input(name: str, values: NDArray[Any]) -> InferInput:
    """`values` with their batch dimension: uint8, int32, int64 or float32."""
    datatypes = {"uint8": "UINT8", "int32": "INT32", "int64": "INT64", "float32": "FP32"}
    tensor = InferInput(name, list(values.shape), datatypes[values.dtype.name])
    tensor.set_data_from_numpy(values)
    return tensor


def output(result: InferResult, name: str) -> NDArray[Any]:
    values = result.as_numpy(name)
    if values is None:
        raise ReelmillError(
            Reason.RENDERER_UNAVAILABLE,
            f"Triton's model has no output {name!r}: its model repository does not fit this service",
        )
    return np.asarray(values)


def text_output(result: InferResult, name: str) -> str:
    return output(result, name).astype(np.uint8).tobytes().decode()
