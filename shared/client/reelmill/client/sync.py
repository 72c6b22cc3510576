"""The same clients without asyncio: in scripts, threads, and notebooks, where a loop runs already.

with MovieClient("127.0.0.1:50051") as movies:
    movie = movies.create("films", Movie(theme="A lighthouse keeper adopts a storm"))
    for movie in movies.watch(movie.name):
        print(Movie.State.Name(movie.state))
"""

from collections.abc import Mapping
from typing import Self

from . import artefacts, batches, benchmarks, movies, releases, scripts
from .background import Blocking, BlockingClient, blocking, iterating
from .channel import Credentials


class MovieClient(BlockingClient[movies.MovieClient]):
    """reelmill.client.MovieClient for callers that wait. Methods raise CallError."""

    def __init__(
        self,
        address: str,
        *,
        credentials: Credentials | None = None,
        timeout: float = 30.0,
        patience: float = 120.0,
    ) -> None:
        super().__init__(
            lambda: movies.MovieClient(address, credentials=credentials, timeout=timeout, patience=patience)
        )

    create = blocking(movies.MovieClient.create)
    get = blocking(movies.MovieClient.get)
    page = blocking(movies.MovieClient.page)
    all = iterating(movies.MovieClient.all)
    pause = blocking(movies.MovieClient.pause)
    resume = blocking(movies.MovieClient.resume)
    cancel = blocking(movies.MovieClient.cancel)
    retry = blocking(movies.MovieClient.retry)
    delete = blocking(movies.MovieClient.delete)
    forecast = blocking(movies.MovieClient.forecast)
    usage = blocking(movies.MovieClient.usage)
    watch = iterating(movies.MovieClient.watch)
    wait = blocking(movies.MovieClient.wait)


class BatchClient(BlockingClient[batches.BatchClient]):
    """reelmill.client.BatchClient for callers that wait. Methods raise CallError."""

    def __init__(
        self,
        address: str,
        *,
        credentials: Credentials | None = None,
        timeout: float = 30.0,
        patience: float = 120.0,
    ) -> None:
        super().__init__(
            lambda: batches.BatchClient(address, credentials=credentials, timeout=timeout, patience=patience)
        )

    create = blocking(batches.BatchClient.create)
    get = blocking(batches.BatchClient.get)
    page = blocking(batches.BatchClient.page)
    pause = blocking(batches.BatchClient.pause)
    resume = blocking(batches.BatchClient.resume)
    cancel = blocking(batches.BatchClient.cancel)
    watch = iterating(batches.BatchClient.watch)


class ScriptClient(BlockingClient[scripts.ScriptClient]):
    """reelmill.client.ScriptClient for callers that wait. Methods raise CallError."""

    def __init__(self, address: str, *, credentials: Credentials | None = None) -> None:
        super().__init__(lambda: scripts.ScriptClient(address, credentials=credentials))

    invent_themes = blocking(scripts.ScriptClient.invent_themes)


class ReleaseClient(BlockingClient[releases.ReleaseClient]):
    """reelmill.client.ReleaseClient for callers that wait. Methods raise CallError."""

    def __init__(
        self, address: str, *, credentials: Credentials | None = None, timeout: float = 30.0
    ) -> None:
        super().__init__(lambda: releases.ReleaseClient(address, credentials=credentials, timeout=timeout))

    create = blocking(releases.ReleaseClient.create)
    get = blocking(releases.ReleaseClient.get)
    page = blocking(releases.ReleaseClient.page)
    verify = blocking(releases.ReleaseClient.verify)


class BenchmarkClient(BlockingClient[benchmarks.BenchmarkClient]):
    """reelmill.client.BenchmarkClient's `run` for callers that wait; releases have their own client here."""

    def __init__(
        self, address: str, *, credentials: Credentials | None = None, timeout: float = 30.0
    ) -> None:
        super().__init__(
            lambda: benchmarks.BenchmarkClient(address, credentials=credentials, timeout=timeout)
        )

    run = blocking(benchmarks.BenchmarkClient.run)


class ArtefactStore(Blocking[artefacts.ArtefactStore]):
    """reelmill.client.ArtefactStore for callers that wait. Methods raise DownloadError."""

    def __init__(
        self, endpoint: str, access_key: str, secret_key: str, region: str = "us-east-1", ca: str = ""
    ) -> None:
        super().__init__(lambda: artefacts.ArtefactStore(endpoint, access_key, secret_key, region, ca))

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Self:
        """As reelmill.client.ArtefactStore.from_settings."""
        return cls(*artefacts.store_settings(settings))

    upload = blocking(artefacts.ArtefactStore.upload)
    files = blocking(artefacts.ArtefactStore.files)
    download = blocking(artefacts.ArtefactStore.download)
