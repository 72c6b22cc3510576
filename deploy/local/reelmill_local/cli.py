"""The command line `reelmill-local`."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from reelmill_local.control import ControlError, NotRunningError
from reelmill_local.demo.command import demo
from reelmill_local.names import SERVERS, SERVICES
from reelmill_local.stack import LocalStack, StackError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Reelmill on one machine, as local processes."
)
Folder = Annotated[Path, typer.Option(help="Takes the stack's data and logs.", envvar="REELMILL_FOLDER")]
app.command()(demo)
DEFAULT_FOLDER = Path(".reelmill")
ALL = ",".join((*SERVERS, *SERVICES))


def _report(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def _fail(message: str) -> typer.Exit:
    print(f"error: {message}", file=sys.stderr, flush=True)
    return typer.Exit(1)


@app.command()
def up(
    folder: Folder = DEFAULT_FOLDER,
    detach: Annotated[
        bool, typer.Option(help="Return when the stack is ready, and leave it running.")
    ] = False,
    only: Annotated[str, typer.Option(help="Which processes to run, separated by commas.")] = ALL,
    parent: Annotated[int, typer.Option(hidden=True)] = 0,
) -> None:
    """Start NATS, S3, Triton and the services; Ctrl-C ends them."""
    names = [name for name in only.split(",") if name]
    if unknown := sorted(set(names) - set(ALL.split(","))):
        raise _fail(f"no process {', '.join(unknown)}; there are {ALL}")
    if detach:
        _start_detached(LocalStack(folder, only=names, report=print))
        return
    _run_here(folder, names, parent)


def _run_here(folder: Path, names: list[str], parent: int) -> None:
    # What the supervisor imports takes a second; the other commands do without.
    from reelmill_local.process import StartError
    from reelmill_local.servers.programs import NotInstalledError
    from reelmill_local.supervisor import AlreadyRunningError, Supervisor

    try:
        asyncio.run(Supervisor(folder, names, _report, parent).run())
    except AlreadyRunningError as error:
        print(f"{error}; see `reelmill-local status`")
    except NotInstalledError as error:
        raise _fail(str(error)) from None
    except BaseExceptionGroup as group:
        expected, other = group.split(StartError)
        if expected is None or other is not None:
            raise
        raise _fail("\n".join(_messages(expected))) from None


def _messages(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return [line for inner in error.exceptions for line in _messages(inner)]
    return [str(error)]


def _start_detached(stack: LocalStack) -> None:
    try:
        started = stack.start()
    except StackError as error:
        raise _fail(f"the stack did not start:\n{error}") from None
    if not started:
        print(f"the stack in {stack.folder} runs already; other settings take effect after `make down`")
    print(f"  movies (gRPC)  {stack.addresses.get('movies', '-')}")
    print(f"  gateway (HTTP) {stack.addresses.get('gateway', '-')}")
    print(f"  all addresses  {stack.folder / 'stack.json'}")
    print(f"  logs           {stack.folder / 'logs'}")


@app.command()
def down(folder: Folder = DEFAULT_FOLDER) -> None:
    """Stop the stack; what it stored stays."""
    stack = LocalStack(folder)
    if not stack.is_running():
        print(f"no stack runs in {stack.folder}")
        return
    try:
        stack.stop()
    except StackError as error:
        raise _fail(str(error)) from None
    print(f"the stack in {stack.folder} has ended")


@app.command()
def status(
    folder: Folder = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the stack's processes; ends with 1 where none runs."""
    console = Console()
    try:
        answer = LocalStack(folder).status()
    except NotRunningError as error:
        raise _fail(str(error)) from None
    if as_json:
        console.print_json(data=answer)
        return
    table = Table("process", "state", "address", "pid", "restarts", "memory", box=None)
    for process in answer["processes"]:
        memory = f"{process['memory_mb']:.0f} MB" if process["memory_mb"] else "-"
        row = (
            process["name"],
            process["state"],
            process["address"],
            process["pid"] or "-",
            process["restarts"],
        )
        table.add_row(*map(str, row), memory)
    console.print(table)


@app.command()
def restart(name: str, folder: Folder = DEFAULT_FOLDER) -> None:
    """Stop one process in order and start it again."""
    _control(lambda stack: stack.restart(name), folder)


@app.command()
def kill(
    name: str,
    folder: Folder = DEFAULT_FOLDER,
    signal_name: Annotated[str, typer.Option("--signal", help="For example KILL, TERM, STOP.")] = "KILL",
) -> None:
    """Send a signal to one process, as a fault would; it is started again by itself."""
    _control(lambda stack: stack.kill(name, signal.Signals[f"SIG{signal_name}"]), folder)


def _control(action: Callable[[LocalStack], object], folder: Path) -> None:
    try:
        action(LocalStack(folder))
    except (NotRunningError, ControlError) as error:
        raise _fail(str(error)) from None
