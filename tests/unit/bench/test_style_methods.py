"""The benches of styles measure what they say they do."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from reelmill_diffusion import DiffusionModel, Drawing, draw
from tests.bench import style_scores
from tests.bench.style_aligned import SharedAttention, draw_aligned
from tests.support.tiny import _one_torch_thread, tiny_sd  # noqa: F401

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def model(tiny_sd: Path) -> DiffusionModel:  # noqa: F811
    return DiffusionModel.load(tiny_sd)


def test_alignment_is_the_mean_over_all_choices_of_other_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style_scores, "CHOICES", 3)
    likeness = np.random.default_rng(2).normal(size=(6, 6)) + np.eye(6)
    right = [
        likeness[own, own] > likeness[own, list(others)].max()
        for own in range(6)
        for others in itertools.combinations([i for i in range(6) if i != own], 2)
    ]
    assert style_scores._picked(likeness) == pytest.approx(np.mean(right))


def test_spread_is_the_mean_over_all_pairs() -> None:
    vectors = np.eye(3)[[0, 0, 1]]
    assert style_scores._apart(vectors) == pytest.approx(2 / 3)


def test_shared_attention_changes_nothing_where_all_rows_are_the_reference(model: DiffusionModel) -> None:
    [attention] = [m for name, m in model.unet.named_modules() if name.endswith("down_blocks.0.attentions.0")]
    attention = attention.transformer_blocks[0].attn1
    one = torch.randn(1, 16, attention.to_q.in_features)
    rows = one.repeat(6, 1, 1)
    with torch.no_grad():
        assert torch.allclose(SharedAttention()(attention, rows), attention(rows), atol=1e-5)


def test_frames_drawn_with_a_reference_differ_by_it_and_leave_the_model_as_it_was(
    model: DiffusionModel,
) -> None:
    before = draw(model, [Drawing(prompt="a man", seed=3)])
    black, noise = np.zeros((64, 64, 3), np.uint8), np.random.default_rng(1).integers(0, 256, (64, 64, 3))
    one, other = (
        draw_aligned(model, reference.astype(np.uint8), "a dog", ["a man", "a cat"], 3)
        for reference in (black, noise)
    )
    assert len(one) == 2
    assert not np.array_equal(one[0], other[0])
    again = draw(model, [Drawing(prompt="a man", seed=3)])
    assert np.array_equal(np.stack(before), np.stack(again))  # type: ignore[arg-type]
