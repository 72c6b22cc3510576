"""Asks for a movie as an upstream system does: one CloudEvent on NATS, nothing of Reelmill imported.

    .venv/bin/python deploy/examples/request_by_event.py "A clockmaker repairs a stolen hour" order-4711

The second argument is the event's id: sent twice, it makes one movie. NATS_URL says where NATS is, NATS_SEED
names the file with a publisher's seed, and PROJECT its project; without them it is the local stack's demo.
NATS_CA names the file of the CA where NATS_URL is tls://.
"""

import asyncio
import json
import os
import ssl
import sys
from pathlib import Path

import nats

PROJECT = os.environ.get("PROJECT", "demo")


def nats_url() -> str:
    if url := os.environ.get("NATS_URL"):
        return url
    stack = json.loads(Path(".reelmill/stack.json").read_text())
    return str(stack["environment"]["REELMILL_NATS_URL"])


def seed_file() -> str:
    return os.environ.get("NATS_SEED", f".reelmill/auth/nats/publisher_{PROJECT}.nk")


def believed() -> ssl.SSLContext | None:
    ca = os.environ.get("NATS_CA")
    return ssl.create_default_context(cafile=ca) if ca else None


async def main(theme: str, event_id: str) -> None:
    connection = await nats.connect(nats_url(), nkeys_seed=seed_file(), tls=believed())
    acknowledged = await connection.jetstream().publish(
        f"reelmill.requests.{PROJECT}",
        json.dumps({"movie": {"theme": theme, "shape": {"chapters": 1, "scenes": 2, "frames": 4}}}).encode(),
        headers={
            "ce-specversion": "1.0",
            "ce-id": event_id,
            "ce-source": "https://catalogue.example/orders",
            "ce-type": "example.movie.wanted",
            "content-type": "application/json",
        },
    )
    print(f"stored in {acknowledged.stream} as message {acknowledged.seq}")
    await connection.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
