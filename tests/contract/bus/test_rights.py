"""Every user of the bus on a real server: what the table allows and nothing else, with every kind of key."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError
from nats.js.kv import KeyValue

from reelmill_kit.bus import Bus
from reelmill_kit.errors import ReelmillError
from reelmill_kit.rights.bus import inbox, rights
from reelmill_kit.rights.folder import SEED, make_keys, public_keys
from reelmill_kit.rights.nats_server import configuration
from reelmill_kit.rights.seeds import new_seed, public_key
from reelmill_kit.rights.users import FOLLOWER, OF_A_PROJECT, PUBLISHER, ROLES, SERVICES, BusUser
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.topology import EVENTS, MOVIES_BUCKET, follower_consumer
from tests.support.nats import NatsServer
from tests.support.servers import free_port, wait_until

pytestmark = pytest.mark.stack
MINE, OTHER = "lamps", "lamps-2"
_REFUSED = "(?i)authorization violation"
USERS = [BusUser.of(role) for role in ROLES if role not in OF_A_PROJECT] + [
    BusUser.of(role, project) for role in OF_A_PROJECT for project in (MINE, OTHER)
]
"""All of the table: a role that is added is walked, too."""
ALL = sorted({subject for user in USERS for subject in rights(user).publish})
HEARD = sorted({subject for user in USERS for subject in rights(user).subscribe})


def example(subject: str) -> str:
    """A subject that one with wildcards allows."""
    return subject.replace("*", "x").removesuffix(">") + ("y" if subject.endswith(">") else "")


def covers(allowed: str, subject: str) -> bool:
    """Whether NATS's wildcards of `allowed` take in all of `subject`, a subject or a pattern."""
    mine, its = allowed.split("."), subject.split(".")
    if mine[-1] == ">":
        return len(its) >= len(mine) and covers(".".join(mine[:-1]), ".".join(its[: len(mine) - 1]))
    return len(mine) == len(its) and all(m in ("*", i) for m, i in zip(mine, its, strict=True))


class Someone:
    """A connection, and what the server refused it."""

    def __init__(self, client: Client, refusals: list[str]) -> None:
        self.client, self._refusals = client, refusals

    async def refused(self) -> list[str]:
        """What was refused since the last time, in small letters."""
        for _ in range(2):  # a refusal comes before the first answer, and is told of before the second
            await self.client.flush(timeout=10)
        found, self._refusals[:] = list(self._refusals), []
        return [text for text in found if "permissions violation" in text]


class Installation:
    def __init__(self, server: NatsServer, folder: Path) -> None:
        self.server, self.folder = server, folder

    @asynccontextmanager
    async def connected(self, seed: str, inbox_prefix: str = "_INBOX") -> AsyncIterator[Someone]:
        refusals: list[str] = []

        async def on_error(error: Exception) -> None:
            refusals.append(str(error).lower())

        client = await nats.connect(
            self.server.url,
            nkeys_seed_str=seed,
            inbox_prefix=inbox_prefix,
            error_cb=on_error,
            allow_reconnect=False,
            connect_timeout=5,
        )
        try:
            yield Someone(client, refusals)
        finally:
            await client.close()

    def user(self, user: BusUser) -> contextlib.AbstractAsyncContextManager[Someone]:
        answers = inbox(user.name) if user.is_service else "_INBOX"
        return self.connected((self.folder / f"{user.name}{SEED}").read_text(), answers)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server with every user, and all that lies on the bus."""
    base = tmp_path_factory.mktemp("rights")
    server, folder = NatsServer(base / "nats", free_port()), base / "keys"
    make_keys(folder, [user.name for user in USERS])
    server.configure(configuration(public_keys(folder), [public_key(server.users.owner.read_text())]))
    settings = ServiceSettings(
        nats_url=server.url, nats_nkey_file=folder / f"movies{SEED}", nats_followers=[MINE, OTHER]
    )

    async def begin() -> None:
        await server.start()
        front_door = Bus(settings, "movies")
        await front_door.connect()
        await front_door.close()

    with ThreadPoolExecutor(1) as apart:  # whoever asks for it may be a coroutine
        apart.submit(asyncio.run, begin()).result()
        yield Installation(server, folder)
        apart.submit(asyncio.run, server.stop()).result()


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
async def test_a_user_publishes_what_the_table_allows_and_is_refused_all_else(
    installation: Installation, user: BusUser
) -> None:
    mine = rights(user)
    async with installation.user(user) as someone:
        for subject in ALL:
            allowed = any(covers(own, example(subject)) for own in mine.publish)
            if allowed and subject.startswith("$JS.API"):
                continue  # what these do, the services' own tests show
            await someone.client.publish(example(subject), b"{}")
            assert bool(await someone.refused()) is not allowed, subject
        for subject in ("$JS.API.STREAM.DELETE.JOBS", "$JS.API.STREAM.DELETE.EVENTS", "$SYS.REQ.SERVER.PING",
                        "$JS.API.STREAM.CREATE.MINE", "$JS.API.CONSUMER.CREATE.EVENTS.movies.>"):  # fmt: skip
            await someone.client.publish(subject, b"{}")
            assert await someone.refused(), subject


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
async def test_a_user_hears_what_the_table_allows_and_is_refused_all_else(
    installation: Installation, user: BusUser
) -> None:
    mine = rights(user)
    others = [inbox(service) for service in SERVICES if service != user.name]
    wide = [">", "*", "reelmill.>", "reelmill.events.>", "$JS.>", "$KV.>", "reelmill.jobs.>"]
    inboxes = ["_INBOX.>"] if user.is_service else []
    async with installation.user(user) as someone:
        for subject in (*HEARD, *wide, *inboxes, *(f"{other}.>" for other in others if user.is_service)):
            await someone.client.subscribe(subject)
            allowed = any(covers(own, subject) for own in mine.subscribe)
            assert bool(await someone.refused()) is not allowed, subject


async def test_without_a_key_or_with_a_strangers_nobody_connects(installation: Installation) -> None:
    with pytest.raises(nats.errors.Error, match=_REFUSED):
        await nats.connect(installation.server.url, allow_reconnect=False)
    for stranger in (new_seed(), (installation.server.users.seed("qa")).read_text()):
        with pytest.raises(nats.errors.Error, match=_REFUSED):
            await nats.connect(installation.server.url, nkeys_seed_str=stranger, allow_reconnect=False)


async def test_a_key_that_is_taken_away_is_refused_at_once(tmp_path: Path) -> None:
    server, folder = NatsServer(tmp_path / "nats", free_port()), tmp_path / "keys"
    kept, gone = BusUser.of(PUBLISHER, MINE), BusUser.of(PUBLISHER, OTHER)
    make_keys(folder, [kept.name, gone.name])
    server.configure(configuration(public_keys(folder)))
    await server.start()
    installation = Installation(server, folder)
    try:
        async with installation.user(kept) as one, installation.user(gone) as other:
            (folder / f"{gone.name}.pub").unlink()
            server.configure(configuration(public_keys(folder)))
            server.reload()
            await wait_until(lambda: other.client.is_closed, what="the end of the connection")
            await one.client.flush(timeout=5)
        with pytest.raises(nats.errors.Error, match=_REFUSED):
            async with installation.user(gone):
                pass
    finally:
        await server.stop()


@pytest.mark.parametrize(
    "project", ["*", ">", "lamps.x", "lamps.>", "../lamps", "lamps/../x", "", "a b", "LAMPS", "$JS"]
)
def test_a_project_that_is_no_id_never_becomes_a_subject(project: str, tmp_path: Path) -> None:
    for role in OF_A_PROJECT:
        with pytest.raises(ReelmillError, match="project"):
            BusUser.of(role, project)
    (tmp_path / "publisher_*.pub").write_text("U")
    with pytest.raises(ReelmillError, match="project"):
        public_keys(tmp_path)


@pytest.mark.parametrize(
    "subject", ["reelmill.requests.*", "reelmill.requests.>", "reelmill.requests.lamps.*", "reelmill.>"]
)
async def test_wildcards_from_a_publisher_reach_nobody(installation: Installation, subject: str) -> None:
    async with owner(installation) as everything:
        before = await everything.counts()
        async with installation.user(BusUser.of(PUBLISHER, MINE)) as someone:
            await someone.client.publish(subject, b"{}")
            assert await someone.refused()
        assert await everything.counts() == before


async def test_an_answer_goes_nowhere_but_to_who_asked(installation: Installation) -> None:
    """Whoever publishes names the subject of the answer; the server must not write it to others' subjects."""
    async with owner(installation) as everything:
        record = await everything.record(b"good")
        before = await everything.counts()
        targets = (
            "$KV.reelmill-movies.other.m-1",
            f"reelmill.requests.{OTHER}",
            "reelmill.jobs.qa.other.m-1",
            "reelmill.events.other.movie.deleted",
            "$JS.API.STREAM.PURGE.JOBS",
        )
        asked = {
            BusUser.of(PUBLISHER, MINE): (f"reelmill.requests.{MINE}", b"x"),
            BusUser.of(FOLLOWER, MINE): (rights(BusUser.of(FOLLOWER, MINE)).publish[1], b"1"),
            BusUser.of("autoscaler"): (rights(BusUser.of("autoscaler")).publish[0], b""),
        }
        await everything.tell(f"reelmill.events.{MINE}.movie.created", 6)
        before["EVENTS"] += 6
        for user, (subject, data) in asked.items():
            async with installation.user(user) as someone:
                for target in targets:
                    await someone.client.publish(subject, data, reply=target)
                    if user.role == PUBLISHER:
                        before["REQUESTS"] += 1
                assert not await someone.refused()
                await asyncio.sleep(0.3)
        assert await everything.counts() == before
        assert (await record.get("other.m-1")).value == b"good"


async def test_a_follower_reads_its_project_again_and_again_and_no_other(installation: Installation) -> None:
    async with owner(installation) as everything:
        await everything.forget(EVENTS)
        for project in (MINE, OTHER, MINE):
            await everything.tell(f"reelmill.events.{project}.movie.created", 2)
        async with installation.user(BusUser.of(FOLLOWER, MINE)) as follower:
            live = await follower.client.subscribe(f"reelmill.events.{MINE}.>")
            jetstream = follower.client.jetstream(timeout=1)
            events = await jetstream.pull_subscribe_bind(consumer=follower_consumer(MINE), stream=EVENTS)
            heard = await events.fetch(4, timeout=5)
            for message in heard:
                await message.ack_sync()
            await jetstream.reset_consumer(EVENTS, follower_consumer(MINE), 1)
            heard += await events.fetch(4, timeout=5)
            assert [message.subject for message in heard] == [f"reelmill.events.{MINE}.movie.created"] * 8
            await everything.tell(f"reelmill.events.{OTHER}.movie.created", 1)
            await everything.tell(f"reelmill.events.{MINE}.movie.succeeded", 1)
            assert (await live.next_msg(timeout=5)).subject == f"reelmill.events.{MINE}.movie.succeeded"
            for consumer in (follower_consumer(OTHER), "movies"):
                with pytest.raises((asyncio.TimeoutError, NoRespondersError, nats.errors.Error)):
                    await follower.client.request(f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS}.{consumer}", b"1", 1)
                assert await follower.refused()


async def test_a_user_with_two_keys_is_known_by_both_and_by_none_that_was_taken_away(tmp_path: Path) -> None:
    user = BusUser.of(PUBLISHER, MINE)
    make_keys(tmp_path, [user.name])
    old = (tmp_path / f"{user.name}.nk").read_text()
    (tmp_path / f"{user.name}.nk").unlink()
    (tmp_path / f"{user.name}.pub").rename(tmp_path / f"{user.name}.old.pub")
    make_keys(tmp_path, [user.name])
    new = (tmp_path / f"{user.name}.nk").read_text()
    told = configuration(public_keys(tmp_path))
    assert public_key(old) in told
    assert public_key(new) in told
    assert old not in told
    assert new not in told
    assert (tmp_path / f"{user.name}.nk").stat().st_mode & 0o777 == 0o600


class Everything:
    """Who may do everything, to look at what came of it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._jetstream = client.jetstream()

    async def counts(self) -> dict[str, int]:
        infos = await self._jetstream.streams_info()
        return {info.config.name or "": info.state.messages for info in infos}

    async def forget(self, stream: str) -> None:
        await self._jetstream.purge_stream(stream)

    async def record(self, value: bytes) -> KeyValue:
        bucket = await self._jetstream.key_value(MOVIES_BUCKET)
        await bucket.put("other.m-1", value)
        return bucket

    async def tell(self, subject: str, times: int) -> None:
        for number in range(times):
            await self._jetstream.publish(subject, json.dumps({"number": number}).encode())


@asynccontextmanager
async def owner(installation: Installation) -> AsyncIterator[Everything]:
    async with installation.connected(installation.server.users.owner.read_text()) as someone:
        yield Everything(someone.client)
