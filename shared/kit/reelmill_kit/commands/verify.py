"""Compares a model directory with the digest it should have, before a server loads it.

python -m reelmill_kit.commands.verify /model DIGEST     64 hexadecimal digits, or their first 12 or more
python -m reelmill_kit.commands.verify /model            prints the digest
"""

import re
import sys
from pathlib import Path

from ..weights import WeightsError, model_digest

_DIGEST = re.compile(r"[0-9a-f]{12,64}")


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m reelmill_kit.commands.verify DIRECTORY [DIGEST]")
    wanted = sys.argv[2].lower().removeprefix("sha256:") if len(sys.argv) == 3 else ""
    if wanted and not _DIGEST.fullmatch(wanted):
        sys.exit(f"{wanted!r} is no digest: 12 to 64 hexadecimal digits")
    try:
        found = model_digest(Path(sys.argv[1]))
    except WeightsError as error:
        sys.exit(str(error))
    if wanted and not found.startswith(wanted):
        sys.exit(f"{sys.argv[1]} has the digest {found}, not {wanted}: other weights, or broken ones")
    print(found)


if __name__ == "__main__":
    main()
