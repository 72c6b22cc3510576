"""The text encoder learns to read."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
import torch

from reelmill_starter.training.pictures import example
from reelmill_starter.training.reading import QUESTIONS, TextTraining, facts
from reelmill_starter.training.run import RunFolder
from reelmill_starter.training.words import train_tokenizer

pytestmark = [pytest.mark.torch, pytest.mark.slow]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    train_tokenizer(tmp_path / "tokenizer", seed=3, captions=500)
    return RunFolder(tmp_path)


def test_reading_that_was_stopped_goes_on_where_it_was_and_gets_better(folder: RunFolder) -> None:
    one_step = TextTraining(folder, seed=3, captions=64)
    untrained = one_step.right_answers(64)
    one_step.run()
    longer = TextTraining(folder, seed=3, captions=64 * 10)
    assert longer.step == 1
    longer.run()
    kept = TextTraining(folder, seed=3, captions=64 * 10)
    assert kept.step == 10
    pairs = zip(longer.model.parameters(), kept.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    read = kept.right_answers(64)
    assert sum(read.values()) > sum(untrained.values()) + 2


def test_every_question_has_one_of_its_answers_for_every_example() -> None:
    for one in (example(3, index) for index in range(200)):
        known = facts(one)
        assert tuple(known) == QUESTIONS
        assert all(answer == "none" or answer in allowed for answer, allowed in known.values())
