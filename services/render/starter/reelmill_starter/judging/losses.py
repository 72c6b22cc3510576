"""What the judge is trained to make small."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from reelmill_judge.network import Seen

_STYLE_TEMPERATURE = 0.1
# What figures wear and do is what frames are asked for most; moods are the smallest to see.
_WEIGHTS = {"colour": 2.0, "verb": 2.0, "mood": 1.5, "place": 1.5}


def question_weights(questions: list[str]) -> list[float]:
    """How much each question counts, 1 on average."""
    weights = [_WEIGHTS.get(question.split()[0], 1.0) for question in questions]
    return [weight * len(weights) / sum(weights) for weight in weights]


def answers_loss(logits: list[Tensor], right: Tensor, weights: list[float]) -> Tensor:
    """Cross entropy over the questions; logits (N, answers) each, `right` (N, questions)."""
    parts = zip(logits, right.unbind(dim=1), weights, strict=True)
    return torch.stack([weight * cross_entropy(one, answer) for one, answer, weight in parts]).mean()


def content_loss(pictures: Tensor, own: Tensor, wrong: Tensor, scale: Tensor) -> Tensor:
    """CLIP's loss: pictures (N, C) find their captions among all and among the wrong ones (N, C) as well."""
    numbers = torch.arange(len(pictures))
    by_picture = scale * pictures @ torch.cat([own, wrong]).T
    by_text = scale * own @ pictures.T
    return 0.5 * (cross_entropy(by_picture, numbers) + cross_entropy(by_text, numbers))


def style_loss(style: Tensor, values: Tensor) -> Tensor:
    """Supervised contrast (arXiv 2004.11362): pictures (N, S) of one style find each other.

    `values` (N, axes) are their styles' coordinates; the same coordinates are the same style.
    """
    same = (values[:, None] == values[None]).all(dim=2)
    same.fill_diagonal_(False)
    logits = (style @ style.T / _STYLE_TEMPERATURE).masked_fill(torch.eye(len(style), dtype=torch.bool), -1e4)
    likely = torch.log_softmax(logits, dim=1)
    mean = (likely * same).sum(dim=1) / same.sum(dim=1).clamp(min=1)
    return -mean[same.any(dim=1)].mean()


def manner_loss(seen: Seen, values: Tensor) -> Tensor:
    """Style by contrast and by coordinates."""
    return style_loss(seen.style, values) + 4 * (seen.style_values - values).square().mean()
