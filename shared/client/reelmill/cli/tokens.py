"""The commands `reelmill token ..`: keys and tokens of one's own, where no company's issuer is at hand."""

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Annotated, TypeVar

import typer

from .output import USAGE, CommandError, notices

T = TypeVar("T")
PrivateKey = Annotated[Path, typer.Option(help="The private key, as `reelmill token key` makes it.")]


class RoleName(StrEnum):
    """What a caller may do."""

    READER = "reader"
    MAKER = "maker"
    ADMIN = "admin"


def key(file: Annotated[Path, typer.Argument(help="Where it goes; only you can read it.")]) -> None:
    """Make a private key to sign tokens with."""
    from_kit = _minting()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(from_kit.new_key())
    except OSError as error:
        raise CommandError("BAD_FILE", f"{file} cannot be made: {error.strerror}", USAGE) from error
    notices().print(f"{file} signs tokens: keep it to yourself", style="dim", markup=False)


def keys(
    files: Annotated[
        list[Path], typer.Argument(metavar="KEY...", help="Private keys; while one follows another, both.")
    ],
) -> None:
    """Print the public keys as a JWKS document, for REELMILL_AUTH_KEYS or a ConfigMap."""
    from_kit = _minting()
    print(_said(lambda: from_kit.jwks(*map(_read, files))), end="")


def mint(
    key: PrivateKey,
    issuer: Annotated[str, typer.Option(help="As the services' REELMILL_AUTH_ISSUER.")],
    project: Annotated[
        list[str], typer.Option("--project", "-p", help="Can be given more than once; '*': every project.")
    ],
    subject: Annotated[str, typer.Option(help="Who calls, as logs name it.")],
    role: Annotated[
        RoleName, typer.Option(help="reader: looks; maker: makes, too; admin: deletes, too.")
    ] = RoleName.MAKER,
    days: Annotated[float, typer.Option(min=0, max=3660, help="How long it is valid.")] = 30.0,
    audience: Annotated[str, typer.Option(help="As the services' REELMILL_AUTH_AUDIENCE.")] = "reelmill",
) -> None:
    """Print a token."""
    from_kit = _minting()
    from reelmill_kit.auth import Role

    def made() -> str:
        return str(
            from_kit.mint(
                _read(key),
                issuer=issuer,
                audience=audience,
                subject=subject,
                projects=project,
                role=Role[role.name],
                seconds=days * 86400,
            )
        )

    print(_said(made))


def _minting() -> ModuleType:
    try:
        from reelmill_kit.auth import minting
    except ImportError as error:
        raise CommandError(
            "NOT_INSTALLED",
            f"this needs the package reelmill-kit ({error}); in a clone of the repository run `make setup`",
        ) from error
    return minting


def _said(make: Callable[[], T]) -> T:
    from reelmill_kit.errors import ReelmillError

    try:
        return make()
    except ReelmillError as error:
        raise CommandError(error.reason.value, error.message, USAGE) from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError("BAD_FILE", f"{file} cannot be read: {error.strerror}", USAGE) from error
