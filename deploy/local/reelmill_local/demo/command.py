"""`reelmill-local demo`."""

import asyncio
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from reelmill_local.demo.wish import DEFAULT_THEME, DemoError, DemoMovie
from reelmill_local.stack import LocalStack, StackError


def demo(
    theme: Annotated[str, typer.Option(help="What the movie is about, in one line.")] = DEFAULT_THEME,
    shape: Annotated[str, typer.Option(help="Chapters x scenes x frames.")] = "3x3x3",
    seed: Annotated[int, typer.Option(help="The same seed and theme make the same movie.")] = 7,
    keep: Annotated[bool, typer.Option(help="Leave the stack running afterwards.")] = False,
    folder: Annotated[Path, typer.Option(help="Takes the stack's data and logs, and the movie.")] = Path(
        ".reelmill"
    ),
) -> None:
    """Make a movie from one line and show where it is."""
    from reelmill_local.demo.run import make_movie  # pictures and pages: of no use to the supervisor

    console = Console(soft_wrap=True)
    sizes = re.fullmatch(r"(\d{1,2})x(\d{1,2})x(\d{1,2})", shape)
    if not sizes:
        raise typer.BadParameter(
            f"{shape!r} is not chapters x scenes x frames, such as 3x3x3", param_hint="--shape"
        )
    chapters, scenes, frames = map(int, sizes.groups())
    stack = LocalStack(folder, report=lambda line: console.print(f"  {line}", highlight=False, markup=False))
    console.print("[bold]Starting the stack[/]: NATS, S3, Triton and seven services")
    started = False
    done = False
    try:
        started = stack.start(bound_to_caller=not keep)
        if not started:
            console.print("  it runs already")
        wish = DemoMovie(theme=theme, shape=(chapters, scenes, frames), seed=seed)
        result = asyncio.run(make_movie(stack, wish, console))
        done = True
    except (StackError, DemoError) as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("\nstopped")
        raise typer.Exit(130) from None
    finally:
        if started and not (keep and done):
            stack.stop()
    console.print("\n[bold]Your movie is ready.[/]\n")
    for label, path in (
        ("storyboard", result.storyboard),
        ("contact sheet", result.contact_sheet),
        ("film", result.film),
        ("everything", result.folder),
    ):
        console.print(f"  {label:<14} {path}", highlight=False, markup=False)
    if started and not keep:
        console.print("\nThe stack has been stopped; `make up` starts it again, with this movie in it.")
