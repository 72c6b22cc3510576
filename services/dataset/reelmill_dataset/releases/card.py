"""The data card: README.md as Hugging Face reads it, YAML in front and what people want to know below."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from .plots import plots
from .request import SPLITS, ReleaseRequest, format_name
from .statistics import Statistics

if TYPE_CHECKING:
    from .maker import File

LEVELS = ("movie", "chapter", "scene", "frame")
KINDS = ("overview", "plot", "temporal", "count", "character", "detail")
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def card(request: ReleaseRequest, statistics: Statistics, files: "Iterable[File]") -> bytes:
    """The same release, the same card: no time stands in it."""
    paths = {file.path for file in files}
    tables = ("questions", "captions", "lineage")
    configs = [(name, _data_files(paths, f"{name}/{{}}.jsonl")) for name in tables]
    if any(path.startswith("parquet/") for path in paths):
        configs = [(name, _data_files(paths, f"parquet/{name}/{{}}.parquet")) for name in tables]
        pictures = [split for split in SPLITS if any(p.startswith(f"parquet/frames/{split}/") for p in paths)]
        configs.insert(0, ("frames", [(split, f"parquet/frames/{split}/*.parquet") for split in pictures]))
    environment = Environment(
        loader=PackageLoader("reelmill_dataset.releases"),
        autoescape=False,  # noqa: S701 - it is Markdown, and what users wrote is put on one line
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    frames = sum(statistics.frames.values())
    text = environment.get_template("card.md.j2").render(
        request=request,
        title=request.title or request.name.release,
        s=statistics,
        frames=frames,
        movies=sum(statistics.movies.values()),
        questions=sum(statistics.questions.values()),
        size=next((name for limit, name in _SIZES if frames < limit), "n>1M"),
        configs=configs,
        splits=[split for split in SPLITS if statistics.movies[split]],
        levels=LEVELS,
        kinds=KINDS,
        formats=[format_name(value) for value in request.formats],
        length=_length(statistics.seconds),
        # The writers without a language model write English; what a model writes follows its theme.
        english=set(statistics.writers) <= {"script: offline", "questions: offline"},
        plots=plots(statistics),
    )
    return text.encode()


def _length(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"


def _data_files(paths: set[str], pattern: str) -> list[tuple[str, str]]:
    """The splits that there are, and where."""
    return [(split, pattern.format(split)) for split in SPLITS if pattern.format(split) in paths]
