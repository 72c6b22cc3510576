"""A nats-server's accounts and users, made of the table of rights and public keys."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .bus import inbox, rights
from .users import BusUser

ACCOUNT = "REELMILL"
"""Of the services; JetStream is in it."""
_FETCHING = "$JS.API.CONSUMER.MSG.NEXT."

Keys = Mapping[BusUser, Sequence[str]]
"""Public nkeys; more than one while a new key takes the place of an old one."""


def configuration(keys: Keys, everything: Sequence[str] = ()) -> str:
    """What nats-server includes: accounts with their users, and nobody without a key. No secret is in it.

    `everything`: keys that may do everything among the services, for the owner of a stack on one machine.
    """
    services = [entry for user in sorted(keys) if user.is_service for entry in _entries(user, keys[user])]
    outsiders = [user for user in sorted(keys) if not user.is_service]
    accounts: dict[str, Any] = {
        ACCOUNT: {
            "jetstream": "enabled",
            "users": [*services, *({"nkey": key} for key in everything)],
            "exports": [export for user in outsiders for export in _exports(user)],
        }
    }
    for user in outsiders:
        accounts[user.name] = {"users": _entries(user, keys[user]), "imports": _imports(user)}
    return f"accounts: {json.dumps(accounts, indent=1)}\n"


def _entries(user: BusUser, keys: Sequence[str]) -> list[dict[str, Any]]:
    has = rights(user)
    answers = f"{inbox(user.name)}.>" if user.is_service else "_INBOX.>"
    permissions = {
        "publish": {"allow": list(has.publish)},
        "subscribe": {"allow": [*has.subscribe, answers]},
    }
    return [{"nkey": key, "permissions": permissions} for key in keys]


def _exports(user: BusUser) -> list[dict[str, Any]]:
    has = rights(user)
    services = [
        {"service": subject, "accounts": [user.name]}
        # A fetch has many answers.
        | ({"response_type": "stream"} if subject.startswith(_FETCHING) else {})
        for subject in has.publish
    ]
    return [*services, *({"stream": subject, "accounts": [user.name]} for subject in has.subscribe)]


def _imports(user: BusUser) -> list[dict[str, Any]]:
    has = rights(user)
    return [
        *({"service": {"account": ACCOUNT, "subject": subject}} for subject in has.publish),
        *({"stream": {"account": ACCOUNT, "subject": subject}} for subject in has.subscribe),
    ]
