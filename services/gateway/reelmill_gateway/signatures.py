"""Signatures by the Standard Webhooks convention: HMAC-SHA256 of id, time and body. Pure.

The convention's own package takes text alone, and a body may be protobuf; tests have it sign and verify.
"""

import base64
import hmac
from collections.abc import Iterable, Mapping

from reelmill_kit.errors import Reason, ReelmillError

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = 300
"""Seconds that a delivery's time may differ from this machine's."""
_SCHEME, _PREFIX = "v1,", "whsec_"
_SHORTEST, _ID_LENGTH, _SIGNATURES = 24, 256, 16


def secret_of(text: str) -> bytes:
    """The key that `whsec_<base64>` stands for, the prefix may be left out. Raises ValueError."""
    secret = base64.b64decode(text.strip().removeprefix(_PREFIX), validate=True)
    if len(secret) < _SHORTEST:
        raise ValueError(f"a secret has {len(secret)} bytes, and at least {_SHORTEST} are needed")
    return secret


def signed(secret: bytes, id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that go with this body."""
    return {ID: id, TIMESTAMP: str(timestamp), SIGNATURE: _sign(secret, id, str(timestamp), body)}


def verify(secrets: Iterable[bytes], headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Returns where one of the secrets has signed it and its time is near `now` (seconds since 1970).

    Raises UNAUTHENTICATED saying what is wrong.
    """
    id, timestamp, signatures = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    for name, value in ((ID, id), (TIMESTAMP, timestamp), (SIGNATURE, signatures)):
        if not value:
            raise _refused(f"the header {name} is missing")
    if len(id) > _ID_LENGTH or not (id.isascii() and id.isprintable()):
        raise _refused(f"{ID} is not 1 to {_ID_LENGTH} printable ASCII characters")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise _refused(f"{TIMESTAMP} is not a number of seconds since 1970")
    given = signatures.split(" ")[:_SIGNATURES]
    if not any(_same(_sign(secret, id, timestamp, body), one) for secret in secrets for one in given):
        raise _refused(f"{SIGNATURE} has no signature of this body by a secret of this project")
    away = int(timestamp) - now
    if abs(away) > TOLERANCE:
        side = "before" if away < 0 else "after"
        raise _refused(
            f"{TIMESTAMP} is {abs(away):.0f} s {side} this server's clock, and at most {TOLERANCE} s are "
            "allowed: sign each delivery anew, and check the clocks"
        )


def _sign(secret: bytes, id: str, timestamp: str, body: bytes) -> str:
    digest = hmac.digest(secret, f"{id}.{timestamp}.".encode() + body, "sha256")
    return _SCHEME + base64.b64encode(digest).decode()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())


def _refused(problem: str) -> ReelmillError:
    return ReelmillError(Reason.UNAUTHENTICATED, problem)
