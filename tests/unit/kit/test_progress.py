import asyncio
from contextlib import aclosing

import pytest

from reelmill.v1 import common_pb2
from reelmill_kit.progress import Report, stream


async def gather(work: object) -> list[object]:
    return [item async for item in stream(work)]  # type: ignore[arg-type]


async def test_progress_comes_in_order_and_the_result_last() -> None:
    async def work(report: Report) -> str:
        for step in range(5):
            report("drawing", step, 5)
            await asyncio.sleep(0.001)
        return "done"

    *progress, result = await gather(work)
    assert result == "done"
    steps = [p.done for p in progress if isinstance(p, common_pb2.Progress)]
    assert steps == sorted(steps)
    assert len(steps) == len(progress) >= 3


async def test_a_slow_reader_gets_the_newest_progress_not_all() -> None:
    async def work(report: Report) -> int:
        for step in range(1000):
            report("drawing", step, 1000)
        return 7

    items = await gather(work)
    assert len(items) == 2
    assert isinstance(items[0], common_pb2.Progress)
    assert items[0].done == 999
    assert items[1] == 7


async def test_work_without_progress_has_just_a_result() -> None:
    async def work(report: Report) -> int:
        return 7

    assert await gather(work) == [7]


async def test_a_failure_comes_after_the_progress_that_went_before() -> None:
    async def work(report: Report) -> int:
        report("drawing", 1, 2)
        await asyncio.sleep(0.001)
        report("drawing", 2, 2)
        raise ValueError("broken")

    seen = []

    async def read() -> None:
        async for item in stream(work):
            seen.append(item)

    with pytest.raises(ValueError, match="broken"):
        await read()
    assert [p.done for p in seen if isinstance(p, common_pb2.Progress)] == [1, 2]


async def test_closing_the_stream_cancels_the_work_and_waits_for_its_end() -> None:
    events: list[str] = []

    async def work(report: Report) -> int:
        report("drawing", 1, 2)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            events.append("cleaned up")
            raise
        return 7

    async with aclosing(stream(work)) as items:
        await anext(items)
    assert events == ["cleaned up"]


async def test_a_cancelled_reader_cancels_the_work() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work(report: Report) -> int:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return 7

    reader = asyncio.create_task(gather(work))
    await begun.wait()
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert ended.is_set()
