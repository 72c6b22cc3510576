"""What the chart's scaling of renderers costs and how long it lets movies wait, beside fixed fleets.

    make bench-scale            (or: python -m tests.bench.scale --days 5 --maximum 16)
    python -m tests.bench.scale --search

A day of bursty requests goes through the arithmetic of KEDA and of the horizontal pod autoscaler, with the
ScaledObjects that the chart renders, against simulated renderers.
"""

import argparse
import itertools
import json
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml  # type: ignore[import-untyped]
from rich.console import Console
from rich.table import Table

from tests.bench.scaling.autoscaler import Scaler
from tests.bench.scaling.day import a_day, one_request
from tests.bench.scaling.fleet import Outcome, Timing, simulate

ROOT = Path(__file__).resolve().parents[2]
CHART, HELM = ROOT / "helm" / "reelmill", ROOT / ".venv" / "chart" / "bin" / "helm"
_BOUND = 1.15
_TIMING = Timing()
_SEARCHED = {
    "JOBS": (24.0, 32.0, 48.0),
    "WAITING": (4.0, 8.0, 16.0, 32.0),
    "stabilization": (30.0, 60.0, 120.0, 300.0),
    "cooldown": (60.0, 120.0, 300.0),
}


@dataclass(frozen=True, slots=True)
class Figures:
    gpu_hours: float
    over_ideal: float
    first_median: float
    queue_median: float
    queue_p95: float
    done_p95: float
    most: int


def of_the_chart(name: str) -> Scaler:
    """The scaler of a deployment, as the chart renders it with its defaults."""
    command = [str(HELM), "template", "reelmill", str(CHART), "--set", "autoscaling=keda"]
    command += ["--api-versions", "keda.sh/v1alpha1/ScaledObject"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    objects = [one for one in yaml.safe_load_all(text) if one and one["kind"] == "ScaledObject"]
    return Scaler.of(next(o for o in objects if o["metadata"]["name"].endswith(f"-{name}")))


def figures(outcomes: Sequence[Outcome]) -> Figures:
    """Of several days together."""
    first = [seconds for outcome in outcomes for seconds in outcome.first_seconds]
    queue = [seconds for outcome in outcomes for seconds in outcome.queue_seconds]
    done = [seconds for outcome in outcomes for seconds in outcome.done_seconds]
    hours = sum(outcome.gpu_hours for outcome in outcomes)
    return Figures(
        gpu_hours=hours / len(outcomes),
        over_ideal=hours / sum(outcome.ideal_hours for outcome in outcomes),
        first_median=statistics.median(first),
        queue_median=statistics.median(queue),
        queue_p95=statistics.quantiles(queue, n=20)[-1],
        done_p95=statistics.quantiles(done, n=20)[-1],
        most=max(outcome.most for outcome in outcomes),
    )


def from_zero(timing: Timing, renderers: Scaler, workers: Scaler) -> float:
    """Seconds from when a movie can be drawn until its first frame is there, when nothing runs."""
    return simulate(one_request(), timing, renderers=renderers, workers=workers).first_seconds[0]


def search(timing: Timing, seeds: Sequence[int], renderers: Scaler) -> Iterator[tuple[Scaler, Figures]]:
    for jobs, waiting, stabilization, cooldown in itertools.product(*_SEARCHED.values()):
        scaler = replace(
            renderers,
            targets={"JOBS": jobs, "WAITING": waiting},
            stabilization=stabilization,
            cooldown=cooldown,
        )
        days = [simulate(a_day(seed), timing, renderers=scaler, workers=scaler) for seed in seeds]
        yield scaler, figures(days)


def compare(timing: Timing, seeds: Sequence[int], renderers: Scaler, workers: Scaler) -> dict[str, Figures]:
    scaled = figures([simulate(a_day(s), timing, renderers=renderers, workers=workers) for s in seeds])
    sizes = sorted({1, max(1, scaled.most // 2), scaled.most})
    fixed = {
        f"{size} all day": figures([simulate(a_day(s), timing, renderers=size) for s in seeds])
        for size in sizes
    }
    return {"scaled": scaled, **fixed}


def show(rows: dict[str, Figures]) -> None:
    table = Table(
        "renderers",
        "GPU hours a day",
        "over ideal",
        "first frame",
        "queue",
        "queue p95",
        "done p95",
        box=None,
    )
    for name, row in rows.items():
        table.add_row(
            name if row.most == 0 or "all day" in name else f"{name} (up to {row.most})",
            f"{row.gpu_hours:.1f}",
            f"{row.over_ideal:.2f}",
            f"{row.first_median:.0f} s",
            f"{row.queue_median:.0f} s",
            f"{row.queue_p95:.0f} s",
            f"{row.done_p95 / 60:.0f} min",
        )
    Console(width=110).print(table)


def show_search(found: Sequence[tuple[Scaler, Figures]]) -> None:
    """Those within the bound that no other beats in both of: when movies are done, how long they queue."""
    head = (
        "JOBS",
        "WAITING",
        "stabilization",
        "cooldown",
        "over ideal",
        "queue p95",
        "done p95",
        "first frame",
    )
    table = Table(*head, box=None)
    best = float("inf")
    within = [one for one in found if one[1].over_ideal <= _BOUND]
    for scaler, row in sorted(within, key=lambda one: (one[1].done_p95, one[1].queue_p95)):
        if row.queue_p95 >= best:
            continue
        best = row.queue_p95
        settings = (*scaler.targets.values(), scaler.stabilization, scaler.cooldown)
        measured = (f"{row.over_ideal:.3f}", f"{row.queue_p95:.0f} s", f"{row.done_p95 / 60:.0f} min")
        table.add_row(*(f"{value:g}" for value in settings), *measured, f"{row.first_median:.0f} s")
    console = Console(width=110)
    console.print(
        f"{len(within)} of {len(found)} within {_BOUND} of the ideal; of these, none better in both:"
    )
    console.print(table)


def main() -> None:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--days", type=int, default=5, help="different days (%(default)s)")
    parser.add_argument("--frame-seconds", type=float, default=_TIMING.frame, help="a frame (%(default).2f)")
    parser.add_argument("--load-seconds", type=float, default=_TIMING.load, help="a model (%(default)s)")
    parser.add_argument("--pod-seconds", type=float, default=_TIMING.pod, help="until it runs (%(default)s)")
    parser.add_argument("--maximum", type=int, help="renderers at most (the chart's)")
    parser.add_argument("--search", action="store_true", help="try other settings than the chart's")
    options = parser.parse_args()
    timing = Timing(options.frame_seconds, options.pod_seconds, options.load_seconds)
    renderers, workers = of_the_chart("triton"), of_the_chart("render")
    if options.maximum:
        renderers = replace(renderers, maximum=options.maximum)
        workers = replace(workers, maximum=options.maximum)
    seeds = range(options.days)
    if options.search:
        show_search(list(search(timing, seeds, renderers)))
        return
    rows = compare(timing, seeds, renderers, workers)
    show(rows)
    first = from_zero(timing, renderers, workers)
    print(f"\nfirst frame from zero: {first:.0f} s, of which the model loads {timing.load:.0f} s\n")
    scaled = rows["scaled"]
    told = {
        "gpu_hours_over_ideal": round(scaled.over_ideal, 3),
        "first_frame_seconds_from_zero": round(first - timing.load, 1),
        "first_frame_over_model_load": round(first / timing.load, 2),
        "model_load_seconds": timing.load,
        "queue_p95_seconds": round(scaled.queue_p95, 1),
        "queue_median_seconds": round(scaled.queue_median, 1),
        "done_p95_minutes": round(scaled.done_p95 / 60, 1),
        "gpu_hours_a_day": round(scaled.gpu_hours, 1),
        "bound_met": scaled.over_ideal <= _BOUND,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
