"""What the commands share: a bar, errors as one line, money, files that are there whole or not at all."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from reelmill_kit.errors import ReelmillError, invalid
from reelmill_llm import Budget, Llm, Usage


class Bar:
    """A bar on a terminal, and nothing elsewhere."""

    def __init__(self, *, shown: bool) -> None:
        output = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=output,
            disable=not shown or not output.is_terminal,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def report(self, message: str, done: int = 0, total: int = 0) -> None:
        self._progress.update(self._task, description=message, completed=done, total=total or None)


def guarded(run: Any) -> Any:
    """Errors of the catalogue become one line and exit code 1."""
    try:
        return run()
    except ReelmillError as error:
        console = Console(stderr=True, soft_wrap=True, highlight=False)
        console.print(f"error: {error.message} ({error.reason})", style="red", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def budget_of(cost: float, tokens: int, models: Sequence[Llm]) -> Budget:
    """Raises INVALID_FIELD for money where the models have no prices: nothing would ever cost any."""
    if cost and not all(model.cost(1_000_000, 1_000_000) for model in models):
        raise invalid(
            "budget", "money needs prices: set REELMILL_LLM_INPUT_PRICE and REELMILL_LLM_OUTPUT_PRICE"
        )
    return Budget(tokens, round(cost * 1e6))


def spent(usage: Usage) -> str:
    """ "12 calls, 3,456 tokens in, 78 out, cost 0.0123"."""
    calls = "1 call" if usage.calls == 1 else f"{usage.calls:,} calls"
    cost = f", cost {usage.cost_micros / 1e6:.4g}" if usage.cost_micros else ""
    return f"{calls}, {usage.input_tokens:,} tokens in, {usage.output_tokens:,} out{cost}"


def write_whole(path: Path, text: str) -> None:
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.write_text(text, encoding="utf-8")
    made.replace(path)


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
