"""A program of another team: makes a movie with the client alone, and prints a line of JSON for all it sees.

python stranger.py sync|async PROJECT FOLDER
"""

import asyncio
import json
import os
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from reelmill.client import ArtefactStore, CallError, Movie, MovieClient, errors, sync
from reelmill.client.bar import Bar
from reelmill.v1 import render_pb2, script_pb2, style_pb2

SERVER = os.environ["REELMILL_SERVER"]
ASKED = Movie(
    theme="A lighthouse keeper adopts a storm",
    seed=7,
    shape=script_pb2.ScriptShape(chapters=1, scenes=2, frames=4),
    drawing=render_pb2.DrawingOptions(steps=6, width=64, height=64),
    style_options=style_pb2.StyleOptions(steps=12, references=2),
)


def say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def said(error: CallError) -> None:
    say(kind=type(error).__name__, reason=error.reason, code=error.code.name, metadata=error.metadata)


def saw(movie: Movie) -> None:
    say(revision=movie.revision, state=Movie.State.Name(movie.state))


async def with_asyncio(project: str, folder: Path) -> None:
    async with MovieClient(SERVER) as movies:
        try:
            await movies.create(project, Movie())
        except errors.InvalidFieldError as error:
            said(error)
        movie = await movies.create(project, ASKED, request_id="one")
        again = await movies.create(project, ASKED, request_id="one")
        say(same=again.name == movie.name)
        async for seen in movies.watch(movie.name):
            saw(seen)
        listed = [found.name async for found in movies.all(project)]
    with Bar("frames") as bar:
        files = await ArtefactStore.from_settings(os.environ).download(
            movie.artefacts_uri, folder, only="frames/*.png", progress=bar
        )
    say(movie=movie.name, listed=listed, files=len(files))


def without_asyncio(project: str, folder: Path) -> None:
    with sync.MovieClient(SERVER) as movies:
        try:
            movies.create(project, Movie())
        except errors.InvalidFieldError as error:
            said(error)
        movie = movies.create(project, ASKED, request_id="one")
        again = movies.create(project, ASKED, request_id="one")
        say(same=again.name == movie.name)
        for seen in movies.watch(movie.name):
            saw(seen)
        listed = [found.name for found in movies.all(project)]
    with Bar("frames") as bar:
        files = sync.ArtefactStore.from_settings(os.environ).download(
            movie.artefacts_uri, folder, only="frames/*.png", progress=bar
        )
    say(movie=movie.name, listed=listed, files=len(files))


if __name__ == "__main__":
    names = (found.metadata["Name"] for found in distributions())
    say(ours=sorted(name for name in names if name.startswith("reelmill")))
    if sys.argv[1] == "async":
        asyncio.run(with_asyncio(sys.argv[2], Path(sys.argv[3])))
    else:
        without_asyncio(sys.argv[2], Path(sys.argv[3]))
