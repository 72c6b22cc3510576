"""Calls a Reelmill server, and fetches what it made.

async with MovieClient("127.0.0.1:50051") as movies:
    movie = await movies.create("films", Movie(theme="A lighthouse keeper adopts a storm"))
    async for movie in movies.watch(movie.name):
        print(Movie.State.Name(movie.state))

`reelmill.client.sync` has the same without asyncio, `reelmill.client.errors` a class for each error's reason.
"""

from reelmill.v1.movies_pb2 import Batch, Movie

from . import errors
from .artefacts import Artefact, ArtefactStore, DownloadError
from .batches import BATCH_ENDED, BatchClient
from .benchmarks import BenchmarkClient
from .channel import Credentials
from .errors import CallError
from .failures import failure_error
from .movies import ENDED, MovieClient
from .releases import ReleaseClient
from .scripts import ScriptClient

__all__ = [
    "BATCH_ENDED",
    "ENDED",
    "Artefact",
    "ArtefactStore",
    "Batch",
    "BatchClient",
    "BenchmarkClient",
    "CallError",
    "Credentials",
    "DownloadError",
    "Movie",
    "MovieClient",
    "ReleaseClient",
    "ScriptClient",
    "errors",
    "failure_error",
]
