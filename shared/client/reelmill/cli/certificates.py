"""The commands `reelmill tls ..`: certificates of one's own, where no company's CA is at hand."""

import os
from pathlib import Path
from typing import Annotated

import typer

from .from_kit import from_kit
from .output import USAGE, CommandError, notices

Folder = Annotated[Path, typer.Argument(help="Where the files go; made when missing.")]


def ca(folder: Folder, days: Annotated[float, typer.Option(min=1, max=36500)] = 3650.0) -> None:
    """Make a CA: ca.crt, which callers believe (--tls-ca), and ca.key, which you keep."""
    with from_kit():
        from reelmill_kit.tls.making import make_ca

        cert, key = make_ca(days)
    _write(folder, {"ca.crt": cert, "ca.key": key}, replace=False)


def certificate(
    folder: Folder,
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="DNS names and IP addresses under which it is called."),
    ],
    issuer: Annotated[Path, typer.Option("--ca", help="The folder with ca.crt and ca.key.")],
    days: Annotated[float, typer.Option(min=0.01, max=3650)] = 365.0,
) -> None:
    """Make a certificate: tls.crt, tls.key, and ca.crt beside them; one that is there is replaced."""
    with from_kit():
        from reelmill_kit.tls.making import make_certificate

        authority = (issuer / "ca.crt").read_bytes()
        cert, key = make_certificate(authority, (issuer / "ca.key").read_bytes(), names, days)
    _write(folder, {"ca.crt": authority, "tls.key": key, "tls.crt": cert}, replace=True)


def _write(folder: Path, files: dict[str, bytes], *, replace: bool) -> None:
    """Keys only their owner can read; each file is there whole or not at all."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            target, beside = folder / name, folder / f".{name}.new"
            if target.exists() and not replace:
                raise CommandError("BAD_FILE", f"{target} is there already", USAGE)
            beside.unlink(missing_ok=True)
            mode = 0o600 if name.endswith(".key") else 0o644
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
                out.write(data)
            beside.replace(target)
            notices().print(str(target), style="dim", markup=False)
    except OSError as error:
        raise CommandError("BAD_FILE", f"{error.filename} cannot be made: {error.strerror}", USAGE) from error
