"""The commands up, down and status: the stack on this machine, run by the package reelmill-local."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from .output import AsJson, CommandError, console, notices, print_json

if TYPE_CHECKING:
    from reelmill_local.stack import LocalStack

Folder = Annotated[Path, typer.Option(envvar="REELMILL_FOLDER", help="Takes the stack's data and logs.")]
_DEFAULT_FOLDER = Path(".reelmill")


def up(
    folder: Folder = _DEFAULT_FOLDER,
    detach: Annotated[
        bool, typer.Option("--detach/--foreground", "-d/-f", help="Leave it running, or end it with Ctrl-C.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Start NATS, S3, Triton and the services on this machine."""
    stack = _stack(folder, quiet=as_json)
    if not detach:
        from reelmill_local.cli import up as run_in_foreground

        run_in_foreground(folder=folder)
        return
    from reelmill_local.stack import StackError

    try:
        started = stack.start()
    except StackError as error:
        raise CommandError("STACK_FAILED", str(error)) from error
    if as_json:
        print_json({"started": started, "folder": str(stack.folder), "addresses": stack.addresses})
        return
    console().print("the stack is ready" if started else "the stack runs already")
    table = Table.grid(padding=(0, 2))
    for name, address in stack.addresses.items():
        table.add_row(name, address)
    console().print(table)


def down(folder: Folder = _DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Stop the stack; what it stored stays."""
    stack = _stack(folder, quiet=as_json)
    from reelmill_local.stack import StackError

    running = stack.is_running()
    try:
        stack.stop()
    except StackError as error:
        raise CommandError("STACK_FAILED", str(error)) from error
    if as_json:
        print_json({"stopped": running, "folder": str(stack.folder)})
    else:
        console().print(
            "the stack has ended" if running else f"no stack runs in {stack.folder}", markup=False
        )


def status(folder: Folder = _DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Show the stack's processes; ends with 1 where none runs."""
    stack = _stack(folder, quiet=as_json)
    from reelmill_local.stack import NotRunningError

    try:
        found = stack.status()
    except NotRunningError as error:
        raise CommandError("NOT_RUNNING", f"{error}; start it with `reelmill up`") from error
    if as_json:
        # The environment holds the keys of the store.
        print_json({key: value for key, value in found.items() if key != "environment"})
        return
    table = Table("process", "state", "address", "restarts", "memory", box=None, header_style="dim")
    for process in found["processes"]:
        memory = f"{process['memory_mb']:.0f} MB" if process["memory_mb"] else "-"
        table.add_row(process["name"], process["state"], process["address"], str(process["restarts"]), memory)
    console().print(table)


def _stack(folder: Path, *, quiet: bool) -> "LocalStack":
    """Raises CommandError where the package is not installed: it is needed for nothing else."""
    try:
        from reelmill_local.stack import LocalStack
    except ImportError as error:
        raise CommandError(
            "NOT_INSTALLED",
            f"the local stack is not installed here ({error}); in a clone of the repository run "
            "`make setup`, or name a server that runs elsewhere with --server",
        ) from error
    output = notices()
    return LocalStack(folder, report=lambda line: None if quiet else output.print(line, markup=False))
