"""Shows a movie being made: bars with rate and time left on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from reelmill.client import Movie
from reelmill.v1 import movies_pb2

from .views import STAGES, stage_text

Status = movies_pb2.StageStatus
_LINE_EVERY = 5.0


def bars(output: Console) -> Progress:
    """Bars with counts, time passed and time left."""
    return Progress(
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}", style="dim"),
        console=output,
    )


class MovieProgress:
    """A context manager; give every snapshot of the movie to update()."""

    def __init__(self, output: Console, *, shown: bool = True) -> None:
        self._output = output
        self._shown = shown
        self._bars = bars(output) if shown and output.is_terminal else None
        self._tasks: dict[int, TaskID] = {}
        self._printed: dict[int, tuple[int, float]] = {}

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def update(self, movie: Movie) -> None:
        for status in movie.stages:
            if self._bars:
                self._draw(self._bars, status)
            elif self._shown:
                self._print(status)

    def _draw(self, shown: Progress, status: Status) -> None:
        if status.stage not in self._tasks:
            self._tasks[status.stage] = shown.add_task(
                STAGES.get(status.stage, "?"), start=False, total=None, words=""
            )
        task = self._tasks[status.stage]
        if status.state in (Status.STATE_RUNNING, Status.STATE_DONE) and not shown.tasks[task].started:
            shown.start_task(task)
        done = status.state == Status.STATE_DONE
        total = status.progress.total or (1 if done else None)
        words = "" if done else status.progress.message
        if status.state == Status.STATE_FAILED:
            words = "failed"
        shown.update(task, total=total, completed=total if done else status.progress.done, words=words)

    def _print(self, status: Status) -> None:
        if status.state in (Status.STATE_UNSPECIFIED, Status.STATE_WAITING):
            return
        before, when = self._printed.get(status.stage, (None, 0.0))
        now = time.monotonic()
        if before == status.state and (status.state != Status.STATE_RUNNING or now - when < _LINE_EVERY):
            return
        self._printed[status.stage] = (status.state, now)
        self._output.print(f"{STAGES.get(status.stage, '?'):<10} {stage_text(status)}", markup=False)
