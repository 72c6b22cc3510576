"""Keys and tokens of our own, for evaluation and for services among themselves."""

import json
import time
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..errors import invalid
from .callers import Role, check_project

ALGORITHM = "EdDSA"


def new_key() -> bytes:
    """A private key (Ed25519), as PEM."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def jwks(*private: bytes) -> str:
    """The public keys as a JWKS document. Raises INVALID_FIELD where one is no such key."""
    return json.dumps({"keys": [_public(_load(key)) for key in private]}, indent=1) + "\n"


def mint(
    private: bytes,
    *,
    issuer: str,
    audience: str,
    subject: str,
    projects: Iterable[str],
    role: Role,
    seconds: float,
) -> str:
    """A token that is valid for `seconds`. Raises INVALID_FIELD."""
    key, now = _load(private), int(time.time())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "iat": now,
        "exp": now + int(seconds),
        "reelmill_projects": [check_project(project, "projects") for project in projects],
        "reelmill_role": role.name.lower(),
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": _public(key)["kid"]})


def _load(private: bytes) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(private, None)
    except (ValueError, TypeError) as error:
        raise invalid("key", "is no private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise invalid("key", "is not an Ed25519 key")
    return key


def _public(key: Ed25519PrivateKey) -> dict[str, Any]:
    public = key.public_key()
    found: dict[str, Any] = jwt.algorithms.OKPAlgorithm.to_jwk(public, as_dict=True)
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {**found, "use": "sig", "alg": ALGORITHM, "kid": sha256(raw).hexdigest()[:16]}
