"""How others speak with a running supervisor: a JSON line there and one back, through a socket."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SOCKET_NAME = "control.sock"


class NotRunningError(Exception):
    """No supervisor runs in this folder."""


class ControlError(Exception):
    """The supervisor could not do what was asked; the message says why."""


@contextmanager
def socket_path(folder: Path) -> Iterator[str]:
    """A short name for the socket, however deep the folder is (107 characters are the limit)."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)


def ask(folder: Path, do: str, timeout: float = 60.0, **arguments: Any) -> dict[str, Any]:
    """Asks the supervisor of this folder. Raises NotRunningError, ControlError."""
    try:
        with socket_path(folder) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(path)
            connection.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
            line = connection.makefile("rb").readline()
    except (FileNotFoundError, ConnectionError) as error:
        raise NotRunningError(f"no stack runs in {folder}") from error
    except TimeoutError as error:
        raise ControlError(f"the supervisor did not answer within {timeout:.0f} s") from error
    if not line:
        raise NotRunningError(f"the stack in {folder} has just ended")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise ControlError(answer["error"])
    return answer
