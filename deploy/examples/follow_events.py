"""Hears what has happened to a project's movies, and goes on: nothing of Reelmill imported.

    .venv/bin/python deploy/examples/follow_events.py demo 2026-11-27T20:00:00Z

The second argument: from when on. Events are kept for seven days. NATS_URL says where NATS is; without
it the local stack's own address is taken from .reelmill/stack.json.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import nats
from nats.js.api import ConsumerConfig, DeliverPolicy


def nats_url() -> str:
    if url := os.environ.get("NATS_URL"):
        return url
    stack = json.loads(Path(".reelmill/stack.json").read_text())
    return str(stack["environment"]["REELMILL_NATS_URL"])


async def main(project: str, since: str) -> None:
    connection = await nats.connect(nats_url())
    start = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_TIME,
        opt_start_time=since,  # type: ignore[arg-type]  # as the server wants it
    )
    events = await connection.jetstream().subscribe(
        f"reelmill.events.{project}.>", stream="EVENTS", ordered_consumer=True, config=start
    )
    async for message in events.messages:
        headers = message.headers or {}
        print(
            headers.get("ce-time"),
            headers.get("ce-id"),
            message.subject,
            headers.get("ce-subject"),
            flush=True,
        )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
