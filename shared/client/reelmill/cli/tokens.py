"""The commands `reelmill token ..`: keys and tokens of one's own, where no company's issuer is at hand."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .from_kit import from_kit
from .output import notices

PrivateKey = Annotated[Path, typer.Option(help="The private key, as `reelmill token key` makes it.")]


class RoleName(StrEnum):
    """What a caller may do."""

    READER = "reader"
    MAKER = "maker"
    ADMIN = "admin"


def key(file: Annotated[Path, typer.Argument(help="Where it goes; only you can read it.")]) -> None:
    """Make a private key to sign tokens with."""
    with from_kit():
        from reelmill_kit.auth.minting import new_key

        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(new_key())
    notices().print(f"{file} signs tokens: keep it to yourself", style="dim", markup=False)


def keys(
    files: Annotated[
        list[Path], typer.Argument(metavar="KEY...", help="Private keys; while one follows another, both.")
    ],
) -> None:
    """Print the public keys as a JWKS document, for REELMILL_AUTH_KEYS or a ConfigMap."""
    with from_kit():
        from reelmill_kit.auth.minting import jwks

        told = jwks(*(file.read_bytes() for file in files))
    print(told, end="")


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
    with from_kit():
        from reelmill_kit.auth import Role
        from reelmill_kit.auth.minting import mint

        token = mint(
            key.read_bytes(),
            issuer=issuer,
            audience=audience,
            subject=subject,
            projects=project,
            role=Role[role.name],
            seconds=days * 86400,
        )
    print(token)
