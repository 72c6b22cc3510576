"""How fast scripts of feature size are written: offline, and with a language model.

    make bench-script        (or: python -m tests.bench.script --shape 16x16x16 --rate 40)

Offline: the writer alone, on one core, three times; the median. With a language model: a simulated server
behind real HTTP takes `--latency` seconds for every answer, and the writer may send `--rate` questions a
second, evenly spaced, `--concurrency` at a time. Nobody could be faster than the schedule in which every
question goes out as soon as what it needs is answered and the rate lets it: outline, then each chapter's
scenes, then each scene's frames. That schedule's end is the longest chain of calls that must wait for each
other, the rate included.

The last line is one JSON object. `offline_1331_seconds`; `critical_path_ratio`: the writer's wall time over
that of the schedule.
"""

import argparse
import asyncio
import heapq
import json
import statistics
import time

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from reelmill.v1 import script_pb2
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import silent
from reelmill_llm import LlmSettings, open_llm
from reelmill_script.domain import ScriptRequest, Writer
from reelmill_script.llm.writer import LlmWriter
from reelmill_script.offline.writer import OfflineWriter
from tests.contract.llm import screenwriter
from tests.support.openai_server import API_KEY, openai_server

_FEATURE = (11, 11, 11)


def asked(shape: tuple[int, int, int]) -> ScriptRequest:
    chapters, scenes, frames = shape
    return ScriptRequest.parse(
        script_pb2.WriteScriptRequest(
            movie="projects/bench/movies/m-1",
            theme="A lighthouse keeper adopts a storm",
            shape=script_pb2.ScriptShape(chapters=chapters, scenes=scenes, frames=frames),
        )
    )


async def written(writer: Writer, request: ScriptRequest) -> float:
    """Seconds; the script is whole, or this fails."""
    began = time.perf_counter()
    script = await writer.write(request, silent)
    seconds = time.perf_counter() - began
    frames = sum(len(scene.frames) for chapter in script.chapters for scene in chapter.scenes)
    assert frames == request.frame_count, frames
    return seconds


async def with_model(
    request: ScriptRequest, latency: float, rate: float, concurrency: int
) -> tuple[float, int]:
    """Seconds, and how many questions were asked."""
    with openai_server(screenwriter.write) as server:
        server.latency = latency
        settings = LlmSettings(
            model="test-model",
            base_url=server.url,
            api_key=SecretStr(API_KEY),
            concurrency=concurrency,
            max_rate=60 * rate,
        )
        llm = open_llm(settings)
        assert llm is not None
        try:
            return await written(LlmWriter(llm, MemoryStore()), request), len(server.asked)
        finally:
            await llm.close()


def schedule(request: ScriptRequest, latency: float, rate: float, concurrency: int) -> float:
    """The end of the schedule in which every question goes out as soon as it may."""
    ready: list[tuple[float, int, int]] = [(0.0, 0, 1)]  # when, level, how many follow from it
    running: list[float] = []
    following = {0: request.chapters, 1: request.scenes}
    last_start = -1.0 / rate
    end = 0.0
    while ready:
        when, level, _ = heapq.heappop(ready)
        start = max(when, last_start + 1 / rate)
        while running and running[0] <= start:
            heapq.heappop(running)
        if len(running) >= concurrency:
            start = max(start, heapq.heappop(running))
        last_start = start
        done = start + latency
        heapq.heappush(running, done)
        end = max(end, done)
        for _ in range(following.get(level, 0)):
            heapq.heappush(ready, (done, level + 1, 1))
    return end


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--shape", default="11x11x11", help="of the script that the language model writes")
    parser.add_argument("--latency", type=float, default=0.5, help="seconds for an answer")
    parser.add_argument("--rate", type=float, default=20.0, help="questions a second")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    chapters, scenes, frames = map(int, options.shape.split("x"))
    request = asked((chapters, scenes, frames))
    limits = (options.latency, options.rate, options.concurrency)
    offline = [asyncio.run(written(OfflineWriter(), asked(_FEATURE))) for _ in range(options.rounds)]
    least = schedule(request, *limits)
    rounds = [asyncio.run(with_model(request, *limits)) for _ in range(options.rounds)]
    wall = statistics.median(seconds for seconds, _ in rounds)
    table = Table("", "seconds", "")
    table.add_row("offline, 1,331 frames", f"{statistics.median(offline):.2f}", f"{options.rounds} rounds")
    table.add_row(f"language model, {options.shape}", f"{wall:.2f}", f"{rounds[0][1]} questions")
    table.add_row("the least it can take", f"{least:.2f}", f"{limits[0]} s each, {limits[1]} a second")
    Console().print(table)
    print(
        json.dumps(
            {
                "offline_1331_seconds": round(statistics.median(offline), 3),
                "critical_path_ratio": round(wall / least, 3),
                "wall_seconds": round(wall, 2),
                "least_seconds": round(least, 2),
                "calls": rounds[0][1],
                "latency_seconds": limits[0],
                "calls_per_second": limits[1],
            }
        )
    )


if __name__ == "__main__":
    main()
