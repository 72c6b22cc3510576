"""The demo: stack up, one movie, its artefacts on disk, two views of them."""

import time
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import json_format
from rich.console import Console
from rich.markup import escape

from reelmill.cli.progress import MovieProgress
from reelmill.cli.views import duration
from reelmill.client import ArtefactStore, CallError, DownloadError, MovieClient
from reelmill.v1 import movies_pb2 as pb
from reelmill.v1 import qa_pb2, script_pb2
from reelmill_local.demo.contact_sheet import contact_sheet
from reelmill_local.demo.storyboard import Fact, storyboard
from reelmill_local.demo.wish import DemoError, DemoMovie
from reelmill_local.stack import LocalStack

PROJECT = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """Where the views of the finished movie are."""

    folder: Path
    storyboard: Path
    film: Path
    contact_sheet: Path


async def make_movie(stack: LocalStack, wish: DemoMovie, console: Console) -> DemoResult:
    """Makes the movie on a running stack and lays it out in the stack's folder. Raises DemoError."""
    if "movies" not in stack.addresses:
        raise DemoError(f"the stack that runs in {stack.folder} is only a part of one; `make down` ends it")
    chapters, scenes, frames = wish.shape
    shape = script_pb2.ScriptShape(chapters=chapters, scenes=scenes, frames=frames)
    begun = time.monotonic()
    try:
        async with MovieClient(stack.addresses["movies"], credentials=stack.credentials) as client:
            movie = await client.create(PROJECT, pb.Movie(theme=wish.theme, shape=shape, seed=wish.seed))
            console.print(f"\n{movie.name}\n  [italic]{escape(wish.theme)}[/]", highlight=False)
            console.print(f"  {chapters * scenes * frames} frames, seed {wish.seed}\n", highlight=False)
            with MovieProgress(console) as progress:
                async for change in client.watch(movie.name):
                    movie = change
                    progress.update(movie)
    except CallError as error:
        raise DemoError(f"{error}; logs: {stack.folder / 'logs'}") from error
    if movie.state != pb.Movie.STATE_SUCCEEDED:
        reason = f"{movie.failure.reason}: {movie.failure.message}" if movie.failure.reason else "cancelled"
        raise DemoError(f"the movie was not made: {reason}; logs: {stack.folder / 'logs'}")
    taken = time.monotonic() - begun
    console.print(f"\nmade in {duration(taken)}; fetching it", highlight=False)
    folder = stack.folder / "demo" / movie.name.rpartition("/")[2]
    try:
        store = ArtefactStore.from_settings(stack.environment)
        await store.download(movie.artefacts_uri, folder)
        if movie.style_name:
            bucket = movie.artefacts_uri.removesuffix(f"{movie.name}/")
            await store.download(f"{bucket}{movie.style_name}/", folder / "style")
    except DownloadError as error:
        raise DemoError(str(error)) from error
    return lay_out(folder, movie, taken)


def lay_out(folder: Path, movie: pb.Movie, taken: float) -> DemoResult:
    """Makes the contact sheet and the storyboard beside a movie's downloaded artefacts."""
    script = json_format.Parse(
        (folder / "script.json").read_text(), script_pb2.Script(), ignore_unknown_fields=True
    )
    questions = json_format.Parse(
        (folder / "questions.json").read_text(), qa_pb2.QuestionSet(), ignore_unknown_fields=True
    )
    frames = {int(file.stem): file for file in sorted((folder / "frames").glob("*.png"))}
    sheet = folder / "contact-sheet.png"
    contact_sheet(script, frames).save(sheet, optimize=True)
    facts = [
        Fact("Theme", movie.theme),
        Fact("Frames", str(len(frames))),
        Fact("Questions", str(len(questions.questions))),
        Fact("Writer", script.writer),
        Fact("Seed", str(movie.seed)),
        Fact("Made in", duration(taken)),
    ]
    references = sorted(p for p in (folder / "style").rglob("*") if p.suffix in (".png", ".jpg", ".webp"))
    page = folder / "storyboard.html"
    page.write_text(
        storyboard(script, questions, frames, references=references, facts=facts, page_folder=folder),
        encoding="utf-8",
    )
    return DemoResult(
        folder=folder, storyboard=page, contact_sheet=sheet, film=folder / "exports" / "film.mp4"
    )
