"""The judge behind Triton, asked as any client would: with tritonclient, tensor by tensor."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from reelmill_judge import Bank, Judge, Score, centroid, distinct, load_judge, style_score, text_score
from tests.contract.triton.conftest import a_triton
from tests.contract.triton.frames import Frame, Painter

pytestmark = [pytest.mark.torch, pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]
NOTHING = np.zeros(0, np.float32)
SCORED = {"style_margin", "style_rank", "text_margin", "text_rank"}


@dataclass(frozen=True)
class Answer:
    style: Score
    text: Score
    style_embedding: NDArray[np.float32]
    digest: str


class Client:
    def __init__(self, address: str) -> None:
        self.triton = InferenceServerClient(address)

    async def judge(
        self, image: NDArray[np.uint8], text: bytes = b"", own_style: NDArray[np.float32] = NOTHING
    ) -> Answer:
        tensors: dict[str, NDArray[Any]] = {"image": image, "text": np.frombuffer(text, np.uint8)}
        tensors["own_style"] = own_style
        result = await self.triton.infer("judge", [_input(name, t[None]) for name, t in tensors.items()])
        scores: dict[str, Any] = {name: result.as_numpy(name).item() for name in SCORED}
        return Answer(
            Score(scores["style_margin"], scores["style_rank"]),
            Score(scores["text_margin"], scores["text_rank"]),
            result.as_numpy("style_embedding")[0],
            result.as_numpy("judge_digest").tobytes().decode(),
        )

    async def batches(self) -> int:
        found = (await self.triton.get_inference_statistics("judge", as_json=True))["model_stats"][0]
        return int(found.get("execution_count", 0))


def _input(name: str, tensor: NDArray[Any]) -> InferInput:
    sent = InferInput(name, list(tensor.shape), {"uint8": "UINT8", "float32": "FP32"}[tensor.dtype.name])
    sent.set_data_from_numpy(tensor)
    return sent


@pytest_asyncio.fixture(loop_scope="session")
async def client(triton: str) -> AsyncIterator[Client]:
    client = Client(triton)
    yield client
    await client.triton.close()


@pytest.fixture(scope="session")
def judge(tiny_judge: Path) -> Judge:
    return load_judge(tiny_judge, "cpu")


@pytest.fixture(scope="session")
def bank(tiny_judge: Path, judge: Judge) -> Bank:
    return Bank.load(tiny_judge / "bank", judge)


def pictures(count: int, size: tuple[int, int] = (64, 64), seed: int = 1) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (count, *size, 3))
    return (noise * rng.random((count, 1, 1, 3))).astype(np.uint8)


async def test_scores_are_those_of_the_judge_whatever_else_is_in_the_batch(
    client: Client, judge: Judge, bank: Bank
) -> None:
    own = centroid(judge.styles(pictures(3, seed=2))).astype(np.float32)
    others = distinct(own, bank.style_centroids)
    assert len(others), "this tiny judge tells no styles apart"
    frames = [*pictures(5), *pictures(5, (48, 96))]
    texts = [f"word{n} word{n + 3} word{n + 5}" for n in range(len(frames))]
    before = await client.batches()
    answers = await asyncio.gather(
        *(client.judge(f, t.encode(), own) for f, t in zip(frames, texts, strict=True))
    )
    assert await client.batches() - before <= 4, "they were not batched"
    for frame, text, answer in zip(frames, texts, answers, strict=True):
        seen, read = judge.images(frame[None])[0], judge.texts([text])[0]
        style = style_score(judge.styles(frame[None])[0], own, others)
        shown = text_score(seen, read, distinct(read, bank.texts))
        assert (answer.style.rank, answer.text.rank) == (style.rank, shown.rank)
        assert answer.style.margin == pytest.approx(style.margin, abs=1e-4)
        assert answer.text.margin == pytest.approx(shown.margin, abs=1e-4)
        assert np.allclose(answer.style_embedding, judge.styles(frame[None])[0], atol=1e-5)


async def test_what_is_not_asked_for_is_not_scored(client: Client) -> None:
    answer = await client.judge(pictures(1)[0])
    assert (answer.style.rank, answer.text.rank) == (0, 0)
    assert np.linalg.norm(answer.style_embedding) == pytest.approx(1, abs=1e-5)


async def test_every_answer_names_the_judge(client: Client) -> None:
    answers = await asyncio.gather(*(client.judge(p, b"word1") for p in pictures(3)))
    assert len({answer.digest for answer in answers}) == 1
    assert re.fullmatch("[0-9a-f]{64}", answers[0].digest)


async def test_a_style_that_another_judge_saw_is_not_compared(client: Client) -> None:
    answer = await client.judge(pictures(1)[0], b"word1", np.ones(7, np.float32))
    assert answer.style.rank == 0
    assert answer.text.rank > 0


async def test_a_bad_request_gets_its_error_and_its_neighbours_their_scores(client: Client) -> None:
    [picture] = pictures(1)
    asked = [
        client.judge(picture, b"word1"),
        client.judge(picture, b"\xff\xfe"),
        client.judge(picture, b"word1", np.full(16, np.nan, np.float32)),
        client.judge(picture, b"word1", np.zeros(16, np.float32)),
        client.judge(picture[:0], b"word1"),
        client.judge(picture, b"word2"),
    ]
    first, *bad, last = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(first, Answer)
    assert isinstance(last, Answer)
    for field, error in zip(("text", "own_style", "own_style", "image"), bad, strict=True):
        assert isinstance(error, InferenceServerException)
        assert error.status() == "StatusCode.INVALID_ARGUMENT"
        assert str(error.message()).count(field) == 1


async def test_without_a_judge_frames_are_drawn_and_judging_says_what_is_missing(
    tiny_sd: Path, tiny_judge: Path, tmp_path: Path
) -> None:
    missing = str(tmp_path / "nowhere")
    async with a_triton(tmp_path, tiny_sd, tiny_judge, REELMILL_JUDGE_MODEL=missing) as address:
        client, painter = Client(address), Painter(address)
        drawn = await painter.draw(Frame())
        assert drawn.image.shape == (64, 64, 3)
        with pytest.raises(InferenceServerException) as refused:
            await client.judge(drawn.image, b"a boat")
        assert refused.value.status() == "StatusCode.UNAVAILABLE"
        assert missing in str(refused.value.message())
        await client.triton.close()
        await painter.client.close()
