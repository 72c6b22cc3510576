"""How batches look to people: as they are, and while they are watched."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reelmill.client import Batch, Movie

from .progress import Pace
from .views import duration, usage_text
from .views import state_text as movie_state_text

_COLOURS = {
    Batch.STATE_RUNNING: "cyan",
    Batch.STATE_PAUSED: "magenta",
    Batch.STATE_SUCCEEDED: "green",
    Batch.STATE_FAILED: "red",
    Batch.STATE_CANCELLED: "yellow",
}
_COUNTS = ("succeeded", "running", "waiting", "failed", "cancelled", "dropped")
_LINE_EVERY = 3.0
_SHOWN = 12  # movies under way that a terminal has room for


def state_text(state: Batch.State.ValueType) -> Text:
    name = Batch.State.Name(state).removeprefix("STATE_").lower()
    return Text(name, style=_COLOURS.get(state, ""))


def counts_text(batch: Batch) -> str:
    """12 succeeded, 4 running, 84 waiting, 1 dropped"""
    return ", ".join(f"{count} {name}" for name in _COUNTS if (count := getattr(batch.counts, name)))


def batch_view(batch: Batch) -> Table:
    """A batch's fields, line by line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")

    def row(label: str, value: str | Text) -> None:
        if value:
            table.add_row(label, value if isinstance(value, Text) else Text(value))

    shape = batch.template.shape
    row("batch", batch.name)
    row("state", state_text(batch.state))
    row("movies", f"{batch.movies}, {batch.parallel} at a time: {counts_text(batch)}")
    row("shape", f"{shape.chapters} x {shape.scenes} x {shape.frames}")
    row("style", batch.template.style.keyword or batch.template.learned_style)
    if batch.HasField("failure"):
        row("failure", Text(f"{batch.failure.message} ({batch.failure.reason})", style="red"))
    row("language models", usage_text(batch))
    return table


def items_view(batch: Batch) -> Table:
    """A line for each movie, with the plots that were dropped for it."""
    table = Table("", "movie", "state", "genre", "theme", "dropped", box=None, header_style="dim")
    for item in batch.items:
        dropped = ", ".join(f"{plot.likeness_percent} % like {_last(plot.like)}" for plot in item.dropped)
        state = movie_state_text(item.state) if item.state else Text("waiting", style="dim")
        table.add_row(str(item.index), _last(item.movie), state, item.genre, Text(item.theme[:60]), dropped)
    return table


@dataclass
class BatchProgress:
    """Shows a batch as it changes: a live table on a terminal, plain lines elsewhere."""

    console: Console
    shown: bool = True
    clock: Callable[[], float] = time.monotonic
    _pace: Pace = field(default_factory=lambda: Pace(window=600.0))
    _printed: tuple[str, float] = ("", float("-inf"))
    _live: Live | None = None

    def __enter__(self) -> Self:
        if self.shown and self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=4)
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.__exit__(kind, error, trace)

    def update(self, batch: Batch) -> None:
        """Shows this state of the batch."""
        self._pace.see(self.clock(), _done(batch))
        if self._live:
            self._live.update(self._picture(batch))
        elif self.shown:
            self._print_line(batch)

    def _picture(self, batch: Batch) -> Group:
        done = _done(batch)
        bar = Table.grid(padding=(0, 2))
        total = max(1, batch.movies)
        bar.add_row(
            state_text(batch.state),
            ProgressBar(total, done, width=40, complete_style="cyan", finished_style="green"),
            f"{done}/{batch.movies}",
            self._words(batch),
        )
        movies = Table(box=None, show_header=False, padding=(0, 2))
        running = [item for item in batch.items if item.state in (Movie.STATE_PENDING, Movie.STATE_RUNNING)]
        for item in running[:_SHOWN]:
            movies.add_row(
                str(item.index), _last(item.movie), movie_state_text(item.state), Text(item.theme[:60])
            )
        if len(running) > _SHOWN:
            movies.add_row("", f"and {len(running) - _SHOWN} more")
        return Group(bar, movies)

    def _words(self, batch: Batch) -> str:
        left = self._pace.left(_done(batch), batch.movies)
        ended = batch.state not in (Batch.STATE_PENDING, Batch.STATE_RUNNING)
        time_left = "" if left is None or ended else f"{duration(left)} left"
        return ", ".join(part for part in (counts_text(batch), time_left) if part)

    def _print_line(self, batch: Batch) -> None:
        now, state = self.clock(), state_text(batch.state).plain
        before, when = self._printed
        if before == state and now - when < _LINE_EVERY:
            return
        self._printed = (state, now)
        self.console.print(f"  {state:<10} {self._words(batch)}", highlight=False)


def _done(batch: Batch) -> int:
    return batch.counts.succeeded + batch.counts.failed + batch.counts.cancelled


def _last(name: str) -> str:
    return name.rpartition("/")[2]
