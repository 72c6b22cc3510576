"""Keys of NATS's users in a folder: NAME.nk, the seed, for that user alone, and NAME.pub, for the server."""

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import ReelmillError
from .seeds import new_seed, public_key
from .users import BusUser

SEED, PUBLIC = ".nk", ".pub"


def make_keys(folder: Path, names: Iterable[str]) -> list[Path]:
    """Makes the keys that are missing; returns the new seeds, which their owner alone can read.

    Raises INVALID_FIELD where a seed that is there is none, OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for name in names:
        seed_file = folder / f"{name}{SEED}"
        if not seed_file.exists():
            with os.fdopen(os.open(seed_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(new_seed())
            made.append(seed_file)
        try:
            (folder / f"{name}{PUBLIC}").write_text(public_key(seed_file.read_text()) + "\n")
        except ReelmillError as error:
            raise ReelmillError(error.reason, f"{seed_file} {error.message}", field=str(seed_file)) from None
    return made


def public_keys(folder: Path) -> dict[BusUser, list[str]]:
    """By user; a user has several where there is NAME.old.pub, or more of that kind, as well.

    Raises INVALID_FIELD where a file is not called by a user's name, OSError.
    """
    keys: dict[BusUser, list[str]] = {}
    for file in sorted(folder.glob(f"*{PUBLIC}")):
        keys.setdefault(BusUser.parse(file.name.split(".")[0]), []).append(file.read_text().strip())
    return keys
