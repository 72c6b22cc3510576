"""The demo: stack up, one movie, its artefacts on disk, two views of them."""

import asyncio
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.protobuf import json_format
from rich.console import Console

from reelmill.v1 import movies_pb2 as pb
from reelmill.v1 import qa_pb2, script_pb2
from reelmill_local.demo.artefacts import download
from reelmill_local.demo.contact_sheet import contact_sheet
from reelmill_local.demo.movie import create, watch
from reelmill_local.demo.progress import MovieProgress, duration
from reelmill_local.demo.storyboard import Fact, storyboard
from reelmill_local.stack import LocalStack

PROJECT = "demo"
DEFAULT_THEME = "Two strangers follow a melody through a rainy city until morning"


class DemoError(Exception):
    """The movie was not made; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMovie:
    """What the demo asks for. `shape`: chapters, scenes in a chapter, frames in a scene."""

    theme: str = DEFAULT_THEME
    shape: tuple[int, int, int] = (3, 3, 3)
    seed: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """Where the views of the finished movie are."""

    folder: Path
    storyboard: Path
    contact_sheet: Path


async def make_movie(stack: LocalStack, wish: DemoMovie, console: Console) -> DemoResult:
    """Makes the movie on a running stack and lays it out in the stack's folder. Raises DemoError."""
    chapters, scenes, frames = wish.shape
    shape = script_pb2.ScriptShape(chapters=chapters, scenes=scenes, frames=frames)
    begun = time.monotonic()
    try:
        async with grpc.aio.insecure_channel(stack.addresses["movies"]) as channel:
            request = pb.Movie(theme=wish.theme, shape=shape, seed=wish.seed)
            movie = await create(channel, PROJECT, request, f"demo-{uuid.uuid4().hex[:12]}")
            console.print(f"\n{movie.name}\n  [italic]{wish.theme}[/]", highlight=False)
            console.print(f"  {chapters * scenes * frames} frames, seed {wish.seed}\n", highlight=False)
            with MovieProgress(console) as progress:
                async for change in watch(channel, movie.name):
                    movie = change
                    progress.update(movie)
    except grpc.aio.AioRpcError as error:
        raise DemoError(f"{error.code().name}: {error.details()}; logs: {stack.folder / 'logs'}") from error
    if movie.state != pb.Movie.STATE_SUCCEEDED:
        reason = f"{movie.failure.reason}: {movie.failure.message}" if movie.failure.reason else "cancelled"
        raise DemoError(f"the movie was not made: {reason}; logs: {stack.folder / 'logs'}")
    taken = time.monotonic() - begun
    console.print(f"\nmade in {duration(taken)}; fetching it", highlight=False)
    return await asyncio.to_thread(lay_out, stack, movie, taken)


def lay_out(stack: LocalStack, movie: pb.Movie, taken: float) -> DemoResult:
    """Downloads a movie's artefacts and makes the contact sheet and the storyboard beside them."""
    folder = stack.folder / "demo" / movie.name.rpartition("/")[2]
    download(stack.environment, f"{movie.name}/", folder)
    if movie.style_name:
        download(stack.environment, f"{movie.style_name}/", folder / "style")
    script = json_format.Parse(
        (folder / "script.json").read_text(), script_pb2.Script(), ignore_unknown_fields=True
    )
    questions = json_format.Parse(
        (folder / "questions.json").read_text(), qa_pb2.QuestionSet(), ignore_unknown_fields=True
    )
    frames = {int(file.stem): file for file in sorted((folder / "frames").glob("*.png"))}
    sheet = folder / "contact-sheet.png"
    with closing(contact_sheet(script, frames)) as picture:
        picture.save(sheet, optimize=True)
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
    return DemoResult(folder=folder, storyboard=page, contact_sheet=sheet)
