"""Where the server is, and which movie is meant."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from reelmill.client import Credentials, MovieClient

from .identity import chosen
from .output import USAGE, CommandError

DEFAULT_PROJECT = "demo"
_DEFAULT_FOLDER = ".reelmill"

Server = Annotated[
    str,
    typer.Option(
        envvar="REELMILL_SERVER",
        help="MovieService, host:port, or https://host:port.",
        show_default="the stack that runs on this machine",
    ),
]
Project = Annotated[
    str, typer.Option("--project", "-p", envvar="REELMILL_PROJECT", help="The movie's owner.")
]
MovieArgument = Annotated[
    str, typer.Argument(metavar="MOVIE", help="projects/PROJECT/movies/MOVIE, or its last part.")
]
Fitting = Annotated[
    str, typer.Option("--filter", help="Only what it fits (AIP-160), for example 'theme = \"*sea*\"'.")
]
Etag = Annotated[
    str, typer.Option(help="Do it only while the etag, as `--json` shows it, is still this one (AIP-154).")
]


def connect(server: str) -> MovieClient:
    """Raises CommandError where no server is known."""
    return MovieClient(movies_address(server), credentials=credentials(server))


def credentials(server: str) -> Credentials:
    """Of the options, else of the environment, else of the stack on this machine, for its own servers."""
    local = local_stack() if not server or server in local_addresses() else {}
    settings = {**local.get("environment", {})}
    if os.environ.get("REELMILL_TOKEN"):
        settings.pop("REELMILL_TOKEN_FILE", None)
    return Credentials.from_settings({**settings, **os.environ, **chosen()})


def local_addresses() -> frozenset[str]:
    """Where the services of the stack on this machine are."""
    return frozenset(map(str, local_stack().get("addresses", {}).values()))


def movies_address(server: str) -> str:
    """Where MovieService is. Raises CommandError where no server is known."""
    address = server or str(local_stack().get("addresses", {}).get("movies", ""))
    if not address:
        raise CommandError(
            "NO_SERVER",
            "no server is known: no stack runs on this machine (start one with `reelmill up`); "
            "or name one with --server or REELMILL_SERVER",
        )
    return address


def movie_name(movie: str, project: str) -> str:
    """The full name of a movie that was given by its id, too."""
    return movie if "/" in movie else f"projects/{project}/movies/{movie}"


def storage_settings() -> Mapping[str, str]:
    """REELMILL_S3_*: those of the stack on this machine, and before them those of the environment."""
    return {**local_stack().get("environment", {}), **os.environ}


def local_stack() -> dict[str, Any]:
    """What the stack on this machine tells of itself; empty where none runs.

    It is looked for in REELMILL_FOLDER, or in .reelmill here and in the folders above.
    """
    chosen = os.environ.get("REELMILL_FOLDER")
    here = Path.cwd()
    folders = [Path(chosen)] if chosen else [folder / _DEFAULT_FOLDER for folder in (here, *here.parents)]
    for folder in folders:
        file = folder / "stack.json"
        try:
            content = json.loads(file.read_text())
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise CommandError("BAD_STACK_FILE", f"{file} cannot be read: {error}", USAGE) from error
        return content if isinstance(content, dict) else {}
    return {}
