"""The data card's plots: bars, as SVG for pages dark or light. The same numbers give the same bytes."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from .request import SPLITS
from .statistics import Statistics

FOLDER = "plots"
_MOST = 15  # rows; the rest is one more
_WIDEST = 26  # of a label, in letters as wide as "n"


@dataclass(frozen=True, slots=True)
class Bar:
    """`value` and `mark`, a line to compare with, are on the plot's scale; `text` stands behind the bar."""

    label: str
    value: float
    text: str
    mark: float | None = None
    second: bool = False  # in the other colour: what it became


@dataclass(frozen=True, slots=True)
class Plot:
    """`scale`: the value of a whole bar."""

    file: str
    title: str
    bars: Sequence[Bar]
    scale: float
    note: str = ""

    @property
    def path(self) -> str:
        return f"{FOLDER}/{self.file}.svg"


def plots(statistics: Statistics) -> list[Plot]:
    """Those that there is something to show for."""
    found = [
        _counts("sizes", "Frames", [(split, statistics.frames[split]) for split in SPLITS]),
        _counts("genres", "Movies by genre", statistics.genres.most_common()),
        _counts("styles", "Movies by style", statistics.styles.most_common()),
        _counts("kinds", "Questions by kind", _kinds(statistics)),
        _blind_test(statistics),
        _counts(
            "scores", "Place of a frame's own text among all of the judge's", _ranks(statistics.text_ranks)
        ),
        _counts(
            "style-scores",
            "Place of a frame's own style among all of the judge's",
            _ranks(statistics.style_ranks),
        ),
    ]
    return [plot for plot in found if plot.bars]


def svg(plot: Plot) -> bytes:
    environment = Environment(
        loader=PackageLoader("reelmill_dataset.releases"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("plot.svg.j2").render(plot=plot).encode()


def _counts(file: str, title: str, counts: Iterable[tuple[str, int]]) -> Plot:
    rows = [(label, count) for label, count in counts if count]
    if len(rows) > _MOST:
        rows = [*rows[: _MOST - 1], ("others", sum(count for _, count in rows[_MOST - 1 :]))]
    bars = [Bar(_short(label), count, f"{count:,}") for label, count in rows]
    return Plot(file, title, bars, max((bar.value for bar in bars), default=1))


def _kinds(statistics: Statistics) -> list[tuple[str, int]]:
    kinds: dict[str, int] = {}
    for name, count in statistics.questions.items():
        kind = name.split("/")[1]
        kinds[kind] = kinds.get(kind, 0) + count
    return sorted(kinds.items(), key=lambda row: (-row[1], row[0]))


def _blind_test(statistics: Statistics) -> Plot:
    views = {"question": "question alone", "choices": "with choices", "shuffled": "shuffled frames"}
    bars = []
    for view, trial in statistics.trials.items():
        chance = trial.chance / trial.asked if trial.asked else None
        for when, right, asked in (
            ("before", trial.right, trial.asked),
            ("after", trial.kept_right, trial.kept_asked),
        ):
            if asked:
                share = right / asked
                label = f"{views.get(view, view)}, {when}"
                bars.append(Bar(label, share, f"{100 * share:.0f} %", chance, when == "after"))
    note = "The line is what guessing gives. After: what could be answered without the movie is out."
    return Plot("blind-test", "Right answers without the movie", bars, 1, note)


def _ranks(ranks: Counter[str]) -> list[tuple[str, int]]:
    return [(name, ranks[name]) for name in ("first", "2 to 5", "6 to 20", "below")]


def _short(label: str) -> str:
    """What there is room for; Chinese, Japanese and Korean characters are twice as wide."""
    room = _WIDEST
    for place, character in enumerate(label):
        room -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if room < 0:
            return label[: place - 1].rstrip() + "…"
    return label
