"""The judge against a real Triton Inference Server with a real, tiny judge."""

import asyncio
import re

import numpy as np
import pytest

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_render.connection import TritonConnection
from reelmill_render.ports import Pixels
from reelmill_render.triton_judge import TritonJudge

pytestmark = [pytest.mark.stack, pytest.mark.torch]


@pytest.fixture
def judge(connection: TritonConnection) -> TritonJudge:
    return TritonJudge(connection, "judge", timeout=60)


@pytest.fixture
def picture() -> Pixels:
    return np.random.default_rng(7).integers(0, 256, (64, 96, 3), np.uint8)


async def test_the_judge_is_known_by_its_digest(judge: TritonJudge) -> None:
    await judge.check()
    digest = await judge.digest()
    assert re.fullmatch("[0-9a-f]{64}", digest)
    judge.forget()
    assert await judge.digest() == digest


async def test_a_picture_is_scored_for_what_there_is_to_compare_it_with(
    judge: TritonJudge, picture: Pixels
) -> None:
    bare = await judge.judge(picture, "", None)
    assert (bare.scores.style, bare.scores.text) == (None, None)
    assert np.linalg.norm(bare.style) == pytest.approx(1, abs=1e-5)
    whole = await judge.judge(picture, "word1 word2", bare.style)
    assert whole.scores.style is not None
    assert whole.scores.text is not None
    assert whole.scores.style.rank == 1  # it is its own style
    assert whole.scores.style.margin > 0
    assert 1 <= whole.scores.text.rank <= 13
    assert (whole.scores.text.rank == 1) == (whole.scores.text.margin > 0)
    assert whole.judge_digest == bare.judge_digest == await judge.digest()


async def test_the_same_picture_gets_the_same_scores_in_any_company(
    judge: TritonJudge, picture: Pixels
) -> None:
    own = (await judge.judge(picture, "", None)).style
    alone = (await judge.judge(picture[::-1], "word1 word2", own)).scores
    others = [judge.judge(np.roll(picture, 5 * n, 0), f"word{n}", own) for n in range(1, 12)]
    together, *_ = await asyncio.gather(judge.judge(picture[::-1], "word1 word2", own), *others)
    for one, other in ((alone.style, together.scores.style), (alone.text, together.scores.text)):
        assert one is not None
        assert other is not None
        assert one.rank == other.rank
        assert one.margin == pytest.approx(other.margin, abs=1e-4)


async def test_a_judge_that_is_not_there_is_said_to_be_what_the_gate_needs(
    connection: TritonConnection,
) -> None:
    lost = TritonJudge(connection, "nonesuch", timeout=5)
    for ask in (lost.check, lost.digest):
        with pytest.raises(ReelmillError) as missing:
            await ask()
        assert missing.value.reason is Reason.RENDERER_UNAVAILABLE
        for named in ("nonesuch", "REELMILL_JUDGE_MODEL", "REELMILL_GATE=off"):
            assert named in missing.value.message


async def test_no_triton_is_said_to_be_none_and_may_heal(nobody: TritonConnection) -> None:
    lonely = TritonJudge(nobody, "judge", timeout=5)
    with pytest.raises(ReelmillError) as missing:
        await lonely.check()
    assert missing.value.transient
    assert nobody.url in missing.value.message
