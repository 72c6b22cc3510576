"""The commands of `reelmill batch`: create, list, get, watch, pause, resume, cancel."""

import re
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf import json_format
from rich.table import Table

from reelmill.client import BATCH_ENDED, Batch, BatchClient, Movie
from reelmill.v1 import script_pb2

from .batch_views import BatchProgress, batch_view, counts_text, items_view, state_text
from .connection import DEFAULT_PROJECT, Fitting, Project, Server, credentials, movies_address
from .making import Cost, Priority, Tokens, budget_of
from .output import USAGE, AsJson, CommandError, console, notices, print_json
from .views import age

BatchArgument = Annotated[
    str, typer.Argument(metavar="BATCH", help="projects/PROJECT/batches/BATCH, or its last part.")
]
_SHAPE = re.compile(r"(\d{1,4})x(\d{1,4})x(\d{1,4})")


async def create(
    themes: Annotated[
        Path | None,
        typer.Option(help="A file of themes, one a line, used in turn; without: invented.", dir_okay=False),
    ] = None,
    movies: Annotated[
        int, typer.Option("--movies", "-n", help="1 to 1000; 0: one a theme.", show_default="one a theme")
    ] = 0,
    genre: Annotated[
        str,
        typer.Option(help="For all; without: as themes suggest, or where invented, the paper's shares."),
    ] = "",
    shape: Annotated[
        str, typer.Option(help="Chapters x scenes x frames of every movie, 1 to 16 each.")
    ] = "3x3x3",
    parallel: Annotated[int, typer.Option(help="Movies under way at a time, 1 to 100.")] = 4,
    seed: Annotated[
        int, typer.Option(min=-(2**63), max=2**63 - 1, help="Every movie's own seed follows from it.")
    ] = 0,
    likeness: Annotated[
        int, typer.Option(help="Plots more alike than this, in percent, are dropped and replaced, 1 to 100.")
    ] = 50,
    style: Annotated[
        str, typer.Option(help='A style\'s keyword for all, for example "film noir"; without: one that fits.')
    ] = "",
    style_description: Annotated[str, typer.Option(help="The style in adjectives and phrases.")] = "",
    learned_style: Annotated[
        str, typer.Option(help="A style that was learned before, projects/PROJECT/styles/STYLE.")
    ] = "",
    negative_prompt: Annotated[str, typer.Option(help="What should not be seen.")] = "",
    budget: Cost = 0.0,
    budget_tokens: Tokens = 0,
    priority: Priority = 0,
    project: Project = DEFAULT_PROJECT,
    request_id: Annotated[str, typer.Option(help="The same id again returns the same batch.")] = "",
    wait: Annotated[bool, typer.Option("--wait", "--watch", "-w", help="Follow it to its end.")] = False,
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Make many movies."""
    wanted = Batch(
        movies=movies,
        themes=_themes(themes),
        genre=genre,
        parallel=parallel,
        seed=seed,
        plot_likeness_percent=likeness,
        template=Movie(
            shape=shape_of(shape),
            learned_style=learned_style,
            negative_prompt=negative_prompt,
            priority=priority,
        ),
    )
    if style or style_description:
        wanted.template.style.keyword, wanted.template.style.description = style, style_description
    if limit := budget_of(budget, budget_tokens):
        wanted.budget.CopyFrom(limit)
    async with _connect(server) as client:
        batch = await client.create(project, wanted, request_id)
        if wait:
            if not as_json:
                notices().print(batch.name, markup=False)
            await _follow(client, batch.name, as_json=as_json)
        elif as_json:
            print_json(batch)
        else:
            console().print(batch.name, markup=False)
            notices().print(f"follow it: reelmill batch watch {batch.name}", style="dim", markup=False)


async def list_batches(
    project: Project = DEFAULT_PROJECT,
    fitting: Fitting = "",
    page_size: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    page_token: Annotated[str, typer.Option(help="Where the page before ended.")] = "",
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """List a project's batches, newest first."""
    async with _connect(server) as client:
        batches, token = await client.page(
            project, fitting=fitting, page_size=page_size, page_token=page_token
        )
    if as_json:
        rows = [json_format.MessageToDict(batch) for batch in batches]
        print_json({"batches": rows, "nextPageToken": token})
        return
    table = Table("batch", "state", "movies", "how far", "age", box=None, header_style="dim")
    for batch in batches:
        name = batch.name.rpartition("/")[2]
        table.add_row(name, state_text(batch.state), str(batch.movies), counts_text(batch), age(batch))
    console().print(table if batches else f"no batches in project {project}")
    if token:
        notices().print(f"more: --page-token {token}", style="dim", markup=False)


async def get(
    batch: BatchArgument, project: Project = DEFAULT_PROJECT, server: Server = "", as_json: AsJson = False
) -> None:
    """Show a batch and its movies."""
    async with _connect(server) as client:
        found = await client.get(_name(batch, project))
    _show(found, as_json=as_json)
    if not as_json:
        console().print(items_view(found))


async def watch(
    batch: BatchArgument,
    project: Project = DEFAULT_PROJECT,
    from_revision: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Leave out what it showed.")] = 0,
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Follow a batch to its end; with --json, one line for every change."""
    async with _connect(server) as client:
        await _follow(client, _name(batch, project), from_revision, as_json=as_json)


async def pause(
    batch: BatchArgument, project: Project = DEFAULT_PROJECT, server: Server = "", as_json: AsJson = False
) -> None:
    """Begin no more movies; those under way wait."""
    async with _connect(server) as client:
        _show(await client.pause(_name(batch, project)), as_json=as_json)


async def resume(
    batch: BatchArgument,
    project: Project = DEFAULT_PROJECT,
    budget: Cost = 0.0,
    budget_tokens: Tokens = 0,
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Go on with a paused batch, with another budget where one is given."""
    async with _connect(server) as client:
        resumed = await client.resume(_name(batch, project), budget_of(budget, budget_tokens))
        _show(resumed, as_json=as_json)


async def cancel(
    batch: BatchArgument, project: Project = DEFAULT_PROJECT, server: Server = "", as_json: AsJson = False
) -> None:
    """Stop a batch and its movies; what is stored stays."""
    async with _connect(server) as client:
        _show(await client.cancel(_name(batch, project)), as_json=as_json)


async def _follow(client: BatchClient, name: str, from_revision: int = 0, *, as_json: bool) -> None:
    """Shows every change; ends with an error unless the batch succeeds."""
    last: Batch | None = None
    with BatchProgress(notices(), shown=not as_json) as progress:
        async for last in client.watch(name, from_revision):
            if as_json:
                print_json(last)
            progress.update(last)
    if last is None or last.state not in BATCH_ENDED:
        last = await client.get(name)
    if not as_json:
        console().print(batch_view(last))
    if last.state == Batch.STATE_FAILED:
        raise CommandError(last.failure.reason or "FAILED", last.failure.message or f"{name} failed")
    if last.state == Batch.STATE_CANCELLED:
        raise CommandError("CANCELLED", f"{name} was cancelled")


def _themes(file: Path | None) -> list[str]:
    """The file's lines. An empty one is more likely a mistake than a wish: it is refused, by its number."""
    if file is None:
        return []
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError("NO_FILE", f"{file} cannot be read: {error}", USAGE) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise CommandError("INVALID_FIELD", f"themes: line {number} of {file} is empty", USAGE)
    if not lines:
        raise CommandError("INVALID_FIELD", f"themes: {file} is empty", USAGE)
    return lines


def shape_of(text: str) -> script_pb2.ScriptShape:
    if not (match := _SHAPE.fullmatch(text)):
        raise CommandError("INVALID_FIELD", f"shape: {text!r} is not CHAPTERSxSCENESxFRAMES, as 3x3x3", USAGE)
    chapters, scenes, frames = (int(number) for number in match.groups())
    return script_pb2.ScriptShape(chapters=chapters, scenes=scenes, frames=frames)


def _connect(server: str) -> BatchClient:
    return BatchClient(movies_address(server), credentials=credentials(server))


def _name(batch: str, project: str) -> str:
    return batch if "/" in batch else f"projects/{project}/batches/{batch}"


def _show(batch: Batch, *, as_json: bool) -> None:
    if as_json:
        print_json(batch)
    else:
        console().print(batch_view(batch))
