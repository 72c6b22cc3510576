"""The command `export`: a movie's files, fetched into a folder."""

from pathlib import Path
from typing import Annotated

import typer

from reelmill.client import ArtefactStore, Movie
from reelmill.client.bar import Bar

from .connection import DEFAULT_PROJECT, MovieArgument, Project, Server, connect, movie_name, storage_settings
from .output import USAGE, AsJson, CommandError, console, notices, print_json


async def export(
    movie: MovieArgument,
    folder: Annotated[Path | None, typer.Argument(help="Made when missing.", show_default="./MOVIE")] = None,
    project: Project = DEFAULT_PROJECT,
    only: Annotated[
        str, typer.Option(metavar="PATTERN", help="Those alone, for example 'frames/*.png'.")
    ] = "*",
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Files fetched at a time.")] = 8,
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Fetch a movie's files: script, frames, questions, training formats, manifest.

    They come from the object store that REELMILL_S3_ENDPOINT, _ACCESS_KEY and _SECRET_KEY name, or from that
    of the stack on this machine, and are checked against the manifest. Files that are there and right are not
    fetched again.
    """
    async with connect(server) as client:
        found = await client.get(movie_name(movie, project))
    target = folder or Path(found.name.rpartition("/")[2])
    if target.exists() and not target.is_dir():
        raise CommandError("NOT_A_FOLDER", f"{target} is there and no folder", USAGE)
    store = ArtefactStore.from_settings(storage_settings())
    with Bar(shown=not as_json) as bar:
        files = await store.download(found.artefacts_uri, target, parallel=parallel, only=only, progress=bar)
    size = sum(file.stat().st_size for file in files)
    whole = found.state == Movie.STATE_SUCCEEDED
    if as_json:
        print_json(
            {
                "movie": found.name,
                "folder": str(target.resolve()),
                "files": len(files),
                "bytes": size,
                "complete": whole,
            }
        )
        return
    console().print(f"{len(files)} files, {size / 1e6:.1f} MB in {target}", markup=False)
    if not whole:
        notices().print("the movie is not finished; this is what there is so far", style="yellow")
