"""Several processes that train one model, each on its share of every batch.

On a CPU one process a core is half as fast again as two threads of one process, which wait for each other at
every operation; processes wait once a step. Every process computes the same step from the same numbers, so
the result does not depend on how many there are, but for rounding.
"""

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

# Longer than any pause of the first worker: it alone validates and saves.
_PATIENCE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Workers:
    """This process's `rank` among `count`; alone by default."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the worker that speaks and saves."""
        return self.rank == 0

    def mine(self, size: int) -> slice:
        """This worker's rows of a batch of `size`."""
        return slice(self.rank, size, self.count)

    def share(self, model: nn.Module) -> nn.Module:
        """`model` such that gradients are averaged over the workers; itself where there is one worker."""
        if self.count == 1:
            return model
        # Of the forms a style can take, a batch uses one.
        return DistributedDataParallel(model, find_unused_parameters=True)

    def agreed(self, progress: float) -> float:
        """The first worker's number, at all of them: else one would end while another goes on."""
        if self.count == 1:
            return progress
        box = torch.tensor([progress], dtype=torch.float64)
        dist.broadcast(box, src=0)
        return float(box)


@contextmanager
def started(count: int, work: Callable[[Workers], None]) -> Iterator[Workers]:
    """Starts `work` in `count` - 1 further processes and gives the first worker; they end with it.

    `work` must be picklable. Raises ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError(f"{count} workers; at least one has to work")
    if count == 1:
        yield Workers()
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        context = multiprocessing.get_context("spawn")
        others = [
            context.Process(target=_other, args=(work, rank, count, meeting), daemon=True)
            for rank in range(1, count)
        ]
        for other in others:
            other.start()
        try:
            _join(0, count, meeting)
            yield Workers(0, count)
            for other in others:
                other.join()
        finally:
            for other in others:
                other.kill()
            dist.destroy_process_group()


def _other(work: Callable[[Workers], None], rank: int, count: int, meeting: Path) -> None:
    _join(rank, count, meeting)
    work(Workers(rank, count))
    dist.destroy_process_group()


def _join(rank: int, count: int, meeting: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=count, timeout=_PATIENCE
    )
