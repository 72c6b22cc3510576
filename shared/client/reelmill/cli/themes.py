"""The command `reelmill themes`."""

from pathlib import Path
from typing import Annotated

import typer

from reelmill.client import ScriptClient

from .connection import DEFAULT_PROJECT, Project, credentials, local_stack
from .output import USAGE, AsJson, CommandError, console, print_json

ScriptServer = Annotated[
    str,
    typer.Option(
        "--server",
        envvar="REELMILL_SCRIPT_SERVER",
        help="ScriptService, host:port.",
        show_default="the stack that runs on this machine",
    ),
]


async def themes(
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000)] = 10,
    genres: Annotated[
        list[str] | None,
        typer.Option("--genre", help="Can be given more than once: they take turns; without: any."),
    ] = None,
    seed: Annotated[int, typer.Option(min=-(2**63), max=2**63 - 1, help="The same seed: the same.")] = 0,
    known: Annotated[
        Path | None, typer.Option(help="A file of themes not to come near to, one a line.", dir_okay=False)
    ] = None,
    project: Project = DEFAULT_PROJECT,
    server: ScriptServer = "",
    as_json: AsJson = False,
) -> None:
    """Invent themes, one a line, no two alike: a file for `reelmill batch create --themes`."""
    cycle = genres or [""]
    wanted = [cycle[i % len(cycle)] for i in range(count)]
    async with _connect(server) as client:
        answer = await client.invent_themes(project, wanted, seed, _lines(known))
    if as_json:
        print_json(answer)
        return
    for theme in answer.themes:
        console().print(theme, markup=False)


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        return [line.strip() for line in file.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError("NO_FILE", f"{file} cannot be read: {error}", USAGE) from error


def _connect(server: str) -> ScriptClient:
    address = server or str(local_stack().get("addresses", {}).get("script", ""))
    if not address:
        raise CommandError(
            "NO_SERVER",
            "no server is known: no stack runs on this machine (start one with `reelmill up`); "
            "or name one with --server or REELMILL_SCRIPT_SERVER",
        )
    return ScriptClient(address, credentials=credentials(server))
