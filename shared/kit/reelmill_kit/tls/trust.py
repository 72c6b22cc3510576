"""Whom this process believes when it calls NATS and S3."""

import ssl
from pathlib import Path

from ..errors import invalid


def trusting(ca: Path | None) -> ssl.SSLContext:
    """Those the system trusts, and the CA. Raises INVALID_FIELD where its file is none."""
    context = ssl.create_default_context()
    try:
        if ca:
            context.load_verify_locations(ca)
    except OSError as error:  # ssl.SSLError is one
        raise invalid("REELMILL_TLS_CA", f"{ca} is no certificate in PEM: {error}") from error
    return context
