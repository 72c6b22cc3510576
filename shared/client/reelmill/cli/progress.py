"""Shows a movie being made: a live table with rate and time left on a terminal, plain lines elsewhere."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table

from reelmill.client import Movie
from reelmill.v1 import movies_pb2

from .views import STAGES, duration, seconds

Status = movies_pb2.StageStatus
_LINE_EVERY = 3.0


class Pace:
    """How fast a stage goes now: measured over its last `window` seconds, steps in the stage's own unit."""

    def __init__(self, window: float = 30.0) -> None:
        self._window = window
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, now: float, done: int) -> None:
        """Notes that `done` steps were finished at `now`."""
        if self._seen and self._seen[-1][1] == done:
            return
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > self._window:
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Steps a second, or None before two counts were seen."""
        if len(self._seen) < 2:
            return None
        (begun, before), (now, done) = self._seen[0], self._seen[-1]
        return (done - before) / (now - begun) if now > begun and done > before else None

    def left(self, done: int, total: int) -> float | None:
        """Seconds to the stage's end at this rate."""
        return None if self.rate is None or total == 0 else max(0, total - done) / self.rate


@dataclass
class MovieProgress:
    """Shows a movie as it changes. Use it as a context manager; give every snapshot to update()."""

    console: Console
    shown: bool = True
    clock: Callable[[], float] = time.monotonic
    _paces: dict[int, Pace] = field(default_factory=dict)
    _printed: dict[int, tuple[int, float]] = field(default_factory=dict)
    _live: Live | None = None

    def __enter__(self) -> Self:
        if self.shown and self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=8)
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.__exit__(kind, error, trace)

    def update(self, movie: Movie) -> None:
        """Shows this state of the movie."""
        for status in movie.stages:
            if status.state == Status.STATE_RUNNING:
                self._paces.setdefault(status.stage, Pace()).see(self.clock(), status.progress.done)
        if self._live:
            self._live.update(self._table(movie))
        elif self.shown:
            self._print_lines(movie)

    def _table(self, movie: Movie) -> Table:
        table = Table.grid(padding=(0, 2))
        for status in movie.stages:
            progress = status.progress
            running = status.state == Status.STATE_RUNNING
            done = status.state == Status.STATE_DONE
            mark: str | Spinner = Spinner("dots") if running else "[green]✓[/]" if done else "[dim]·[/]"
            if status.state == Status.STATE_FAILED:
                mark = "[red]✗[/]"
            total = progress.total or 1
            completed = total if done else progress.done
            bar = ProgressBar(
                total,
                completed,
                width=28,
                style="bright_black",
                complete_style="cyan",
                finished_style="green",
            )
            table.add_row(mark, STAGES.get(status.stage, "?"), bar, self._words(status))
        return table

    def _words(self, status: Status) -> str:
        progress = status.progress
        if status.state == Status.STATE_DONE:
            taken = duration(seconds(status.end_time) - seconds(status.start_time))
            return f"{progress.total} done in {taken}" if progress.total else f"done in {taken}"
        if status.state != Status.STATE_RUNNING:
            return ""
        parts = [f"{progress.done}/{progress.total}"] if progress.total else []
        pace = self._paces.get(status.stage, Pace())
        if pace.rate is not None:
            parts.append(f"{pace.rate:.1f}/s" if pace.rate >= 0.1 else f"{60 * pace.rate:.1f}/min")
            left = pace.left(progress.done, progress.total)
            parts += [f"{duration(left)} left"] if left is not None else []
        return ", ".join([*parts, progress.message] if progress.message else parts)

    def _print_lines(self, movie: Movie) -> None:
        now = self.clock()
        for status in movie.stages:
            if status.state in (Status.STATE_UNSPECIFIED, Status.STATE_WAITING):
                continue
            before, when = self._printed.get(status.stage, (None, float("-inf")))
            ended = status.state != Status.STATE_RUNNING
            if before == status.state and (ended or now - when < _LINE_EVERY):
                continue
            self._printed[status.stage] = (status.state, now)
            words = self._words(status) or ("started" if not ended else "failed")
            self.console.print(f"  {STAGES.get(status.stage, '?'):<10} {words}", highlight=False)
