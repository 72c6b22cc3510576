"""How fast frames come through the whole system, against a plain diffusers loop over the same frames.

    make bench-movie            (or: python -m tests.bench.movie --frames 64 --rounds 3)

In one run, and alternating, so that a machine that is slower for a while is slower for both: a round is the
system and the loop at several batch sizes, in turning order. Triton computes nothing while the loop runs.
Both draw the same prompts from the same seeds with the same weights, steps, guidance and size; the greatest
difference of a pixel is printed. Seeds are new in every round, so that no cache answers.

The last line is one JSON object:

- `throughput_ratio`: frames per second through the whole system over the loop at batch 1. The system is the
  path that a movie's frames take: jobs on NATS, the render service, Triton, PNG and lineage in the object
  store, frame events.
- `batched_ratio`: the same over the loop at its best batch size of 4, 8 and 16. Both are medians of rounds.
- `overhead_ms_per_frame`: what bus and store add. The time from the first job's publication to the last
  frame's event, less the time that Triton computed (its own statistics), over the number of frames. Reading
  and writing overlap with computing, so it is what remains visible: filling the first batch, storing the
  last one, waits between batches.
- `service_rss_mb`: resident memory of the services without torch, after they made a movie and these frames.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from reelmill_kit import telemetry
from reelmill_local import LocalStack
from reelmill_render.domain import Model, Picture
from reelmill_world import caption, random_scene
from tests.bench.plain_loop import PlainLoop
from tests.bench.system import Made, System

BATCHES = (1, 4, 8, 16)
TORCH_FREE = ("movies", "script", "render", "qa", "dataset")
console = Console(highlight=False)


def pictures(model: Model, count: int, seed: int) -> list[Picture]:
    rng = random.Random(seed)
    return [
        Picture(
            prompt=caption(random_scene(rng), "watercolour"),
            negative_prompt="",
            seed=seed * 100_000 + index,
            drawing=model.defaults,
            model_digest=model.digest,
            embedding_digest="",
        )
        for index in range(count)
    ]


class Rounds:
    """What was measured, frames per second a round."""

    def __init__(self) -> None:
        self.system: list[float] = []
        self.loop: dict[int, list[float]] = {batch: [] for batch in BATCHES}
        self.made: list[Made] = []
        self.difference = 0

    @property
    def best_batch(self) -> int:
        return max(BATCHES[1:], key=lambda batch: statistics.median(self.loop[batch]))

    def ratio(self, batch: int) -> float:
        """Of each round, because rounds are comparable only within themselves; then the median."""
        return statistics.median(s / p for s, p in zip(self.system, self.loop[batch], strict=True))


async def measure(stack: LocalStack, frames: int, rounds: int) -> tuple[Rounds, dict[str, float]]:
    async with System(stack) as system:
        with console.status("a small movie, so that every service has worked"):
            await system.make_movie()
        model = await system.model()
        loop = PlainLoop(Path(stack.environment["REELMILL_DIFFUSION_MODEL"]))
        await asyncio.to_thread(loop.draw, pictures(model, 2, seed=9999), 2)
        found = Rounds()
        for number in range(rounds):
            asked = pictures(model, frames, seed=number + 1)
            todo: list[int] = [0, *BATCHES]  # 0 is the system
            for batch in todo if number % 2 == 0 else reversed(todo):
                what = f"loop, batch {batch}" if batch else "system"
                with console.status(f"round {number + 1} of {rounds}: {what}"):
                    if batch:
                        some = asked[: min(frames, max(12, batch))]
                        drawn = await asyncio.to_thread(loop.draw, some, batch)
                        found.loop[batch].append(len(some) / drawn.seconds)
                        plain = drawn.pixels
                    else:
                        made = await system.draw(f"round-{number}", asked)
                        found.system.append(frames / made.seconds)
                        found.made.append(made)
                        ours = made.pixels
            found.difference = max(
                found.difference,
                *(
                    int(np.abs(a.astype(int) - b.astype(int)).max())
                    for a, b in zip(ours, plain, strict=False)
                ),
            )
        return found, system.memory_mb()


def report(found: Rounds, frames: int) -> None:
    table = Table("what", "batch", "frames/s", "s a frame", "of the system")
    system = statistics.median(found.system)
    batches = statistics.mean(frames / made.batches for made in found.made)
    table.add_row("system", f"{batches:.1f} in Triton", f"{system:.2f}", f"{1 / system:.3f}", "1.00")
    for batch in BATCHES:
        rate = statistics.median(found.loop[batch])
        table.add_row("loop", str(batch), f"{rate:.2f}", f"{1 / rate:.3f}", f"{1 / found.ratio(batch):.2f}")
    console.print(table)
    console.print(
        f"{len(found.system)} rounds of {frames} frames, torch threads {torch.get_num_threads()}; "
        f"greatest difference between a pixel of the system and of the loop: {found.difference} of 255"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of a movie's frames against a plain diffusers loop")
    parser.add_argument("--frames", type=int, default=64, help="frames a round through the system")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    telemetry.set_up("bench", "WARNING")
    with tempfile.TemporaryDirectory(prefix="reelmill-bench-") as folder:
        with console.status("starting the local stack"):
            # The loop draws each frame once: so does the system.
            stack = LocalStack(Path(folder), environment={"REELMILL_GATE": "off"})
            stack.start(bound_to_caller=True)
        try:
            found, memory = asyncio.run(measure(stack, options.frames, options.rounds))
        finally:
            stack.stop()
    report(found, options.frames)
    overhead = statistics.median((made.seconds - made.triton_seconds) / options.frames for made in found.made)
    figures = {
        "throughput_ratio": round(found.ratio(1), 3),
        "batched_ratio": round(found.ratio(found.best_batch), 3),
        "best_batch": found.best_batch,
        "service_rss_mb": {name: round(memory[name], 1) for name in TORCH_FREE},
        "overhead_ms_per_frame": round(overhead * 1000, 1),
        "frames_per_second": round(statistics.median(found.system), 3),
        "pixel_difference": found.difference,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
