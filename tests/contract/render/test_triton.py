"""The renderer against a real Triton Inference Server with a real, tiny diffusion model."""

import asyncio
import re
from dataclasses import replace

import numpy as np
import pytest
from tritonclient.grpc.aio import InferenceServerClient

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_local.stack import LocalStack
from reelmill_render.connection import TritonConnection
from reelmill_render.domain import Drawing, Picture
from reelmill_render.triton import TritonRenderer

pytestmark = [pytest.mark.stack, pytest.mark.torch]


@pytest.fixture
def renderer(connection: TritonConnection) -> TritonRenderer:
    return TritonRenderer(connection, "diffusion", frame_timeout=60)


@pytest.fixture
async def picture(renderer: TritonRenderer) -> Picture:
    model = await renderer.model()
    return Picture("a cat", "", 7, replace(model.defaults, steps=3), model.digest, "")


async def executions(stack: LocalStack) -> int:
    """How many batches Triton has drawn."""
    client = InferenceServerClient(stack.addresses["triton"])
    statistics = await client.get_inference_statistics("diffusion")
    await client.close()
    return int(statistics.model_stats[0].execution_count)


async def test_the_model_is_known_with_its_defaults_as_values(renderer: TritonRenderer) -> None:
    await renderer.check()
    model = await renderer.model()
    assert re.fullmatch(r"[0-9a-f]{64}", model.digest)
    assert model.defaults.steps > 0
    assert model.defaults.guidance_scale > 0
    assert (model.defaults.width, model.defaults.height) == (64, 64)
    assert model.defaults.scheduler == "DDIMScheduler"


async def test_the_same_inputs_give_the_same_picture_whatever_else_is_in_the_batch(
    renderer: TritonRenderer, picture: Picture
) -> None:
    alone = await renderer.draw(picture, b"")
    # Another guidance a hair apart, so that Triton's cache cannot answer.
    close = replace(
        picture, drawing=replace(picture.drawing, guidance_scale=picture.drawing.guidance_scale + 1e-6)
    )
    company = [replace(picture, seed=seed, prompt=f"a dog number {seed}") for seed in range(20, 27)]
    together, *others = await asyncio.gather(*(renderer.draw(p, b"") for p in (close, *company)))
    assert alone.pixels.shape == (64, 64, 3)
    assert alone.pixels.dtype == np.uint8
    assert np.abs(alone.pixels.astype(int) - together.pixels.astype(int)).max() <= 2
    assert all(np.abs(alone.pixels.astype(int) - o.pixels.astype(int)).max() > 10 for o in others)


async def test_frames_asked_for_at_once_share_batches(
    renderer: TritonRenderer, picture: Picture, triton: LocalStack
) -> None:
    before = await executions(triton)
    await asyncio.gather(*(renderer.draw(replace(picture, seed=1000 + i), b"") for i in range(32)))
    assert await executions(triton) - before <= 4


@pytest.mark.parametrize(
    ("change", "embedding"),
    [
        ({"drawing": Drawing(steps=999)}, b""),
        ({"drawing": Drawing(scheduler="NoScheduler")}, b""),
        ({"drawing": Drawing(width=65)}, b""),
        ({"prompt": "in <style> style"}, b"not safetensors"),
    ],
    ids=["steps", "scheduler", "size", "embedding"],
)
async def test_what_the_model_refuses_is_rejected_and_spares_the_others(
    renderer: TritonRenderer, picture: Picture, change: dict[str, object], embedding: bytes
) -> None:
    bad = renderer.draw(replace(picture, **change), embedding)  # type: ignore[arg-type]
    good = renderer.draw(replace(picture, seed=99), b"")
    refused, drawn = await asyncio.gather(bad, good, return_exceptions=True)
    assert isinstance(refused, ReelmillError)
    assert refused.reason is Reason.MODEL_REJECTED
    assert not refused.transient
    assert not isinstance(drawn, BaseException)


async def test_a_cancelled_frame_is_not_drawn_to_its_end(renderer: TritonRenderer, picture: Picture) -> None:
    """It would take 20 s or more: had it gone on, the next frame would come too late."""
    endless = replace(picture, seed=5, drawing=replace(picture.drawing, steps=150, width=256, height=256))
    drawing = asyncio.create_task(renderer.draw(endless, b""))
    await asyncio.sleep(1)
    drawing.cancel()
    await asyncio.gather(drawing, return_exceptions=True)
    async with asyncio.timeout(8):
        await renderer.draw(replace(picture, seed=6), b"")


async def test_a_frame_that_takes_too_long_may_be_tried_again(
    connection: TritonConnection, picture: Picture
) -> None:
    hasty = TritonRenderer(connection, "diffusion", frame_timeout=0.3)
    with pytest.raises(ReelmillError) as late:
        await hasty.draw(
            replace(picture, drawing=replace(picture.drawing, steps=150, width=256, height=256)), b""
        )
    assert late.value.transient
    assert "REELMILL_FRAME_TIMEOUT" in late.value.message


async def test_a_model_that_is_not_there_is_no_readiness(connection: TritonConnection) -> None:
    lost = TritonRenderer(connection, "nonesuch", frame_timeout=5)
    with pytest.raises(ReelmillError) as missing:
        await lost.check()
    assert missing.value.reason is Reason.RENDERER_UNAVAILABLE
    assert "nonesuch" in missing.value.message


async def test_no_triton_is_said_to_be_none_and_may_heal(nobody: TritonConnection) -> None:
    lonely = TritonRenderer(nobody, "diffusion", frame_timeout=5)
    for ask in (lonely.check, lonely.model):
        with pytest.raises(ReelmillError) as missing:
            await ask()
        assert missing.value.reason is Reason.RENDERER_UNAVAILABLE
        assert missing.value.transient
        assert nobody.url in missing.value.message
