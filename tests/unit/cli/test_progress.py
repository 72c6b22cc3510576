"""A movie being made, as a terminal and as a log see it."""

import io

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from reelmill.cli.progress import MovieProgress, Pace
from reelmill.cli.views import duration
from reelmill.client.bar import Bar
from reelmill.v1 import common_pb2
from reelmill.v1 import movies_pb2 as pb


def test_pace_is_measured_from_what_was_seen() -> None:
    pace = Pace()
    pace.see(10.0, 2)
    assert pace.rate is None
    pace.see(14.0, 10)
    assert pace.rate == 2.0
    assert pace.left(10, 30) == 10.0
    pace.see(15.0, 10)  # nothing new yet: the rate stays
    assert pace.rate == 2.0


def test_pace_forgets_how_slow_the_beginning_was() -> None:
    pace = Pace(window=10)
    for second in range(0, 100, 20):
        pace.see(second, second // 20)
    for second in range(100, 120):
        pace.see(second, 2 * second)
    assert pace.rate == 2.0


def test_without_a_terminal_progress_is_a_line_now_and_then() -> None:
    now = 0.0
    out = io.StringIO()
    with MovieProgress(Console(file=out, width=100), clock=lambda: now) as progress:
        for done in range(31):
            progress.update(_rendering(done))
            now += 0.5
        progress.update(_rendering(30, pb.StageStatus.STATE_DONE))
        progress.update(_rendering(30, pb.StageStatus.STATE_DONE))
    lines = out.getvalue().splitlines()
    assert 4 < len(lines) < 9
    assert "frames" in lines[0]
    assert "12/30, 2.0/s, 9 s left" in out.getvalue()
    assert lines[-1].split() == ["frames", "30", "done", "in", "15", "s"]


def test_on_a_terminal_progress_is_a_table() -> None:
    out = io.StringIO()
    with MovieProgress(Console(file=out, width=100, force_terminal=True)) as progress:
        progress.update(_rendering(7))
    assert "7/30" in out.getvalue()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (59.4, "59 s"), (125, "2 min 05 s"), (-3, "0 s")]
)
def test_durations_are_written_for_people(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def _rendering(done: int, state: pb.StageStatus.State.ValueType = pb.StageStatus.STATE_RUNNING) -> pb.Movie:
    status = pb.StageStatus(
        stage=common_pb2.STAGE_RENDER,
        state=state,
        progress=common_pb2.Progress(done=done, total=30),
        start_time=Timestamp(seconds=100),
        end_time=Timestamp(seconds=115),
    )
    return pb.Movie(stages=[status])


def test_a_bar_is_shown_on_a_terminal_and_nowhere_else() -> None:
    shown = {}
    for terminal in (True, False):
        output = io.StringIO()
        with Bar("frames", console=Console(file=output, force_terminal=terminal, width=100)) as bar:
            bar(3, 27)
            bar.told(common_pb2.Progress(message="drawing", done=27, total=27))
        shown[terminal] = output.getvalue()
    assert "frames" in shown[True]
    assert "27/27" in shown[True]
    assert "drawing" in shown[True]
    assert shown[False] == ""
