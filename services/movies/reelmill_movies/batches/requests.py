"""What a batch may ask for. Nothing is started before all of it is checked; an error names the field."""

from reelmill.v1 import movies_pb2
from reelmill_kit import validation
from reelmill_kit.errors import invalid
from reelmill_kit.names import BatchName, ProjectName

from ..requests import RequestChecker
from .record import MOVIES_LIMIT

PARALLEL_LIMIT = 100
_DEFAULT_PARALLEL = 4
_DEFAULT_LIKENESS = 50
# All of a batch has to fit into one answer.
_THEMES_BYTES = 1_000_000
_OUTPUT_ONLY = (
    "name",
    "state",
    "items",
    "counts",
    "failure",
    "usage",
    "request_id",
    "revision",
    "create_time",
    "update_time",
    "end_time",
)


class BatchChecker:
    def __init__(self, movies: RequestChecker, *, can_invent: bool) -> None:
        self._movies = movies
        self._can_invent = can_invent

    async def check(self, request: movies_pb2.CreateBatchRequest) -> tuple[BatchName, str, movies_pb2.Batch]:
        """Returns the batch's name, the request id and what was asked for with its defaults filled in.

        Raises INVALID_FIELD naming the field.
        """
        project = ProjectName.parse(request.parent, "parent").project
        request_id = validation.request_id(request.request_id)
        batch = request.batch
        for field, _ in batch.ListFields():
            if field.name in _OUTPUT_ONLY:
                raise invalid(f"batch.{field.name}", "is set by the service; leave it out")
        themes = _themes(batch)
        count = batch.movies or len(themes)
        if not 1 <= count <= MOVIES_LIMIT:
            raise invalid("batch.movies", f"{count} is not 1 to {MOVIES_LIMIT}")
        if not themes and not self._can_invent:
            raise invalid("batch.themes", "is empty, and no script service is set up to invent themes")
        if len(themes) > count:
            raise invalid("batch.themes", f"has {len(themes)} themes for {count} movies")
        if not 0 <= batch.parallel <= PARALLEL_LIMIT:
            raise invalid("batch.parallel", f"{batch.parallel} is not 1 to {PARALLEL_LIMIT}")
        if not 0 <= batch.plot_likeness_percent <= 100:
            raise invalid("batch.plot_likeness_percent", f"{batch.plot_likeness_percent} is not 1 to 100")
        asked = movies_pb2.Batch(
            movies=count,
            themes=themes,
            genre=validation.genre(batch.genre, "batch.genre"),
            seed=batch.seed,
            parallel=batch.parallel or _DEFAULT_PARALLEL,
            plot_likeness_percent=batch.plot_likeness_percent or _DEFAULT_LIKENESS,
        )
        if batch.HasField("budget"):
            asked.budget.CopyFrom(validation.budget(batch.budget, "batch.budget"))
        asked.template.CopyFrom(await self._template(project, batch.template))
        return BatchName.for_request(project, request_id), request_id, asked

    async def _template(self, project: str, template: movies_pb2.Movie) -> movies_pb2.Movie:
        """What all movies have in common, checked as a movie is."""
        for name in ("theme", "genre", "seed", "story_key"):
            if getattr(template, name):
                raise invalid(f"batch.template.{name}", "is each movie's own; leave it out of the template")
        movie = movies_pb2.Movie()
        movie.CopyFrom(template)
        movie.theme = "any"  # a movie has to have one
        checked = await self._movies.check_movie(project, movie, "batch.template")
        checked.ClearField("theme")
        return checked


def _themes(batch: movies_pb2.Batch) -> list[str]:
    if len(batch.themes) > MOVIES_LIMIT:
        raise invalid("batch.themes", f"has {len(batch.themes)} themes; at most {MOVIES_LIMIT} are allowed")
    themes = [validation.theme(theme, f"batch.themes[{index}]") for index, theme in enumerate(batch.themes)]
    if (size := sum(len(theme.encode()) for theme in themes)) > _THEMES_BYTES:
        raise invalid("batch.themes", f"has {size} bytes; at most {_THEMES_BYTES} are allowed")
    return themes
