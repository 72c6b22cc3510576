"""Etags (AIP-154): a caller changes only what is still as it has seen it."""

import hashlib
import json

from ..errors import Reason, ReelmillError


def etag(*decisive: object) -> str:
    """A weak one, of what a caller decides by: what else a resource has, such as progress, may differ."""
    return f'W/"{hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:16]}"'


def check_etag(what: str, given: str, current: str) -> None:
    """`what`: the resource's name. `given`: the caller's, "" where it doesn't care. Raises ETAG_MISMATCH."""
    if given and given != current:
        raise ReelmillError(
            Reason.ETAG_MISMATCH,
            f"{what} has changed since you read it: its etag is {current}; read it again and decide anew",
            etag=current,
        )
