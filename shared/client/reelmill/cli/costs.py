"""The commands `forecast` and `usage`: what language models will cost, and have cost."""

from typing import Annotated

import typer
from rich.table import Table

from reelmill.client import Movie
from reelmill.v1 import common_pb2

from .batches import shape_of
from .connection import DEFAULT_PROJECT, Project, Server, connect
from .output import AsJson, console, print_json


async def forecast(
    theme: Annotated[str, typer.Argument(help="What the movie is about, in a sentence or a few.")],
    shape: Annotated[str, typer.Option(help="Chapters x scenes x frames.")] = "3x3x3",
    project: Project = DEFAULT_PROJECT,
    server: Server = "",
    as_json: AsJson = False,
) -> None:
    """Say what a movie would ask of language models, and make nothing."""
    async with connect(server) as client:
        told = await client.forecast(project, Movie(theme=theme, shape=shape_of(shape)))
    if as_json:
        print_json(told)
        return
    table = Table("", "calls", "tokens in", "tokens out", "cost", "by", box=None, header_style="dim")
    table.add_row("script", *_row(told.script), told.script_writer)
    table.add_row("questions", *_row(told.qa), told.qa_writer)
    table.add_row("together", *_row(told.usage), "")
    console().print(table)
    console().print(f"{told.frames:,} frames, up to {told.questions:,} questions", markup=False)


async def usage(project: Project = DEFAULT_PROJECT, server: Server = "", as_json: AsJson = False) -> None:
    """Say what a project's movies have asked of language models, deleted ones included."""
    async with connect(server) as client:
        told = await client.usage(project)
    if as_json:
        print_json(told)
        return
    table = Table("movies", "calls", "tokens in", "tokens out", "cost", box=None, header_style="dim")
    table.add_row(f"{told.movies:,}", *_row(told.usage))
    console().print(table)


def _row(usage: common_pb2.Usage) -> tuple[str, str, str, str]:
    counts = (usage.calls, usage.input_tokens, usage.output_tokens)
    calls, read, written = (f"{count:,}" for count in counts)
    return calls, read, written, f"{usage.cost_micros / 1e6:.4g}" if usage.cost_micros else "-"
