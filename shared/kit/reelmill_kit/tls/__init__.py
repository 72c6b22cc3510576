"""TLS: which files, how a server takes them, how one is called."""

from .identity import Certificates
from .settings import TlsSettings

__all__ = ["Certificates", "TlsSettings"]
