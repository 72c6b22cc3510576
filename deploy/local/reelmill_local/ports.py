"""Ports on 127.0.0.1 for the stack: those of last time, else the usual ones, else any free ones."""

import json
import socket
from pathlib import Path

HOST = "127.0.0.1"

USUAL = {
    "nats": 4222,
    "s3": 9000,
    "triton-http": 8000,
    "triton": 8001,
    "triton-metrics": 8002,
    "movies": 50051,
    "script": 50052,
    "style": 50053,
    "render": 50054,
    "qa": 50055,
    "dataset": 50056,
}
INTERNAL = ("s3-rpc", "master", "master-rpc", "volume", "volume-rpc", "filer", "filer-rpc")
"""Parts of the S3 server that only it uses; they have no usual port."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 and of all addresses."""
    for host in (HOST, ""):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def choose(remembered: dict[str, int] | None = None) -> dict[str, int]:
    """A free port for each name of USUAL and INTERNAL, all different."""
    chosen: dict[str, int] = {}
    open_sockets: list[socket.socket] = []  # held until the end, so that no port is handed out twice
    try:
        for name in (*USUAL, *INTERNAL):
            wishes = [(remembered or {}).get(name), USUAL.get(name)]
            wish = next((p for p in wishes if p and p not in chosen.values() and is_free(p)), None)
            if wish is None:
                holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                open_sockets.append(holder)
                holder.bind((HOST, 0))
                wish = int(holder.getsockname()[1])
            chosen[name] = wish
    finally:
        for holder in open_sockets:
            holder.close()
    return chosen


def choose_for(folder: Path) -> dict[str, int]:
    """Ports for the stack in this folder; remembered there, because clients hold on to addresses."""
    memory = folder / "ports.json"
    remembered = json.loads(memory.read_text()) if memory.exists() else None
    ports = choose(remembered)
    memory.write_text(json.dumps(ports, indent=1))
    return ports
