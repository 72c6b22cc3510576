"""The command `reelmill-features`: a downloaded release's pictures through the user's own encoder."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from reelmill_kit.errors import ReelmillError, invalid

from .encoder import load_encoder, parse_shape
from .files import chosen, write_features
from .release import DownloadedRelease

app = typer.Typer(pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})


@app.command()
def features(
    release: Annotated[Path, typer.Argument(help="A downloaded release with the format llama-vid.")],
    encoder: Annotated[
        str,
        typer.Option(
            help="package.module:factory; what the factory returns takes a list of pictures and returns "
            "an array [pictures, tokens, width]. Code of yours: it runs as you."
        ),
    ],
    shape: Annotated[
        str, typer.Option(help="Tokens of a picture and their width; the default is LLaMA-VID's own.")
    ] = "257x1408",
    out: Annotated[Path, typer.Option(help="Folder that gets story_feat/; made when missing.")] = Path(),
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    movies: Annotated[
        list[str] | None, typer.Option("--movie", help="More than once; without: all of the split.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=4096, help="Pictures encoded at a time.")] = 16,
) -> None:
    """Write LLaMA-VID's features of each movie; asked again, it goes on where it was."""
    shown = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        if out.exists() and not out.is_dir():
            raise invalid("out", f"{out} is there and no folder")
        wanted = parse_shape(shape)
        found = DownloadedRelease(release, split)
        rows = list(chosen(found.inputs(), movies or []))
        encode = load_encoder(encoder)
        with Progress(*columns, console=shown, disable=not shown.is_terminal) as progress:
            task = progress.add_task("frames", total=None)
            for row in rows:
                write_features(
                    found,
                    row,
                    encode,
                    encoder,
                    wanted,
                    out,
                    batch,
                    lambda movie, done, total: progress.update(
                        task, description=movie, completed=done, total=total
                    ),
                )
    except ReelmillError as error:
        shown.print(
            f"error: {error.message} ({error.reason})",
            style="red",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    Console().print(
        f"{len(rows)} movies in {out / 'story_feat'}", highlight=False, markup=False, soft_wrap=True
    )


def main() -> None:
    app()
