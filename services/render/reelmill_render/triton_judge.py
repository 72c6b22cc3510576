"""The judge behind Triton: one request a picture, so that Triton can batch across movies."""

import time

import numpy as np
from tritonclient.grpc import InferResult

from reelmill_kit.telemetry import instruments

from .connection import TritonConnection
from .gate import Score, Scores
from .inference import Remembered, TritonModel, bytes_input, output, tensor_input, text_output
from .ports import Pixels, Vector, Verdict

# Judged once at every start, to learn the judge's digest.
_PROBE: Pixels = np.zeros((64, 64, 3), np.uint8)


class TritonJudge:
    def __init__(self, triton: TritonConnection, model: str, timeout: float) -> None:
        """`timeout` in seconds, queueing included."""
        self._triton = TritonModel(
            triton,
            model,
            timeout,
            what="judge",
            does="judge",
            hint="the gate needs it: give Triton REELMILL_JUDGE_MODEL, the directory of a judge, or turn the "
            "gate off with REELMILL_GATE=off",
        )
        self._digest = Remembered(self._ask_digest)

    async def digest(self) -> str:
        return await self._digest.get()

    def forget(self) -> None:
        self._digest.forget()

    async def judge(self, pixels: Pixels, text: str, own_style: Vector | None) -> Verdict:
        started = time.monotonic()
        # All inputs, always: Triton batches only requests that have the same set of them.
        result = await self._triton.infer(
            [
                tensor_input("image", np.ascontiguousarray(pixels)[None]),
                bytes_input("text", text.encode()),
                tensor_input(
                    "own_style", np.zeros((1, 0), np.float32) if own_style is None else own_style[None]
                ),
            ],
            {},
        )
        instruments().judge_duration.record(time.monotonic() - started)
        scores = Scores(style=_score(result, "style"), text=_score(result, "text"))
        style = output(result, "style_embedding")[0].astype(np.float32)
        return Verdict(scores, style, text_output(result, "judge_digest"))

    async def check(self) -> None:
        await self._triton.check_loaded()
        await self.digest()

    def close(self) -> None:
        self._digest.close()

    async def _ask_digest(self) -> str:
        return (await self.judge(_PROBE, "", None)).judge_digest


def _score(result: InferResult, of: str) -> Score | None:
    rank = int(output(result, f"{of}_rank").item())
    return Score(float(output(result, f"{of}_margin").item()), rank) if rank else None
