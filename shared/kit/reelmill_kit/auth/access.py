"""Which call needs which role, and where its request says whose project it is about. The only such place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import Message

from ..errors import Reason, ReelmillError
from ..names import BatchName, MovieName, ProjectName, ReleaseName
from .callers import Caller, Role


class _Name(Protocol):
    @property
    def project(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A field with a resource's name; `optional`: it may be empty."""

    field: str
    what: str
    parse: Callable[[str, str], _Name]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    role: Role
    places: tuple[Place, ...]
    """Empty: the call is about no project."""

    def check(self, request: Message, caller: Caller) -> None:
        """Raises NOT_FOUND where the caller has no part in the project, the same whether there is something
        or not; PERMISSION_DENIED where its role does not suffice; INVALID_FIELD where a name is none."""
        for place in self.places:
            text: Any = request
            for part in place.field.split("."):
                text = getattr(text, part)
            if place.optional and not text:
                continue
            if not caller.sees(place.parse(text, place.field).project):
                raise ReelmillError(
                    Reason.NOT_FOUND, f"there is no {place.what} {text}", **{place.what: str(text)}
                )
        if caller.role < self.role:
            raise ReelmillError(
                Reason.PERMISSION_DENIED,
                f"this needs the role {self.role.name.lower()}, and the token's is "
                f"{caller.role.name.lower()}; ask whoever issues tokens for another one",
                role=self.role.name.lower(),
            )


def _project(field: str = "parent") -> Place:
    return Place(field, "project", ProjectName.parse)


def _movie(field: str = "name", *, optional: bool = False) -> Place:
    return Place(field, "movie", MovieName.parse, optional)


_BATCH = Place("name", "batch", BatchName.parse)
_RELEASE = Place("name", "release", ReleaseName.parse)


def _rules(service: str, **rules: Rule) -> dict[str, Rule]:
    return {f"/reelmill.v1.{service}/{name}": rule for name, rule in rules.items()}


def _read(*places: Place) -> Rule:
    return Rule(Role.READER, places)


def _make(*places: Place) -> Rule:
    return Rule(Role.MAKER, places)


RULES: dict[str, Rule] = {
    **_rules(
        "MovieService",
        CreateMovie=_make(_project()),
        GetMovie=_read(_movie()),
        ListMovies=_read(_project()),
        WatchMovie=_read(_movie()),
        PauseMovie=_make(_movie()),
        ResumeMovie=_make(_movie()),
        CancelMovie=_make(_movie()),
        RetryMovie=_make(_movie()),
        DeleteMovie=Rule(Role.ADMIN, (_movie(),)),
        ForecastMovie=_read(_project()),
        GetProjectUsage=_read(_project()),
        CreateBatch=_make(_project()),
        GetBatch=_read(_BATCH),
        ListBatches=_read(_project()),
        WatchBatch=_read(_BATCH),
        PauseBatch=_make(_BATCH),
        ResumeBatch=_make(_BATCH),
        CancelBatch=_make(_BATCH),
    ),
    **_rules(
        "ScriptService",
        WriteScript=_make(_movie("movie")),
        ForecastScript=_read(_movie("script.movie", optional=True)),
        InventThemes=_make(_project()),
    ),
    **_rules("StyleService", LearnStyle=_make(_project(), _movie("movie", optional=True))),
    **_rules("RenderService", RenderFrames=_make(_movie("movie"))),
    **_rules("QaService", WriteQuestions=_make(_movie("movie")), ForecastQuestions=_read()),
    **_rules(
        "DatasetService",
        ExportMovie=_make(_movie("movie")),
        CreateRelease=_make(_project()),
        GetRelease=_read(_RELEASE),
        ListReleases=_read(_project()),
        VerifyRelease=_read(_RELEASE),
    ),
    **_rules("BenchmarkService", RunBenchmark=_make(Place("release", "release", ReleaseName.parse))),
}
"""By the method's full name as gRPC has it; what is not here is refused."""
