"""Ports on 127.0.0.1 for the stack: those of last time, else the usual ones, else any free ones."""

import fcntl
import itertools
import json
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

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
    "gateway": 50057,
    "gateway-http": 8080,
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


def choose(
    remembered: Mapping[str, int] | None = None, accept: Callable[[int], bool] = is_free
) -> dict[str, int]:
    """An accepted port for each name of USUAL and INTERNAL, all different."""
    chosen: dict[str, int] = {}
    for name in (*USUAL, *INTERNAL):
        wishes = ((remembered or {}).get(name), USUAL.get(name))
        candidates = itertools.chain((p for p in wishes if p), _any_free())
        chosen[name] = next(p for p in candidates if p not in chosen.values() and accept(p))
    return chosen


def _any_free() -> Iterator[int]:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as holder:
            holder.bind((HOST, 0))
            port = int(holder.getsockname()[1])
        yield port


@contextmanager
def reserved(folder: Path) -> Iterator[dict[str, int]]:
    """Ports for the stack in this folder, its own as long as the block runs.

    They are remembered in the folder, because clients hold on to addresses. Between the choice of a port and
    the moment a server listens on it lie seconds: locks keep a second stack from choosing it as well.
    """
    memory = folder / "ports.json"
    remembered = json.loads(memory.read_text()) if memory.exists() else None
    locks: list[IO[str]] = []

    def accept(port: int) -> bool:
        handle = (_lock_folder() / str(port)).open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        if not is_free(port):
            handle.close()
            return False
        locks.append(handle)
        return True

    try:
        ports = choose(remembered, accept)
        memory.write_text(json.dumps(ports, indent=1))
        yield ports
    finally:
        for handle in locks:
            handle.close()


def _lock_folder() -> Path:
    """Shared by every stack of this user on this machine; its files are empty."""
    folder = Path(tempfile.gettempdir()) / f"reelmill-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
