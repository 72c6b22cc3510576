"""All commands, and the one place where errors become a line and an exit code."""

import typer

from . import artefacts, making, stack
from .output import grouped

app = typer.Typer(
    name="reelmill",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Make movies that teach machines, from one line of text.",
)

for command in (
    making.create,
    making.list_movies,
    making.get,
    making.watch,
    making.cancel,
    making.retry,
    making.delete,
):
    grouped(app, "Movies", command)
grouped(app, "Movies", artefacts.export)
for command in (stack.up, stack.down, stack.status):
    grouped(app, "A stack on this machine", command)


def main() -> None:
    app()
