"""A progress bar for downloads and other work that tells how far it is."""

import sys
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from reelmill.v1 import common_pb2


class Bar:
    """A bar with counts, time passed and time left, on a terminal's stderr; elsewhere nothing.

    with Bar("frames") as bar:
        store.download(movie.artefacts_uri, folder, only="frames/*.png", progress=bar)
    """

    def __init__(self, title: str = "files", *, shown: bool = True, console: Console | None = None) -> None:
        output = console or Console(file=sys.stderr)
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[words]}", style="dim"),
            console=output,
            disable=not (shown and output.is_terminal),
        )
        self._task = self._bars.add_task(title, total=None, words="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, done: int, total: int) -> None:
        """The `progress` of ArtefactStore.download."""
        self._bars.update(self._task, completed=done, total=total)

    def told(self, progress: common_pb2.Progress) -> None:
        """The `told` of ReleaseClient and BenchmarkClient."""
        self._bars.update(
            self._task, completed=progress.done, total=progress.total or None, words=progress.message
        )
