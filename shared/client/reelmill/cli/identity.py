"""As whom a command calls, and whom it believes: the options that all commands with a server have."""

from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated

import typer

TokenFile = Annotated[
    Path | None,
    typer.Option(
        envvar="REELMILL_TOKEN_FILE",
        help="A file with the token to call with; or set REELMILL_TOKEN.",
        show_default="the token of the stack that runs on this machine",
    ),
]
TlsCa = Annotated[
    Path | None,
    typer.Option(
        envvar="REELMILL_TLS_CA", help="Certificates (PEM) of those who vouch for the server; asks for TLS."
    ),
]
OPTIONS = {"token_file": TokenFile, "tls_ca": TlsCa}
_chosen: ContextVar[Mapping[str, str]] = ContextVar("chosen", default={})  # noqa: B039 - nobody changes it


def choose(token_file: Path | None, tls_ca: Path | None) -> None:
    """What the options of a command say."""
    given = {"REELMILL_TOKEN_FILE": token_file, "REELMILL_TLS_CA": tls_ca}
    _chosen.set({name: str(file) for name, file in given.items() if file})


def chosen() -> Mapping[str, str]:
    """The same as settings; empty where the options say nothing."""
    return _chosen.get()
