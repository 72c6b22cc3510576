"""Tokens of every kind, right and wrong, for the tests of who may call."""

import time
from typing import Any

import jwt

from reelmill_kit.auth import KeySet, Role, TokenVerifier
from reelmill_kit.auth.minting import jwks, mint, new_key

ISSUER, AUDIENCE = "https://issuer.example", "reelmill"
KEY = new_key()
ANOTHER_KEY = new_key()


def token(
    projects: tuple[str, ...] = ("acme",), role: Role = Role.ADMIN, key: bytes = KEY, **changes: Any
) -> str:
    """As the issuer makes it, with `changes` to what `mint` is told."""
    told: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "subject": "ada", "seconds": 600}
    return mint(key, projects=projects, role=role, **told | changes)


def signed(claims: dict[str, Any], algorithm: str = "EdDSA", key: Any = KEY, **header: str) -> str:
    """With exactly these claims on top of those that are right."""
    right = jwt.decode(token(), options={"verify_signature": False})
    kid = jwt.get_unverified_header(token())["kid"]
    return jwt.encode(right | claims, key, algorithm=algorithm, headers={"kid": kid, **header})


def key_set(*private: bytes) -> KeySet:
    found = jwt.PyJWKSet.from_json(jwks(*(private or (KEY,))))
    return KeySet(lambda: found, "memory", lifespan=300, pause=10)


def verifier(keys: KeySet | None = None) -> TokenVerifier:
    return TokenVerifier(keys or key_set(), issuer=ISSUER, audience=AUDIENCE)


def now() -> int:
    return int(time.time())
