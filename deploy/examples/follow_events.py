"""Reads a project's events as a follower does: what was told before, too, and nothing of Reelmill imported.

    .venv/bin/python deploy/examples/follow_events.py [--again]

--again begins with the oldest event that is kept. NATS_URL, NATS_SEED and PROJECT say where NATS is, which
file has the follower's seed, and what it follows; without them it is the local stack's project demo.
NATS_CA names the file of the CA where NATS_URL is tls://.
"""

import asyncio
import json
import os
import ssl
import sys
from pathlib import Path

import nats
from nats.js.errors import FetchTimeoutError

PROJECT = os.environ.get("PROJECT", "demo")
STREAM, CONSUMER = "EVENTS", f"follower_{PROJECT}"


def nats_url() -> str:
    if url := os.environ.get("NATS_URL"):
        return url
    stack = json.loads(Path(".reelmill/stack.json").read_text())
    return str(stack["environment"]["REELMILL_NATS_URL"])


def seed_file() -> str:
    return os.environ.get("NATS_SEED", f".reelmill/auth/nats/follower_{PROJECT}.nk")


def believed() -> ssl.SSLContext | None:
    ca = os.environ.get("NATS_CA")
    return ssl.create_default_context(cafile=ca) if ca else None


async def main(*, again: bool) -> None:
    connection = await nats.connect(nats_url(), nkeys_seed=seed_file(), tls=believed())
    jetstream = connection.jetstream()
    if again:
        await jetstream.reset_consumer(STREAM, CONSUMER, 1)
    events = await jetstream.pull_subscribe_bind(consumer=CONSUMER, stream=STREAM)
    while True:
        try:
            for message in await events.fetch(10, timeout=60):
                told = message.headers or {}
                print(
                    told.get("ce-time"),
                    told.get("ce-id"),
                    message.subject,
                    told.get("ce-subject"),
                    flush=True,
                )
                await message.ack()
        except FetchTimeoutError:
            continue


if __name__ == "__main__":
    asyncio.run(main(again="--again" in sys.argv))
