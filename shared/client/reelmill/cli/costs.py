"""The commands `forecast` and `usage`: what movies will cost, and what they have used."""

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
    """Say what a project's movies have used, deleted ones included, and what its limits leave."""
    async with connect(server) as client:
        told = await client.usage(project)
    if as_json:
        print_json(told)
        return
    table = Table("", "calls", "tokens in", "tokens out", "cost", box=None, header_style="dim")
    for entry in told.stages:
        stage = common_pb2.Stage.Name(entry.stage).removeprefix("STAGE_").lower()
        table.add_row(stage, *_row(entry.usage))
    table.add_row(f"{told.movies:,} movies, {told.frames:,} frames", *_row(told.usage))
    console().print(table)
    limits = Table("", "used", "limit", "begins anew", box=None, header_style="dim")
    for label, allowance, unit in (
        ("movies under way", told.movies_running, 1),
        ("frames today", told.frames_today, 1),
        ("cost this month", told.cost_micros_this_month, 1_000_000),
    ):
        limit = f"{allowance.limit / unit:,.10g}" if allowance.HasField("limit") else "none"
        renewed = allowance.renew_time
        when = f"{renewed.ToDatetime():%Y-%m-%d %H:%M} UTC" if renewed.seconds else "when one ends"
        limits.add_row(label, f"{allowance.used / unit:,.10g}", limit, when)
    console().print(limits)


def _row(usage: common_pb2.Usage) -> tuple[str, str, str, str]:
    counts = (usage.calls, usage.input_tokens, usage.output_tokens)
    calls, read, written = (f"{count:,}" for count in counts)
    return calls, read, written, f"{usage.cost_micros / 1e6:.4g}" if usage.cost_micros else "-"
