"""Where the server is, and which movie is meant."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from reelmill.client import MovieClient

from .output import USAGE, CommandError

DEFAULT_PROJECT = "demo"
_DEFAULT_FOLDER = ".reelmill"

Server = Annotated[
    str,
    typer.Option(
        envvar="REELMILL_SERVER",
        help="MovieService, host:port.",
        show_default="the stack that runs on this machine",
    ),
]
Project = Annotated[
    str, typer.Option("--project", "-p", envvar="REELMILL_PROJECT", help="The movie's owner.")
]
MovieArgument = Annotated[
    str, typer.Argument(metavar="MOVIE", help="projects/PROJECT/movies/MOVIE, or its last part.")
]


def connect(server: str) -> MovieClient:
    """Raises CommandError where no server is known."""
    return MovieClient(movies_address(server))


def movies_address(server: str) -> str:
    """MovieService's host:port. Raises CommandError where no server is known."""
    address = server or str(local_stack().get("addresses", {}).get("movies", ""))
    if not address:
        raise CommandError(
            "NO_SERVER",
            "no server is known: no stack runs on this machine (start one with `reelmill up`); "
            "or name one with --server or REELMILL_SERVER",
        )
    return address.removeprefix("http://").removesuffix("/")


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
