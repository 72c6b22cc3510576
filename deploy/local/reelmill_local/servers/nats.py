"""NATS with JetStream."""

import json
from pathlib import Path

from reelmill_local.probes import nats_ready
from reelmill_local.servers.programs import program
from reelmill_local.spec import ProcessSpec

HOST = "127.0.0.1"


def nats_server(folder: Path, port: int, accounts: str, seed: Path) -> ProcessSpec:
    """A NATS server that keeps its streams below `folder` and reaches the disk before it acknowledges.

    It knows the users of `accounts`, a part of its configuration, and nobody else; `seed` is of one of them.

    Without `sync_interval: always` JetStream writes to disk every two minutes, and a power cut loses
    messages that it has acknowledged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nats.conf"
    configuration.write_text(
        f"host: {HOST}\nport: {port}\nserver_name: reelmill\n"
        f"jetstream {{\n  store_dir: {json.dumps(str(folder))}\n  sync_interval: always\n}}\n"
        f"{accounts}"
    )
    return ProcessSpec(
        name="nats",
        command=(program("nats-server"), "--config", str(configuration)),
        address=f"{HOST}:{port}",
        probe=nats_ready(f"nats://{HOST}:{port}", seed),
        folder=folder,
        ready_within=30,
    )
