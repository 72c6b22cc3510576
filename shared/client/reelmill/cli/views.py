"""How movies look to people."""

import time

from google.protobuf.timestamp_pb2 import Timestamp
from rich.table import Table
from rich.text import Text

from reelmill.client import Batch, Movie
from reelmill.v1 import common_pb2, movies_pb2

STATES = {
    Movie.State.Name(value).removeprefix("STATE_").lower(): value
    for value in Movie.State.values()
    if value != Movie.STATE_UNSPECIFIED
}
CHARACTERS = {
    "descriptions": movies_pb2.CHARACTER_IDENTITY_DESCRIPTIONS,
    "learned-tokens": movies_pb2.CHARACTER_IDENTITY_LEARNED_TOKENS,
}
STAGES = {
    common_pb2.STAGE_SCRIPT: "script",
    common_pb2.STAGE_STYLE: "style",
    common_pb2.STAGE_RENDER: "frames",
    common_pb2.STAGE_QA: "questions",
    common_pb2.STAGE_DATASET: "dataset",
}
_COLOURS = {
    Movie.STATE_RUNNING: "cyan",
    Movie.STATE_SUCCEEDED: "green",
    Movie.STATE_FAILED: "red",
    Movie.STATE_CANCELLED: "yellow",
}


def state_text(state: Movie.State.ValueType) -> Text:
    name = Movie.State.Name(state).removeprefix("STATE_").lower()
    return Text(name, style=_COLOURS.get(state, ""))


def movie_view(movie: Movie) -> Table:
    """A movie's fields and stages, line by line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")

    def row(label: str, value: str | Text) -> None:
        if value:
            table.add_row(label, value if isinstance(value, Text) else Text(value))

    shape = movie.shape
    total = frames_of(movie)
    row("movie", movie.name)
    row("title", movie.title)
    row("theme", movie.theme)
    row("story", movie.story_key)
    row("genre", movie.genre)
    row("state", state_text(movie.state).append(", paused" if movie.paused else "", "yellow"))
    row("priority", str(movie.priority or ""))
    row("shape", f"{shape.chapters} x {shape.scenes} x {shape.frames} = {total} frames")
    row("style", movie.style.keyword or movie.style_name)
    if movie.character_identity == movies_pb2.CHARACTER_IDENTITY_LEARNED_TOKENS:
        row("characters", "learned tokens")
    for stage in movie.stages:
        row(STAGES.get(stage.stage, "?"), stage_text(stage))
    if movie.HasField("failure"):
        row("failure", Text(f"{movie.failure.message} ({movie.failure.reason})", style="red"))
    row("language models", usage_text(movie))
    row("files", movie.artefacts_uri)
    return table


def frames_of(movie: Movie) -> int:
    """How many there are to draw: some scenes of a story have fewer than the shape says."""
    counted = [one.progress.total for one in movie.stages if one.stage == common_pb2.STAGE_RENDER]
    return max([*counted, 0]) or movie.shape.chapters * movie.shape.scenes * movie.shape.frames


def usage_text(movie: Movie | Batch) -> str:
    """12 calls, 34,567 tokens, 0.0123 of 5 / nothing where none was asked."""
    usage, budget = movie.usage, movie.budget
    if not usage.calls and not movie.HasField("budget"):
        return ""
    tokens = f"{usage.input_tokens + usage.output_tokens:,}" + (
        f" of {budget.tokens:,} tokens" if budget.tokens else " tokens"
    )
    cost = f"{usage.cost_micros / 1e6:.4g}" if usage.cost_micros or budget.cost_micros else ""
    limit = f" of {budget.cost_micros / 1e6:g}" if budget.cost_micros else ""
    return ", ".join(part for part in (f"{usage.calls} calls", tokens, f"{cost}{limit}") if part)


def stage_text(status: movies_pb2.StageStatus) -> str:
    """done in 12 s / running, 14/27, drawing frames"""
    state = movies_pb2.StageStatus.State.Name(status.state).removeprefix("STATE_").lower()
    if status.state == movies_pb2.StageStatus.STATE_DONE:
        return f"done in {duration(seconds(status.end_time) - seconds(status.start_time))}"
    progress = status.progress
    count = f"{progress.done}/{progress.total}" if progress.total else ""
    return ", ".join(part for part in (state, count, progress.message) if part)


def age(movie: Movie | Batch) -> str:
    return duration(time.time() - seconds(movie.create_time))


def seconds(stamp: Timestamp) -> float:
    return stamp.seconds + stamp.nanos / 1e9


def duration(length: float) -> str:
    """8 s / 2 min 05 s / 3 h 20 min / 4 days"""
    whole = max(0, round(length))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} days"
