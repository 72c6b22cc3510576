"""A service that finds no NATS waits, says what to do, and goes on when there is one."""

import asyncio
import socket

import pytest
import structlog

from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from tests.support.nats import NatsServer
from tests.support.servers import free_port, wait_until

pytestmark = pytest.mark.stack


async def test_a_service_waits_for_nats_and_says_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = NatsServer(tmp_path_factory.mktemp("nats"), free_port())
    bus = Bus(server.settings(), "early")
    with structlog.testing.capture_logs() as logs:
        connecting = asyncio.create_task(bus.connect())
        await wait_until(lambda: len(logs) >= 2, what="two complaints")
        with pytest.raises(ReelmillError) as refused:
            await bus.check()
        assert refused.value.reason is Reason.BUS_UNAVAILABLE
        await server.start()
        try:
            await asyncio.wait_for(connecting, 20)
            await bus.check()
        finally:
            await bus.close()
            await server.stop()
    waiting = [entry for entry in logs if entry["event"] == "waiting for NATS"]
    assert waiting[0]["url"] == server.url
    assert "REELMILL_NATS_URL" in waiting[0]["do"]
    assert len(waiting) <= 5, "it backs off"


async def test_something_else_on_the_port_is_not_taken_for_nats() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bus = Bus(NatsServer.settings_for(f"nats://127.0.0.1:{silent.getsockname()[1]}"), "lost")
        with structlog.testing.capture_logs() as logs:
            connecting = asyncio.create_task(bus.connect())
            try:
                await wait_until(
                    lambda: any(entry["event"] == "waiting for NATS" for entry in logs), what="a complaint"
                )
            finally:
                connecting.cancel()
                await asyncio.gather(connecting, return_exceptions=True)


async def test_setting_up_what_is_there_already_changes_nothing(bus: Bus, nats_server: NatsServer) -> None:
    before = await bus.jetstream.consumer_info("JOBS", "render")
    again = Bus(nats_server.settings(), "second")
    await again.connect()
    await again.close()
    after = await bus.jetstream.consumer_info("JOBS", "render")
    assert after.created == before.created
    assert after.config == before.config
