"""The commands of `reelmill release`: create, list, get, verify, download."""

from pathlib import Path
from typing import Annotated

import typer
from google.protobuf import json_format
from rich.table import Table

from reelmill.client import ArtefactStore, Movie, ReleaseClient
from reelmill.client.bar import Bar
from reelmill.v1 import dataset_pb2

from .connection import (
    DEFAULT_PROJECT,
    Fitting,
    Project,
    connect,
    credentials,
    local_stack,
    movie_name,
    storage_settings,
)
from .output import USAGE, AsJson, CommandError, console, notices, print_json

_NAMES = {
    name.removeprefix("EXPORT_FORMAT_").lower().replace("_", "-"): value
    for name, value in dataset_pb2.ExportFormat.items()
    if value
}
DatasetServer = Annotated[
    str,
    typer.Option(
        "--server",
        envvar="REELMILL_DATASET_SERVER",
        help="DatasetService, host:port.",
        show_default="the stack that runs on this machine",
    ),
]
MoviesServer = Annotated[
    str,
    typer.Option(
        envvar="REELMILL_SERVER",
        help="MovieService, host:port; only for --all.",
        show_default="the stack that runs on this machine",
    ),
]
ReleaseArgument = Annotated[
    str, typer.Argument(metavar="RELEASE", help="projects/PROJECT/releases/RELEASE, or its last part.")
]


async def create(
    release: Annotated[str, typer.Argument(help='The release\'s id, for example "films-v1.0".')],
    movies: Annotated[
        list[str] | None, typer.Argument(help="Movies, by name or by the last part of it.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every movie of the project that succeeded.")] = False,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help=f"Can be given more than once; without: all. {', '.join(_NAMES)}."),
    ] = None,
    title: Annotated[str, typer.Option(help="For people.")] = "",
    validation: Annotated[int, typer.Option(min=0, max=100, help="Percent of the movies.")] = 10,
    test: Annotated[int, typer.Option(min=0, max=100, help="Percent of the movies.")] = 10,
    seconds_per_frame: Annotated[float, typer.Option(help="How long a video shows each frame.")] = 2.0,
    no_videos: Annotated[bool, typer.Option("--no-videos", help="Leave the video files out.")] = False,
    license_id: Annotated[str, typer.Option("--license", help="The data's licence, SPDX.")] = "CC-BY-4.0",
    project: Project = DEFAULT_PROJECT,
    server: DatasetServer = "",
    movies_server: MoviesServer = "",
    as_json: AsJson = False,
) -> None:
    """Make a dataset of finished movies. Asked again after it broke off, it goes on where it was."""
    if bool(movies) == every:
        raise CommandError("NO_MOVIES", "name the movies, or take all that succeeded with --all", USAGE)
    wanted = dataset_pb2.Release(
        title=title,
        movies=[movie_name(movie, project) for movie in movies or []],
        formats=[_format(name) for name in formats or []],
        splits=dataset_pb2.SplitOptions(
            validation_percent=validation, test_percent=test, train_only=not (validation or test)
        ),
        video=dataset_pb2.VideoOptions(seconds_per_frame=seconds_per_frame, skip=no_videos),
        license=license_id,
    )
    if every:
        async with connect(movies_server) as client:
            succeeded = client.all(project, states=[Movie.STATE_SUCCEEDED])
            wanted.movies.extend([movie.name async for movie in succeeded])
        if not wanted.movies:
            raise CommandError("NO_MOVIES", f"no movie of project {project} has succeeded yet")
    async with _connect(server) as client:
        with Bar("release", shown=not as_json) as bar:
            made = await client.create(project, release, wanted, bar.told)
    _show(made, as_json=as_json)


async def list_releases(
    project: Project = DEFAULT_PROJECT,
    fitting: Fitting = "",
    page_size: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    page_token: Annotated[str, typer.Option(help="Where the page before ended.")] = "",
    server: DatasetServer = "",
    as_json: AsJson = False,
) -> None:
    """List a project's releases, newest first."""
    async with _connect(server) as client:
        page = await client.page(project, fitting=fitting, page_size=page_size, page_token=page_token)
    releases, token = page.releases, page.next_page_token
    if as_json:
        rows = [json_format.MessageToDict(release) for release in releases]
        print_json({"releases": rows, "nextPageToken": token, "unreachable": list(page.unreachable)})
        return
    table = Table("release", "title", "movies", "frames", "questions", "size", box=None, header_style="dim")
    for release in releases:
        table.add_row(
            release.name.rpartition("/")[2],
            release.title,
            str(len(release.movies)),
            str(release.frames),
            str(release.questions),
            _size(release.size),
        )
    console().print(table if releases else f"no releases in project {project}")
    for name in page.unreachable:
        notices().print(f"{name} cannot be read; reelmill release get says why", style="red", markup=False)
    if token:
        notices().print(f"more: --page-token {token}", style="dim", markup=False)


async def get(
    release: ReleaseArgument,
    project: Project = DEFAULT_PROJECT,
    server: DatasetServer = "",
    as_json: AsJson = False,
) -> None:
    """Show a release."""
    async with _connect(server) as client:
        _show(await client.get(release_name(release, project)), as_json=as_json)


async def verify(
    release: ReleaseArgument,
    project: Project = DEFAULT_PROJECT,
    server: DatasetServer = "",
    as_json: AsJson = False,
) -> None:
    """Compare every stored file of a release with its checksum."""
    async with _connect(server) as client:
        with Bar("release", shown=not as_json) as bar:
            result = await client.verify(release_name(release, project), bar.told)
    wrong = [*result.missing, *result.changed, *result.unknown]
    if as_json:
        print_json({**json_format.MessageToDict(result), "whole": not wrong})
    else:
        for what in ("missing", "changed", "unknown"):
            for path in getattr(result, what):
                console().print(f"{what}: {path}", markup=False)
    if wrong:
        raise CommandError("NOT_WHOLE", f"{len(wrong)} of {result.files} files are not as they were released")
    if not as_json:
        console().print(f"{result.files} files, all as they were released")


async def download(
    release: ReleaseArgument,
    folder: Annotated[
        Path | None, typer.Argument(help="Made when missing.", show_default="./RELEASE")
    ] = None,
    project: Project = DEFAULT_PROJECT,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Files fetched at a time.")] = 8,
    server: DatasetServer = "",
    as_json: AsJson = False,
) -> None:
    """Fetch a release's files and check them; those that are there and right are not fetched again."""
    async with _connect(server) as client:
        found = await client.get(release_name(release, project))
    target = folder or Path(found.name.rpartition("/")[2])
    if target.exists() and not target.is_dir():
        raise CommandError("NOT_A_FOLDER", f"{target} is there and no folder", USAGE)
    store = ArtefactStore.from_settings(storage_settings())
    with Bar("release", shown=not as_json) as bar:
        files = await store.download(found.uri, target, parallel=parallel, progress=bar, sums=found.digest)
    size = sum(file.stat().st_size for file in files)
    if as_json:
        print_json(
            {"release": found.name, "folder": str(target.resolve()), "files": len(files), "bytes": size}
        )
    else:
        console().print(f"{len(files)} files, {_size(size)} in {target}", markup=False)


def dataset_address(server: str) -> str:
    """Where the dataset service is. Raises CommandError where no server is known."""
    address = server or str(local_stack().get("addresses", {}).get("dataset", ""))
    if not address:
        raise CommandError(
            "NO_SERVER",
            "no server is known: no stack runs on this machine (start one with `reelmill up`); "
            "or name one with --server or REELMILL_DATASET_SERVER",
        )
    return address


def _connect(server: str) -> ReleaseClient:
    return ReleaseClient(dataset_address(server), credentials=credentials(server))


def release_name(release: str, project: str) -> str:
    return release if "/" in release else f"projects/{project}/releases/{release}"


def _format(name: str) -> dataset_pb2.ExportFormat.ValueType:
    if name not in _NAMES:
        raise CommandError("UNKNOWN_FORMAT", f"{name!r} is none of {', '.join(_NAMES)}", USAGE)
    return _NAMES[name]


def _show(release: dataset_pb2.Release, *, as_json: bool) -> None:
    if as_json:
        print_json(release)
        return
    table = Table.grid(padding=(0, 2))
    for label, value in (
        ("release", release.name),
        ("title", release.title),
        ("movies", str(len(release.movies))),
        ("frames", str(release.frames)),
        ("questions", str(release.questions)),
        ("files", f"{release.files}, {_size(release.size)}"),
        ("licence", release.license),
        ("digest", release.digest),
        ("at", release.uri),
    ):
        if value:
            table.add_row(f"[dim]{label}[/]", value)
    console().print(table)


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
