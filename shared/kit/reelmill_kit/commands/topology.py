"""Makes what services share: streams, consumers, KV buckets at NATS, the bucket at S3. Safe at any time.

    python -m reelmill_kit.commands.topology [--make-bucket]

Ends with 0 when all is there. Otherwise it says in one line what is missing and what to do, and ends with 1:
the Job that runs it tries again.
"""

import argparse
import asyncio
import sys

from pydantic import ValidationError

from .. import telemetry
from ..bus import Bus
from ..errors import ReelmillError
from ..rights.users import FRONT_DOOR
from ..settings import ServiceSettings
from ..store import S3Store

_PATIENCE = 60.0


async def make(settings: ServiceSettings, *, bucket: bool) -> None:
    """Raises ReelmillError or TimeoutError."""
    store = S3Store(settings)
    if bucket and await store.make_bucket():
        telemetry.logger().info("bucket made", bucket=settings.s3_bucket)
    await store.check()
    bus = Bus(settings, FRONT_DOOR)
    try:
        async with asyncio.timeout(_PATIENCE):
            await bus.connect()
        await bus.check_topology()
    finally:
        await bus.close()
    telemetry.logger().info("streams, consumers and buckets are there")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--make-bucket", action="store_true", help="make the S3 bucket where there is none")
    options = parser.parse_args()
    try:
        settings = ServiceSettings()
        telemetry.set_up("topology", settings.log_level)
        asyncio.run(make(settings, bucket=options.make_bucket))
    except ValidationError as error:
        sys.exit(f"settings: {error}")
    except ReelmillError as error:
        sys.exit(f"{error.reason}: {error.message}")
    except TimeoutError:
        sys.exit(f"BUS_UNAVAILABLE: no NATS with JetStream at {settings.nats_shown} within {_PATIENCE:.0f} s")


if __name__ == "__main__":
    main()
