"""Who calls, and what they may do."""

from .callers import EVERY_PROJECT, Caller, Role
from .guard import Guard
from .keys import KeySet
from .sending import TokenSender
from .settings import AuthSettings
from .tokens import TokenVerifier

__all__ = [
    "EVERY_PROJECT",
    "AuthSettings",
    "Caller",
    "Guard",
    "KeySet",
    "Role",
    "TokenSender",
    "TokenVerifier",
]
