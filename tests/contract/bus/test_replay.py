"""What was told is heard again from a time that the listener chooses, by the program that we give others."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta

import pytest

from reelmill_kit.bus import Bus
from reelmill_kit.cloudevents import Event
from tests.support.nats import NatsServer
from tests.support.servers import wait_until

pytestmark = pytest.mark.stack


async def heard(server: NatsServer, since: datetime, lines: int) -> list[str]:
    """The ids of the first events that somebody hears who begins then."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "deploy/examples/follow_events.py", "acme", since.isoformat(),
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "NATS_URL": server.url},
    )  # fmt: skip
    try:
        assert process.stdout
        async with asyncio.timeout(30):
            return [(await process.stdout.readline()).split()[1].decode() for _ in range(lines)]
    finally:
        process.terminate()
        await process.wait()


async def test_events_are_heard_again_from_a_time_on(bus: Bus, nats_server: NatsServer) -> None:
    async def tell(id: str) -> None:
        event = Event(type="reelmill.movie.succeeded", source="reelmill", data=b"{}", id=id)
        await bus.publish("reelmill.events.acme.movie.succeeded", event, id)

    await tell("first")
    await tell("first")
    await nats_server.restart()
    await wait_until(lambda: bus.connected, what="the connection")
    between = datetime.now(UTC)
    await tell("second")
    assert await heard(nats_server, between - timedelta(hours=1), 2) == ["first", "second"]
    assert await heard(nats_server, between, 1) == ["second"]


async def test_events_are_kept_for_seven_days(bus: Bus) -> None:
    assert (await bus.jetstream.stream_info("EVENTS")).config.max_age == 7 * 24 * 3600
