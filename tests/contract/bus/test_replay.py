"""What was told is heard again, by the program that we give others and with a follower's own key."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import pytest

from reelmill_kit.bus import Bus
from reelmill_kit.cloudevents import Event
from tests.support.nats import NatsServer
from tests.support.servers import wait_until

pytestmark = pytest.mark.stack


@pytest.fixture
async def told(nats_server: NatsServer) -> AsyncIterator[Bus]:
    """A bus with a consumer for followers of the project demo."""
    settings = nats_server.settings().model_copy(update={"nats_followers": ["demo"]})
    bus = Bus(settings, "test")
    await bus.connect()
    yield bus
    await bus.close()


async def heard(told: Bus, server: NatsServer, lines: int, *arguments: str) -> list[str]:
    """The ids of the first events that the follower hears; it has acknowledged them."""

    async def acknowledged() -> bool:
        return not (await told.jetstream.consumer_info("EVENTS", "follower_demo")).num_ack_pending

    seed = server.users.folder / "follower_demo.nk"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "deploy/examples/follow_events.py", *arguments,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NATS_URL": server.url, "NATS_SEED": str(seed), "PROJECT": "demo"},
    )  # fmt: skip
    try:
        assert process.stdout
        async with asyncio.timeout(30):
            ids = [(await process.stdout.readline()).split()[1].decode() for _ in range(lines)]
            while not await acknowledged():
                await asyncio.sleep(0.05)
            return ids
    finally:
        process.terminate()
        await process.wait()


async def tell(bus: Bus, id: str) -> None:
    event = Event(type="reelmill.movie.succeeded", source="reelmill", data=b"{}", id=id)
    for _ in range(2):
        await bus.publish("reelmill.events.demo.movie.succeeded", event, id)


async def test_a_follower_goes_on_where_it_was_and_hears_all_again_if_it_likes(
    told: Bus, nats_server: NatsServer
) -> None:
    await tell(told, "first")
    assert await heard(told, nats_server, 1) == ["first"]
    await nats_server.restart()
    await wait_until(lambda: told.connected, what="the connection")
    await tell(told, "second")
    assert await heard(told, nats_server, 1) == ["second"]
    assert await heard(told, nats_server, 2, "--again") == ["first", "second"]


async def test_events_are_kept_for_seven_days(bus: Bus) -> None:
    assert (await bus.jetstream.stream_info("EVENTS")).config.max_age == 7 * 24 * 3600
