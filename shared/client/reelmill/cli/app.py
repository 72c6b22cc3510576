"""All commands, and the one place where errors become a line and an exit code."""

from importlib import metadata
from typing import Annotated

import typer

from . import artefacts, batches, benchmarks, bus_users, certificates, costs, making, releases, stack, tokens
from .output import forgiving, grouped
from .themes import themes
from .trial import trial

app = typer.Typer(
    name="reelmill",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Make movies that teach machines, from one line of text.",
)

grouped(
    app,
    "Movies",
    making.create,
    making.list_movies,
    making.get,
    making.watch,
    making.pause,
    making.resume,
    making.cancel,
    making.retry,
    making.delete,
    artefacts.export,
    costs.forecast,
    costs.usage,
    themes,
    trial,
)
batch = typer.Typer(no_args_is_help=True, help="Make many movies of one request, a few at a time.")
grouped(
    batch,
    "Batches",
    batches.create,
    batches.list_batches,
    batches.get,
    batches.watch,
    batches.pause,
    batches.resume,
    batches.cancel,
)
app.add_typer(batch, name="batch", rich_help_panel="Movies")
release = typer.Typer(no_args_is_help=True, help="Make, list, check and fetch datasets of many movies.")
grouped(
    release,
    "Releases",
    releases.create,
    releases.list_releases,
    releases.get,
    releases.verify,
    releases.download,
)
app.add_typer(release, name="release", rich_help_panel="Datasets")
benchmark = typer.Typer(no_args_is_help=True, help="Say what models understood of a release's movies.")
grouped(benchmark, "Benchmarks", benchmarks.run)
app.add_typer(benchmark, name="benchmark", rich_help_panel="Datasets")
token = typer.Typer(no_args_is_help=True, help="Keys and tokens of your own, for an evaluation.")
grouped(token, "Tokens", tokens.key, tokens.keys, tokens.mint)
app.add_typer(token, name="token", rich_help_panel="An installation")
tls = typer.Typer(no_args_is_help=True, help="Certificates of your own, for an evaluation.")
grouped(tls, "Certificates", certificates.ca, certificates.certificate)
app.add_typer(tls, name="tls", rich_help_panel="An installation")
nats = typer.Typer(no_args_is_help=True, help="Keys and rights of those who use NATS.")
grouped(nats, "Users of NATS", bus_users.users, bus_users.config, bus_users.rights)
app.add_typer(nats, name="nats", rich_help_panel="An installation")
grouped(app, "A stack on this machine", stack.up, stack.down, stack.status)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        try:
            print(metadata.version("reelmill"))
        except metadata.PackageNotFoundError:
            print("not installed: run from its sources")
        raise typer.Exit


def main() -> None:
    forgiving()
    app()
