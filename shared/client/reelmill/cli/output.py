"""What commands print: results on stdout, all else on stderr; JSON for programs, one line for an error."""

import asyncio
import functools
import inspect
import io
import json
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer
from google.protobuf import json_format
from google.protobuf.message import Message
from rich.console import Console

from reelmill.client import CallError, DownloadError

from .identity import OPTIONS, choose

FAILED = 1
USAGE = 2
INTERRUPTED = 130
_UNFOLDED = 250

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class CommandError(Exception):
    """A command cannot go on; `reason` as in CallError."""

    def __init__(self, reason: str, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.exit_code = exit_code


def console() -> Console:
    """For results; where they go to a file or a program, lines are not folded."""
    width = None if sys.stdout.isatty() else _UNFOLDED
    return Console(file=sys.stdout, highlight=False, soft_wrap=True, width=width)


def notices() -> Console:
    """For progress and errors."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def print_json(value: Message | dict[str, Any]) -> None:
    """One object on one line."""
    content = json_format.MessageToDict(value) if isinstance(value, Message) else value
    text = json.dumps(content, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(content)  # other signs are escaped as JSON has it
    print(text, flush=True)


def forgiving() -> None:
    """Signs that a terminal does not have are escaped: a title in another language is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def grouped(app: typer.Typer, panel: str, *commands: Callable[..., Any]) -> None:
    """Adds commands, plain or async ones; `list_movies` becomes `list`."""
    for command in commands:
        name = "list" if command.__name__.startswith("list_") else command.__name__
        app.command(name, rich_help_panel=panel)(_guarded(command))


def _guarded(command: Callable[..., Any]) -> Callable[..., None]:
    """Every command that calls a server can be told as whom."""
    signature = inspect.signature(command)
    calls = "server" in signature.parameters

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            if calls:
                choose(kwargs.pop("token_file"), kwargs.pop("tls_ca"))
            result = command(*args, **kwargs)
            if inspect.iscoroutine(result):
                _run(result)
        except CallError as error:
            _fail(error.reason, error.message, FAILED, error.metadata, as_json=kwargs.get("as_json", False))
        except CommandError as error:
            _fail(error.reason, error.message, error.exit_code, {}, as_json=kwargs.get("as_json", False))
        except DownloadError as error:
            _fail("DOWNLOAD_FAILED", str(error), FAILED, {}, as_json=kwargs.get("as_json", False))
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError:
            sys.stderr.close()  # whoever read our output has gone
            raise typer.Exit(FAILED) from None
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if os.environ.get("REELMILL_TRACEBACK"):
                raise
            message = f"unexpected {type(error).__name__}: {error}; REELMILL_TRACEBACK=1 shows where"
            _fail("INTERNAL", message, FAILED, {}, as_json=kwargs.get("as_json", False))

    if calls:
        parameters = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
            for name, kind in OPTIONS.items()
        ]
        run.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*signature.parameters.values(), *parameters]
        )
        run.__annotations__ = {**run.__annotations__, **OPTIONS}
    return run


def _run(work: Coroutine[Any, Any, Any]) -> None:
    asyncio.run(work)


def _fail(reason: str, message: str, code: int, metadata: dict[str, str], *, as_json: bool) -> None:
    line = " ".join(message.split())
    if as_json:
        error = {"reason": reason, "message": line, "metadata": metadata}
        print(json.dumps({"error": error}, ensure_ascii=False), file=sys.stderr)
    else:
        notices().print("error:", style="bold red", end=" ")
        notices().print(f"{line} ({reason})", markup=False)
    raise typer.Exit(code)
