"""Ending tasks."""

import asyncio

from reelmill_kit import tasks


async def test_a_task_is_given_time_to_come_to_its_end() -> None:
    done = []

    async def work() -> None:
        await asyncio.sleep(0.02)
        done.append(True)

    await tasks.finish([asyncio.create_task(work())], patience=5)
    assert done


async def test_a_task_that_takes_longer_is_ended() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    await tasks.finish([task], patience=0.01)
    assert task.cancelled()
