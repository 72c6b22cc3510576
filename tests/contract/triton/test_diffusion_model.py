"""What the render service and any other client of Triton may rely on, with a model of each shape."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import torch
from tritonclient.utils import InferenceServerException

from reelmill_diffusion import DiffusionModel, Drawing, StyleEmbedding, draw, model_digest
from tests.contract.triton.frames import Answer, Frame, Painter

pytestmark = [pytest.mark.torch, pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]
SAME = 2


@pytest.fixture(scope="session")
def model(directory: Path) -> DiffusionModel:
    return DiffusionModel.load(directory)


@pytest_asyncio.fixture(loop_scope="session")
async def painter(triton: str) -> AsyncIterator[Painter]:
    painter = Painter(triton)
    yield painter
    await painter.client.close()


def some_style(model: DiffusionModel, seed: int) -> StyleEmbedding:
    generator = torch.Generator().manual_seed(seed)
    return StyleEmbedding(
        {name: torch.randn(seed, width, generator=generator) * 0.1 for name, width in model.widths.items()}
    )


def here(model: DiffusionModel, frame: Frame, style: StyleEmbedding | None = None) -> Any:
    """The same frame drawn in this process, alone."""
    drawing = Drawing(
        prompt=frame.prompt.decode(),
        seed=frame.seed,
        steps=frame.steps,
        guidance_scale=frame.guidance_scale,
        style=style,
    )
    return draw(model, [drawing])[0]


def difference(answer: Answer | BaseException, image: Any) -> int:
    assert isinstance(answer, Answer), answer
    return int(np.abs(answer.image.astype(int) - image.astype(int)).max())


async def test_frames_of_different_movies_share_a_batch_and_look_as_if_drawn_alone(
    painter: Painter, model: DiffusionModel
) -> None:
    styles = [some_style(model, 1), some_style(model, 3)]
    before = await painter.executions()
    frames = [
        Frame(
            b"a man %d, in <style> style" % n,
            seed=100 + n,
            style=styles[n % 2].to_bytes(),
            guidance_scale=[1.0, 5.0][n // 2 % 2],
        )
        for n in range(12)
    ]
    answers = await painter.draw_all(frames)
    assert (
        max(
            difference(a, here(model, f, styles[n % 2]))
            for n, (a, f) in enumerate(zip(answers, frames, strict=True))
        )
        <= SAME
    )
    after = await painter.executions()
    assert after[0] - before[0] == 12
    assert after[1] - before[1] <= 3, "they were not batched"


async def test_a_frame_may_have_a_style_and_several_characters_in_one_file(
    painter: Painter, model: DiffusionModel
) -> None:
    characters = [replace(some_style(model, 3 + n), token=f"<character-{n}>") for n in (1, 2)]
    style = some_style(model, 1).with_tokens(characters)
    both = Frame(b"a <character-1> and a <character-2>, in <style> style", seed=190, style=style.to_bytes())
    one = replace(both, prompt=b"a <character-1>, in <style> style")
    answers = await painter.draw_all([both, one])
    pictures = [here(model, frame, style) for frame in (both, one)]
    assert max(map(difference, answers, pictures)) <= SAME
    assert difference(answers[0], pictures[1]) > SAME


async def test_a_bad_frame_gets_its_error_and_its_neighbours_their_pictures(
    painter: Painter, model: DiffusionModel
) -> None:
    bad = {
        "steps": Frame(seed=201, steps=999),
        "guidance_scale": Frame(seed=202, guidance_scale=float("nan")),
        "style_embedding": Frame(seed=203, style=b"no safetensors"),
        "prompt": Frame(b"\xff\xfe", seed=204),
        "scheduler": Frame(seed=205, changed={"scheduler": np.frombuffer(b"Nope", np.uint8)[None]}),
        "width": Frame(seed=206, changed={"width": np.array([[100]], np.int32)}),
    }
    good = [Frame(seed=210 + n) for n in range(4)]
    answers = await painter.draw_all([*good[:2], *bad.values(), *good[2:]])
    pictures = answers[:2] + answers[-2:]
    assert max(difference(a, here(model, f)) for a, f in zip(pictures, good, strict=True)) <= SAME
    for field, error in zip(bad, answers[2:-2], strict=True):
        assert isinstance(error, InferenceServerException)
        assert error.status() == "StatusCode.INVALID_ARGUMENT"
        assert field in str(error.message())


async def test_a_style_that_another_model_learned_is_refused_naming_both(
    painter: Painter, model: DiffusionModel
) -> None:
    foreign = replace(some_style(model, 1), metadata={"model_digest": "ab" * 32})
    with pytest.raises(InferenceServerException) as refused:
        await painter.draw(Frame(b"a boat, in <style> style", style=foreign.to_bytes()))
    assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"
    for named in ("style_embedding", "ab" * 6, model.digest[:12]):
        assert named in str(refused.value.message())


async def test_an_unnamed_style_is_an_error_of_the_prompt(painter: Painter) -> None:
    with pytest.raises(InferenceServerException, match="no style embedding"):
        await painter.draw(Frame(b"in <style> style"))


async def test_zeros_mean_the_models_own_defaults_and_the_answer_says_which(
    painter: Painter, directory: Path, model: DiffusionModel
) -> None:
    answer = await painter.draw(Frame(steps=0, guidance_scale=0.0))
    assert answer.model_digest == model_digest(directory)
    assert answer.settings == {
        "steps": 30,
        "guidance_scale": model.defaults.guidance_scale,
        "width": 64,
        "height": 64,
        "scheduler": "EulerDiscreteScheduler" if model.is_xl else "DDIMScheduler",
    }
    assert answer.image.shape == (64, 64, 3)


async def test_a_cancelled_frame_ends_between_steps(painter: Painter) -> None:
    began = time.monotonic()
    await painter.draw(Frame(seed=401, steps=150))
    whole = time.monotonic() - began
    long = [asyncio.create_task(painter.draw(Frame(seed=410 + n, steps=150))) for n in range(8)]
    await asyncio.sleep(0.3)
    for task in long:
        task.cancel()
    began = time.monotonic()
    await painter.draw(Frame(seed=402, steps=1))
    assert time.monotonic() - began < max(whole, 1.0), "the cancelled frames were drawn to the end"
    assert all(
        isinstance(r, asyncio.CancelledError) for r in await asyncio.gather(*long, return_exceptions=True)
    )


async def test_a_frame_that_was_cancelled_is_drawn_when_it_is_asked_for_again(painter: Painter) -> None:
    frames = [Frame(seed=420 + n, steps=60) for n in range(6)]
    for pause in (0.05, 0.2, 0.5):  # while it waits for a batch, and while it is drawn
        given_up = [asyncio.create_task(painter.draw(frame)) for frame in frames]
        await asyncio.sleep(pause)
        for task in given_up:
            task.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
        again = await painter.draw_all(frames)
        assert [type(answer) for answer in again] == [Answer] * len(frames)
        frames = [Frame(seed=frame.seed + 100, steps=60) for frame in frames]


async def test_requests_that_leave_an_input_out_are_refused(painter: Painter) -> None:
    inputs = [i for i in Frame().inputs() if i.name() != "seed"]
    with pytest.raises(InferenceServerException, match="seed"):
        await painter.client.infer("diffusion", inputs)
