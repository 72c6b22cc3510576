"""Where the servers' programs are: installed beside the running Python."""

import sys
from pathlib import Path


class NotInstalledError(Exception):
    """A program of the local stack is missing; the message says what to do."""


def program(name: str) -> str:
    """The path of a program in the virtual environment. Raises NotInstalledError."""
    path = Path(sys.prefix) / "bin" / name
    if not path.exists():
        raise NotInstalledError(f"{path} is missing; run `make setup`")
    return str(path)
