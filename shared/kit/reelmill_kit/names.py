"""Names: resources, object keys, subjects. The only place that knows how they are put together."""

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from reelmill.v1 import common_pb2

from .errors import invalid

if TYPE_CHECKING:
    Stage: TypeAlias = common_pb2.Stage.ValueType
else:
    Stage = int  # what protobuf's enums are at run time

_ID = r"[a-z][a-z0-9-]{0,61}[a-z0-9]|[a-z]"
_PROJECT = re.compile(rf"projects/({_ID})")
_MOVIE = re.compile(rf"projects/({_ID})/movies/({_ID})")
_BATCH = re.compile(rf"projects/({_ID})/batches/({_ID})")
_RELEASE_ID = re.compile(r"[a-z](?:[a-z0-9.-]{0,61}[a-z0-9])?")
_RELEASE = re.compile(rf"projects/({_ID})/releases/({_RELEASE_ID.pattern})")
_FORM = "1 to 63 of a-z, 0-9 and '-', beginning with a letter, not ending with '-'"

STAGE_NAMES: dict[Stage, str] = {
    common_pb2.STAGE_SCRIPT: "script",
    common_pb2.STAGE_STYLE: "style",
    common_pb2.STAGE_RENDER: "render",
    common_pb2.STAGE_QA: "qa",
    common_pb2.STAGE_DATASET: "dataset",
}


@dataclass(frozen=True, slots=True)
class ProjectName:
    project: str

    @classmethod
    def parse(cls, text: str, field: str) -> "ProjectName":
        """Raises INVALID_FIELD naming `field` unless the text is `projects/{project}`."""
        if not (match := _PROJECT.fullmatch(text)):
            raise invalid(field, f"{_shown(text)} is not 'projects/{{project}}' with an id of {_FORM}")
        return cls(match[1])

    def __str__(self) -> str:
        return f"projects/{self.project}"

    @property
    def usage_prefix(self) -> str:
        """Below it, what deleted movies have cost."""
        return f"{self}/usage/"

    def style_prefix(self, digest: str) -> str:
        return f"{self}/styles/{digest}/"


@dataclass(frozen=True, slots=True)
class MovieName:
    project: str
    movie: str

    @classmethod
    def parse(cls, text: str, field: str) -> "MovieName":
        """Raises INVALID_FIELD naming `field` unless the text is `projects/{project}/movies/{movie}`."""
        if not (match := _MOVIE.fullmatch(text)):
            raise invalid(
                field, f"{_shown(text)} is not 'projects/{{project}}/movies/{{movie}}' with ids of {_FORM}"
            )
        return cls(match[1], match[2])

    @classmethod
    def for_request(cls, project: str, request_id: str) -> "MovieName":
        """The movie that a request makes: the same request always names the same movie."""
        digest = hashlib.sha256(f"{project}\n{request_id}".encode()).hexdigest()
        return cls(project, f"m-{digest[:16]}")

    def __str__(self) -> str:
        return f"projects/{self.project}/movies/{self.movie}"

    # Object keys: every artefact of the movie lies under `prefix`.

    @property
    def prefix(self) -> str:
        return f"{self}/"

    @property
    def request_key(self) -> str:
        return f"{self}/movie.json"

    @property
    def script_key(self) -> str:
        return f"{self}/script.json"

    @property
    def questions_key(self) -> str:
        return f"{self}/questions.json"

    @property
    def captions_key(self) -> str:
        return f"{self}/captions.json"

    @property
    def manifest_key(self) -> str:
        return f"{self}/manifest.json"

    def frame_key(self, index: int) -> str:
        return f"{self}/frames/{index:06d}.png"

    def lineage_key(self, index: int) -> str:
        return f"{self}/frames/{index:06d}.json"

    def export_key(self, file: str) -> str:
        return f"{self}/exports/{file}"

    # Subjects.

    def job_subject(self, stage: Stage) -> str:
        return f"reelmill.jobs.{STAGE_NAMES[stage]}.{self.project}.{self.movie}"

    @property
    def any_job_subject(self) -> str:
        return f"reelmill.jobs.*.{self.project}.{self.movie}"

    def waiting_subject(self, stage: Stage, priority: int, since: int, block: int) -> str:
        return f"reelmill.waiting.{STAGE_NAMES[stage]}.{self.project}.{self.movie}.{priority}.{since}.{block}"

    @property
    def any_waiting_subject(self) -> str:
        return f"reelmill.waiting.*.{self.project}.{self.movie}.>"

    def event_subject(self, entity: str, verb: str) -> str:
        return f"reelmill.events.{self.project}.{entity}.{verb}"

    def frame_subject(self, index: int) -> str:
        return f"reelmill.frames.{self.project}.{self.movie}.{index}"

    @property
    def any_frame_subject(self) -> str:
        return f"reelmill.frames.{self.project}.{self.movie}.*"

    @property
    def kv_key(self) -> str:
        return f"{self.project}.{self.movie}"


@dataclass(frozen=True, slots=True)
class BatchName:
    project: str
    batch: str

    @classmethod
    def parse(cls, text: str, field: str) -> "BatchName":
        """Raises INVALID_FIELD naming `field` unless the text is `projects/{project}/batches/{batch}`."""
        if not (match := _BATCH.fullmatch(text)):
            raise invalid(
                field, f"{_shown(text)} is not 'projects/{{project}}/batches/{{batch}}' with ids of {_FORM}"
            )
        return cls(match[1], match[2])

    @classmethod
    def for_request(cls, project: str, request_id: str) -> "BatchName":
        """The batch that a request makes: the same request always names the same batch."""
        digest = hashlib.sha256(f"{project}\n{request_id}".encode()).hexdigest()
        return cls(project, f"b-{digest[:16]}")

    def __str__(self) -> str:
        return f"projects/{self.project}/batches/{self.batch}"

    def movie(self, item: int, attempt: int) -> MovieName:
        """The movie that is made for an item; no request id makes the same, for they have one line."""
        digest = hashlib.sha256(f"{self}\n{item}\n{attempt}".encode()).hexdigest()
        return MovieName(self.project, f"m-{digest[:16]}")

    # Object keys.

    @property
    def prefix(self) -> str:
        return f"{self}/"

    @property
    def record_key(self) -> str:
        return f"{self}/batch.json"

    def themes_key(self, digest: str) -> str:
        """Themes of a request with this digest: two requests never write the same object."""
        return f"{self}/themes-{digest[:16]}.json"

    def plot_key(self, movie: MovieName) -> str:
        return f"{self}/plots/{movie.movie}.json"

    def event_subject(self, verb: str) -> str:
        return f"reelmill.events.{self.project}.batch.{verb}"

    @property
    def kv_key(self) -> str:
        return f"{self.project}.{self.batch}"


@dataclass(frozen=True, slots=True)
class ReleaseName:
    project: str
    release: str

    @classmethod
    def parse(cls, text: str, field: str) -> "ReleaseName":
        """Raises INVALID_FIELD naming `field` unless the text is `projects/{project}/releases/{release}`."""
        if not (match := _RELEASE.fullmatch(text)):
            raise invalid(
                field,
                f"{_shown(text)} is not 'projects/{{project}}/releases/{{release}}' with ids of {_FORM}; "
                "a release's may have '.' too",
            )
        return cls(match[1], match[2])

    @classmethod
    def of(cls, project: str, release_id: str, field: str) -> "ReleaseName":
        """Raises INVALID_FIELD naming `field` unless the id is 1 to 63 of a-z, 0-9, '-' and '.'."""
        if not _RELEASE_ID.fullmatch(release_id):
            raise invalid(
                field,
                f"{_shown(release_id)} is not 1 to 63 of a-z, 0-9, '-' and '.', beginning with a letter, "
                "ending with a letter or digit",
            )
        return cls(project, release_id)

    def __str__(self) -> str:
        return f"projects/{self.project}/releases/{self.release}"

    # Object keys: the record alone lies where releases are listed.

    @property
    def record_key(self) -> str:
        return f"{self}.json"

    def files_prefix(self, digest: str) -> str:
        """Where the files of a request with this digest lie: two requests never write the same object."""
        return f"projects/{self.project}/release-files/{self.release}/{digest[:16]}/"

    def report_prefix(self, digest: str) -> str:
        """Where a benchmark's report lies; `digest` is of all that it follows from."""
        return f"projects/{self.project}/benchmarks/{self.release}/{digest[:16]}/"

    def judgements_prefix(self, digest: str) -> str:
        """`digest` is of the questions and answers: judgements of these serve every report on them."""
        return f"projects/{self.project}/benchmarks/{self.release}/judgements-{digest[:16]}/"

    @property
    def attempts_prefix(self) -> str:
        """An object here says that files were begun below `files_prefix` of its last part."""
        return f"projects/{self.project}/release-attempts/{self.release}/"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
