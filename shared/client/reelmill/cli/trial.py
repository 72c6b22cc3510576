"""The command `reelmill trial`: whether an installation makes movies, told by making one."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from reelmill.client import ArtefactStore, Movie
from reelmill.v1 import script_pb2

from .connection import DEFAULT_PROJECT, Project, Server, connect, storage_settings
from .output import AsJson, CommandError, console, notices, print_json

_PNG = b"\x89PNG\r\n\x1a\n"


async def trial(
    folder: Annotated[
        Path | None, typer.Argument(help="Where its files go.", show_default="a temporary one")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, max=16)] = 2,
    project: Project = DEFAULT_PROJECT,
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Make a tiny movie, fetch it, and compare every file with the manifest: is the installation sound?"""
    wanted = Movie(
        theme="A lighthouse keeper adopts a storm",
        shape=script_pb2.ScriptShape(chapters=1, scenes=1, frames=frames),
    )
    store = ArtefactStore.from_settings(storage_settings())
    async with connect(server) as client:
        movie = await client.create(project, wanted)
        if not as_json:
            notices().print(f"making {movie.name}", markup=False)
        async for seen in client.watch(movie.name):
            movie = seen
    if movie.state != Movie.STATE_SUCCEEDED:
        raise CommandError(movie.failure.reason or "FAILED", movie.failure.message or "the movie failed")
    with tempfile.TemporaryDirectory(prefix="reelmill-trial-") as temporary:
        files = await store.download(movie.artefacts_uri, folder or Path(temporary))
        pictures = [file for file in files if file.suffix == ".png" and file.parent.name == "frames"]
        broken = [file.name for file in pictures if file.read_bytes()[:8] != _PNG]
    if len(pictures) != frames or broken:
        raise CommandError(
            "NOT_WHOLE", f"{movie.name} has {len(pictures)} pictures of {frames}, broken ones: {broken}"
        )
    if as_json:
        print_json({"movie": movie.name, "title": movie.title, "frames": frames, "files": len(files)})
    else:
        console().print(
            f"{movie.title}: {frames} frames, {len(files)} files, all as the manifest says", markup=False
        )
