"""Nkeys: the seed is the secret half, in a file of its owner alone; the server knows the public half."""

import secrets

import nkeys

from ..errors import Reason, ReelmillError


def new_seed() -> str:
    """Of a user: 58 letters and digits, beginning with SU."""
    return bytes(nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)).decode()


def public_key(seed: str) -> str:
    """Of a seed. Raises INVALID_FIELD, without what it is of, where that is no user's seed."""
    try:
        pair = nkeys.from_seed(bytearray(seed.strip().encode()))
        key = bytes(pair.public_key).decode()
    except Exception as error:  # the package raises whatever it meets
        raise _no_seed(type(error).__name__) from None
    if not key.startswith("U"):
        raise _no_seed("it is of no user")
    return key


def _no_seed(why: str) -> ReelmillError:
    return ReelmillError(
        Reason.INVALID_FIELD, f"holds no nkey seed of a user ({why}); `reelmill nats users` makes one"
    )
