"""A service that finds no NATS waits, says what to do, and goes on when there is one."""

import asyncio
import socket
from pathlib import Path

import pytest
import structlog
from pydantic import ValidationError

from reelmill.v1 import common_pb2
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.rights.seeds import new_seed
from reelmill_kit.settings import ServiceSettings
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


@pytest.mark.parametrize("kind", ["none", "a stranger's", "no seed", "no file", "a folder"])
async def test_a_service_that_nats_does_not_know_waits_and_shows_no_secret(
    nats_server: NatsServer, tmp_path: Path, kind: str
) -> None:
    seed, file = new_seed(), tmp_path / "seed"
    if kind == "a folder":
        file.mkdir()
    elif kind != "no file":
        file.write_text(seed if kind == "a stranger's" else seed[:-4] + "\x00é")
    settings = NatsServer.settings_for(nats_server.url, None if kind == "none" else file)
    bus = Bus(settings, "movies")
    with structlog.testing.capture_logs() as logs:
        connecting = asyncio.create_task(bus.connect())
        await wait_until(
            lambda: any(entry["event"] == "waiting for NATS" for entry in logs), what="a complaint"
        )
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
    await bus.close()
    [waiting, *_] = [entry for entry in logs if entry["event"] == "waiting for NATS"]
    assert "REELMILL_NATS_NKEY_FILE" in waiting["do"]
    assert seed[:20] not in str(logs)


async def test_whoever_works_at_a_stage_waits_for_the_front_door_to_make_its_queue(
    nats_server: NatsServer,
) -> None:
    worker = Bus(nats_server.settings("qa"), "qa", common_pb2.STAGE_QA)
    front_door = Bus(nats_server.settings("movies"), "movies")
    with structlog.testing.capture_logs() as logs:
        connecting = asyncio.create_task(worker.connect())
        await wait_until(lambda: "start the movies service" in str(logs), what="a complaint")
        await front_door.connect()
        await asyncio.wait_for(connecting, 20)
        await worker.check()
    await worker.close()
    await front_door.close()


def test_two_ways_to_be_known_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="REELMILL_NATS_CREDS_FILE exclude"):
        ServiceSettings(nats_nkey_file=tmp_path, nats_creds_file=tmp_path)
    with pytest.raises(ValidationError, match="REELMILL_NATS_FOLLOWERS"):
        ServiceSettings(nats_followers=["lamps.>"])
