"""Processes that share the work of a training step."""

from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("torch")
import torch

from reelmill_starter.training.workers import Workers, started

pytestmark = [pytest.mark.torch]


def train_line(target: Path, workers: Workers) -> None:
    """Fits a line in a few steps and writes what the first worker has found."""
    torch.manual_seed(1)
    model = torch.nn.Linear(3, 1)
    shared = workers.share(model)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    while workers.agreed(0.0 if workers.first else 2.0) >= 1:
        pytest.fail("the others follow the first worker's clock")
    for step in range(5):
        inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
        mine = workers.mine(8)
        loss = (shared(inputs[mine]).squeeze(1) - inputs[mine].sum(dim=1)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    if workers.first:
        torch.save(model.state_dict(), target)


def weights(target: Path, count: int) -> dict[str, torch.Tensor]:
    work = partial(train_line, target)
    with started(count, work) as first:
        work(first)
    state: dict[str, torch.Tensor] = torch.load(target, weights_only=True)
    return state


@pytest.mark.slow
def test_two_workers_come_to_the_same_weights_as_one(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    try:
        alone, together = weights(tmp_path / "one.pt", 1), weights(tmp_path / "two.pt", 2)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.allclose(alone[name], together[name], atol=1e-6) for name in alone)


def test_every_row_of_a_batch_is_somebodys_and_nobodys_twice() -> None:
    rows = [row for rank in range(3) for row in range(8)[Workers(rank, 3).mine(8)]]
    assert sorted(rows) == list(range(8))


def test_no_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"), started(0, print):
        pass
