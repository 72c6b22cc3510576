"""Who may call the stack: a key of its own, the owner's token, the services', a secret for webhooks."""

from base64 import b64encode
from pathlib import Path
from secrets import token_bytes

from reelmill_kit.auth import EVERY_PROJECT, Role
from reelmill_kit.auth.minting import jwks, mint, new_key
from reelmill_local.servers.seaweed import write_private

ISSUER = "reelmill-local"
AUDIENCE = "reelmill"
WEBHOOK_PROJECT = "demo"
VALID = 90 * 86400.0


def identity(folder: Path) -> dict[str, str]:
    """The settings with which services know callers, and callers show who they are.

    The key is made once, tokens anew at every start; all files are the owner's alone.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key, keys = folder / "key.pem", folder / "keys.json"
    owner, services = folder / "token", folder / "service-token"
    if not key.exists():
        write_private(key, new_key().decode())
    private = key.read_bytes()
    write_private(keys, jwks(private))
    write_private(owner, _token(private, "developer", Role.ADMIN))
    write_private(services, _token(private, "services", Role.MAKER))
    webhooks = folder / "webhooks"
    webhooks.mkdir(mode=0o700, exist_ok=True)
    if not (webhooks / WEBHOOK_PROJECT).exists():
        write_private(webhooks / WEBHOOK_PROJECT, f"whsec_{b64encode(token_bytes(32)).decode()}\n")
    return {
        "REELMILL_WEBHOOK_SECRETS": str(webhooks),
        "REELMILL_AUTH_KEYS": str(keys),
        "REELMILL_AUTH_ISSUER": ISSUER,
        "REELMILL_AUTH_AUDIENCE": AUDIENCE,
        "REELMILL_SERVICE_TOKEN_FILE": str(services),
        "REELMILL_TOKEN_FILE": str(owner),
    }


def _token(private: bytes, subject: str, role: Role) -> str:
    return mint(
        private,
        issuer=ISSUER,
        audience=AUDIENCE,
        subject=subject,
        projects=[EVERY_PROJECT],
        role=role,
        seconds=VALID,
    )
