"""What a release is asked to be. Pure."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

from reelmill.v1 import dataset_pb2
from reelmill_kit import validation
from reelmill_kit.errors import invalid
from reelmill_kit.names import MovieName, ProjectName, ReleaseName

from ..films import seconds_per_frame

Format = dataset_pb2.ExportFormat
TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)
_MOVIES = 10_000
_TITLE = 200
_LICENSE = 60
# Raised when the same request would get other files: a maker of another version begins anew, and does not go
# on with what the one before has kept.
_MAKING = 2
FORMATS: tuple[int, ...] = tuple(value for value in Format.values() if value)
# Their rows name a movie's video file.
OF_VIDEOS = frozenset(
    {
        dataset_pb2.EXPORT_FORMAT_LLAVA_VIDEO,
        dataset_pb2.EXPORT_FORMAT_QWEN_VL,
        dataset_pb2.EXPORT_FORMAT_LLAMA_FACTORY,
        dataset_pb2.EXPORT_FORMAT_VIDEO_MME,
        dataset_pb2.EXPORT_FORMAT_MLVU,
        dataset_pb2.EXPORT_FORMAT_LONG_VIDEO_BENCH,
        dataset_pb2.EXPORT_FORMAT_FILM,
    }
)


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A checked request, its movies sorted."""

    name: ReleaseName
    title: str
    movies: tuple[MovieName, ...]
    formats: tuple[int, ...]
    validation_percent: int
    test_percent: int
    seconds_per_frame: float
    videos: bool
    license: str

    @classmethod
    def parse(cls, request: dataset_pb2.CreateReleaseRequest) -> Self:
        """Raises INVALID_FIELD naming the field."""
        project = ProjectName.parse(request.parent, "parent").project
        release = request.release
        for field, _ in release.ListFields():
            if field.name in ("name", "create_time", "digest", "size", "files", "frames", "questions", "uri"):
                raise invalid(f"release.{field.name}", "is set by the service; leave it out")
        splits = release.splits
        for field_name in ("validation_percent", "test_percent"):
            if not 0 <= getattr(splits, field_name) <= 100:
                raise invalid(f"release.splits.{field_name}", "is not 0 to 100")
        held_out = (splits.validation_percent, splits.test_percent)
        if splits.train_only and any(held_out):
            raise invalid("release.splits.train_only", "and percentages exclude each other")
        if sum(held_out) > 100:
            raise invalid("release.splits", "percentages are more than 100 together")
        if held_out == (0, 0) and not splits.train_only:
            held_out = (10, 10)
        return cls(
            name=ReleaseName.of(project, request.release_id, "release_id"),
            title=validation.text(release.title, "release.title", _TITLE, empty=True),
            movies=_movies(release, project),
            formats=_formats(release),
            validation_percent=held_out[0],
            test_percent=held_out[1],
            seconds_per_frame=seconds_per_frame(
                release.video.seconds_per_frame, "release.video.seconds_per_frame"
            ),
            videos=not release.video.skip,
            license=validation.text(release.license, "release.license", _LICENSE, empty=True) or "CC-BY-4.0",
        )

    def digest(self) -> str:
        """The same for requests of the same content, whatever the release's name: 64 hexadecimal digits."""
        asked: list[Any] = [
            1,  # the form of this list
            self.title,
            [str(movie) for movie in self.movies],
            self.formats,
            [self.validation_percent, self.test_percent],
            self.seconds_per_frame,
            self.videos,
            self.license,
        ]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    def files_digest(self) -> str:
        """The same for requests that get the same files: 64 hexadecimal digits."""
        return hashlib.sha256(f"{_MAKING} {self.digest()}".encode()).hexdigest()

    def split(self, movie: MovieName) -> str:
        """By the movie's name alone: it stays where it is in every release with these percentages."""
        place = int(hashlib.sha256(str(movie).encode()).hexdigest()[:8], 16) * 100 / 2**32
        if place < self.test_percent:
            return TEST
        return VALIDATION if place < self.test_percent + self.validation_percent else TRAIN

    def message(self) -> dataset_pb2.Release:
        """As the record says it."""
        return dataset_pb2.Release(
            name=str(self.name),
            title=self.title,
            movies=[str(movie) for movie in self.movies],
            formats=self.formats,  # type: ignore[arg-type]
            splits=dataset_pb2.SplitOptions(
                validation_percent=self.validation_percent,
                test_percent=self.test_percent,
                train_only=not (self.validation_percent or self.test_percent),
            ),
            video=dataset_pb2.VideoOptions(seconds_per_frame=self.seconds_per_frame, skip=not self.videos),
            license=self.license,
        )


def format_name(value: Any) -> str:
    """LLAVA_VIDEO and so on."""
    return Format.Name(value).removeprefix("EXPORT_FORMAT_")


def _movies(release: dataset_pb2.Release, project: str) -> tuple[MovieName, ...]:
    if not 1 <= len(release.movies) <= _MOVIES:
        raise invalid("release.movies", f"has {len(release.movies)} movies; a release has 1 to {_MOVIES}")
    names = []
    for index, text in enumerate(release.movies):
        name = MovieName.parse(text, f"release.movies[{index}]")
        if name.project != project:
            raise invalid(f"release.movies[{index}]", f"{text!r} is not of project {project!r}")
        names.append(name)
    if len(set(names)) < len(names):
        again = next(name for name in names if names.count(name) > 1)
        raise invalid("release.movies", f"has {again} more than once")
    return tuple(sorted(names, key=str))


def _formats(release: dataset_pb2.Release) -> tuple[int, ...]:
    for index, value in enumerate(release.formats):
        if value not in FORMATS:
            raise invalid(f"release.formats[{index}]", f"{value} is no export format")
        if release.video.skip and value in OF_VIDEOS:
            raise invalid(
                f"release.formats[{index}]", f"{format_name(value)} names video files; do not skip them"
            )
    possible = [value for value in FORMATS if not (release.video.skip and value in OF_VIDEOS)]
    return tuple(value for value in possible if not release.formats or value in release.formats)
