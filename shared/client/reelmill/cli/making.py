"""Commands on movies: create, list, get, watch, cancel, retry, delete."""

import asyncio
import hashlib
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf import json_format
from rich.table import Table

from reelmill.client import ENDED, ArtefactStore, Movie, MovieClient
from reelmill.v1 import common_pb2, script_pb2
from reelmill.v1.render_pb2 import GateOptions

from .connection import (
    DEFAULT_PROJECT,
    Etag,
    Fitting,
    MovieArgument,
    Project,
    Server,
    connect,
    movie_name,
    storage_settings,
)
from .output import USAGE, AsJson, CommandError, console, notices, print_json
from .progress import MovieProgress
from .views import CHARACTERS, STATES, age, frames_of, movie_view, state_text

Cost = Annotated[
    float,
    typer.Option(
        "--budget", min=0, help="What language models may cost, in the prices' currency; 0: no limit."
    ),
]
Priority = Annotated[
    int,
    typer.Option(min=-100, max=100, help="Of a project's movies, those with a higher one are served first."),
]
Tokens = Annotated[
    int, typer.Option("--budget-tokens", min=0, help="Tokens, in and out together; 0: no limit.")
]


class StateName(StrEnum):
    """States a movie can be in."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CharactersName(StrEnum):
    """What keeps the main characters the same from frame to frame."""

    DESCRIPTIONS = "descriptions"
    LEARNED_TOKENS = "learned-tokens"


async def create(
    theme: Annotated[
        str | None,
        typer.Argument(
            help="What the movie is about, in a sentence or a few.", show_default="needed without a story"
        ),
    ] = None,
    project: Project = DEFAULT_PROJECT,
    chapters: Annotated[int | None, typer.Option(min=1, max=16, show_default="3")] = None,
    scenes: Annotated[
        int | None, typer.Option(min=1, max=16, help="Scenes in a chapter.", show_default="3")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=1, max=16, help="Frames in a scene.", show_default="3")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=-(2**63), max=2**63 - 1, help="The same request and seed make the same movie.")
    ] = 0,
    genre: Annotated[
        str, typer.Option(help='The kind of story, for example "mystery"; without: as the theme suggests.')
    ] = "",
    story: Annotated[
        Path | None,
        typer.Option(
            help="A story JSON to make the movie of, put into the object store that REELMILL_S3_* name."
        ),
    ] = None,
    story_key: Annotated[
        str, typer.Option(help="The same, where it is in the project's part of the object store.")
    ] = "",
    style: Annotated[
        str, typer.Option(help='A style\'s keyword, for example "film noir"; without: one that fits.')
    ] = "",
    style_description: Annotated[str, typer.Option(help="The style in adjectives and phrases.")] = "",
    negative_prompt: Annotated[str, typer.Option(help="What should not be seen.")] = "",
    characters: Annotated[
        CharactersName,
        typer.Option(
            help="What keeps main characters the same: their descriptions, or tokens learned from portraits."
        ),
    ] = CharactersName.DESCRIPTIONS,
    gate: Annotated[
        bool | None,
        typer.Option("--gate/--no-gate", help="Judge each frame, and draw it again where it fails."),
    ] = None,
    redraws: Annotated[
        int | None, typer.Option(min=0, max=10, help="How often a frame that fails is drawn again.")
    ] = None,
    budget: Cost = 0.0,
    budget_tokens: Tokens = 0,
    priority: Priority = 0,
    callback: Annotated[str, typer.Option(help="An https address that is told of the movie's end.")] = "",
    request_id: Annotated[str, typer.Option(help="The same id again returns the same movie.")] = "",
    wait: Annotated[bool, typer.Option("--wait", "--watch", "-w", help="Follow it to its end.")] = False,
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Make a movie, of a theme or of a story JSON."""
    wanted = Movie(
        theme=theme or "",
        genre=genre,
        seed=seed,
        negative_prompt=negative_prompt,
        priority=priority,
        callback_uri=callback,
    )
    if theme is None and not (story or story_key):
        raise CommandError("INVALID_FIELD", "theme: say what the movie is about, or give a story", USAGE)
    if story or story_key:
        if chapters or scenes or frames:
            raise CommandError("INVALID_FIELD", "a story brings its own chapters, scenes and frames", USAGE)
        wanted.story_key = await _stored(story, project) if story else story_key
    else:
        shape = script_pb2.ScriptShape(chapters=chapters or 3, scenes=scenes or 3, frames=frames or 3)
        wanted.shape.CopyFrom(shape)
    if style or style_description:
        wanted.style.keyword, wanted.style.description = style, style_description
    if characters is not CharactersName.DESCRIPTIONS:
        wanted.character_identity = CHARACTERS[characters.value]
    if gate is not None:
        wanted.gate.mode = GateOptions.MODE_ON if gate else GateOptions.MODE_OFF
    if limit := budget_of(budget, budget_tokens):
        wanted.budget.CopyFrom(limit)
    if redraws is not None:
        wanted.gate.max_redraws = redraws
    async with connect(server) as client:
        movie = await client.create(project, wanted, request_id)
        if wait:
            if not as_json:
                notices().print(movie.name, markup=False)
            await _follow(client, movie.name, as_json=as_json)
        elif as_json:
            print_json(movie)
        else:
            console().print(movie.name, markup=False)
            notices().print(f"follow it: reelmill watch {movie.name}", style="dim", markup=False)


async def _stored(story: Path, project: str) -> str:
    """The key that the story's file has in the project, where it is put: the same file, the same key."""
    try:
        data = await asyncio.to_thread(story.read_bytes)
    except OSError as error:
        raise CommandError("BAD_FILE", f"{story} cannot be read: {error}", USAGE) from error
    key = f"projects/{project}/stories/{hashlib.sha256(data).hexdigest()[:16]}.json"
    settings = storage_settings()
    bucket = settings.get("REELMILL_S3_BUCKET") or "reelmill"
    await ArtefactStore.from_settings(settings).upload(bucket, key, data, "application/json")
    return key


async def list_movies(
    project: Project = DEFAULT_PROJECT,
    state: Annotated[
        list[StateName] | None, typer.Option(help="Only these; can be given more than once.")
    ] = None,
    fitting: Fitting = "",
    page_size: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    page_token: Annotated[str, typer.Option(help="Where the page before ended.")] = "",
    every: Annotated[bool, typer.Option("--all", help="All pages.")] = False,
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """List a project's movies, newest first."""
    states = [STATES[name.value] for name in state or []]
    async with connect(server) as client:
        page = partial(client.page, project, states=states, fitting=fitting, page_size=page_size)
        movies, token = await page(page_token=page_token)
        while every and token:
            more, token = await page(page_token=token)
            movies += more
    if as_json:
        rows = [json_format.MessageToDict(movie) for movie in movies]
        print_json({"movies": rows, "nextPageToken": token})
        return
    table = Table("movie", "state", "title", "frames", "age", box=None, header_style="dim")
    for movie in movies:
        count = str(frames_of(movie))
        name = movie.name.rpartition("/")[2]
        table.add_row(name, state_text(movie.state), movie.title or movie.theme[:40], count, age(movie))
    console().print(table if movies else f"no movies in project {project}")
    if token:
        notices().print(f"more: --page-token {token}", style="dim", markup=False)


async def get(
    movie: MovieArgument, project: Project = DEFAULT_PROJECT, server: Server = "", as_json: AsJson = False
) -> None:
    """Show a movie."""
    async with connect(server) as client:
        _show(await client.get(movie_name(movie, project)), as_json=as_json)


async def watch(
    movie: MovieArgument,
    project: Project = DEFAULT_PROJECT,
    from_revision: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Leave out what it showed.")] = 0,
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Follow a movie to its end; with --json, one line for every change."""
    async with connect(server) as client:
        await _follow(client, movie_name(movie, project), from_revision, as_json=as_json)


async def pause(
    movie: MovieArgument,
    project: Project = DEFAULT_PROJECT,
    etag: Etag = "",
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Hold a movie: what workers have in hand is finished, nothing follows it."""
    async with connect(server) as client:
        _show(await client.pause(movie_name(movie, project), etag=etag), as_json=as_json)


async def resume(
    movie: MovieArgument,
    project: Project = DEFAULT_PROJECT,
    etag: Etag = "",
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Go on with a paused movie where it was."""
    async with connect(server) as client:
        _show(await client.resume(movie_name(movie, project), etag=etag), as_json=as_json)


async def cancel(
    movie: MovieArgument,
    project: Project = DEFAULT_PROJECT,
    etag: Etag = "",
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Stop a movie; what is stored stays."""
    async with connect(server) as client:
        _show(await client.cancel(movie_name(movie, project), etag=etag), as_json=as_json)


async def retry(
    movie: MovieArgument,
    project: Project = DEFAULT_PROJECT,
    budget: Cost = 0.0,
    budget_tokens: Tokens = 0,
    etag: Etag = "",
    wait: Annotated[bool, typer.Option("--wait", "--watch", "-w", help="Follow it to its end.")] = False,
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Go on with a failed or cancelled movie; what is stored is not made again."""
    async with connect(server) as client:
        again = await client.retry(movie_name(movie, project), budget_of(budget, budget_tokens), etag=etag)
        if wait:
            await _follow(client, again.name, as_json=as_json)
        else:
            _show(again, as_json=as_json)


async def delete(
    movie: MovieArgument,
    project: Project = DEFAULT_PROJECT,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    etag: Etag = "",
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Remove a movie and everything stored for it."""
    name = movie_name(movie, project)
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise CommandError("NOT_CONFIRMED", f"deleting {name} needs --yes", USAGE)
        typer.confirm(f"Delete {name} and all its files?", abort=True)
    async with connect(server) as client:
        await client.delete(name, etag=etag)
    if as_json:
        print_json({"deleted": name})
    else:
        console().print(f"deleted {name}", markup=False)


async def _follow(client: MovieClient, name: str, from_revision: int = 0, *, as_json: bool) -> None:
    """Shows every change; ends with an error unless the movie succeeds."""
    last: Movie | None = None
    with MovieProgress(notices(), shown=not as_json) as progress:
        async for last in client.watch(name, from_revision):
            if as_json:
                print_json(last)
            progress.update(last)
    if last is None or last.state not in ENDED:
        last = await client.get(name)
    if not as_json:
        console().print(movie_view(last))
    if last.state == Movie.STATE_FAILED:
        raise CommandError(last.failure.reason or "FAILED", last.failure.message or f"{name} failed")
    if last.state == Movie.STATE_CANCELLED:
        raise CommandError("CANCELLED", f"{name} was cancelled")


def budget_of(cost: float, tokens: int) -> common_pb2.Budget | None:
    if not cost and not tokens:
        return None
    return common_pb2.Budget(cost_micros=round(cost * 1e6), tokens=tokens)


def _show(movie: Movie, *, as_json: bool) -> None:
    if as_json:
        print_json(movie)
    else:
        console().print(movie_view(movie))
