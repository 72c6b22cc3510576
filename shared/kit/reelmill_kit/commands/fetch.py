"""Copies a folder out of the object store, such as a model's weights, before a server starts.

    python -m reelmill_kit.commands.fetch models/starter /model

Files that are there with the right size are left as they are; each is written beside its place first, so none
is ever half there. Whether they are the right ones a digest has to say (`reelmill_kit.commands.verify`).
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from .. import telemetry
from ..errors import Reason, ReelmillError, invalid
from ..settings import ServiceSettings
from ..store import ObjectStore, S3Store

_AT_A_TIME = 4


async def fetch(store: ObjectStore, prefix: str, folder: Path) -> int:
    """The number of files. Raises NOT_FOUND where nothing lies below the prefix, or STORE_UNAVAILABLE."""
    prefix = prefix.strip("/") + "/"
    found = await store.list(prefix)
    if not found:
        raise ReelmillError(Reason.NOT_FOUND, f"nothing lies below {store.uri(prefix)}", key=prefix)
    waiting = iter(found)

    async def some() -> None:
        for info in waiting:
            name = PurePosixPath(info.key.removeprefix(prefix))
            if ".." in name.parts or name.is_absolute():
                raise invalid("key", f"{info.key!r} is no file of a folder")
            target = folder / name
            if target.is_file() and target.stat().st_size == info.size:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            await store.get_file(info.key, part)
            os.replace(part, target)
            telemetry.logger().info("fetched", file=str(target), bytes=info.size)

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_A_TIME):
            group.create_task(some())
    return len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("prefix", help="the folder's key in the bucket")
    parser.add_argument("folder", type=Path, help="where it is copied to")
    options = parser.parse_args()
    try:
        settings = ServiceSettings()
        telemetry.set_up("fetch", settings.log_level)
        count = asyncio.run(fetch(S3Store(settings), options.prefix, options.folder))
    except ValidationError as error:
        sys.exit(f"settings: {error}")
    except ExceptionGroup as failures:
        sys.exit(str(failures.exceptions[0]))
    except ReelmillError as error:
        sys.exit(f"{error.reason}: {error.message}")
    print(f"{count} files of {options.prefix} are in {options.folder}")


if __name__ == "__main__":
    main()
