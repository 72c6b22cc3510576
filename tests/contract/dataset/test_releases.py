"""Releases on a real S3 server: made by what is stopped in the middle, and by two at once."""

import asyncio
import uuid

import pytest

from reelmill.v1 import dataset_pb2
from reelmill_dataset.releases.stage import ReleaseStage
from reelmill_dataset.stage import DatasetStage
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import MovieName
from reelmill_kit.progress import silent
from reelmill_kit.store import S3Store
from tests.support.s3 import S3Server
from tests.unit.dataset.movies import MOVIE, finished_movie

pytestmark = pytest.mark.stack
COUNT = 3


class Films:
    """Finished movies of a project of their own."""

    def __init__(self, store: S3Store, project: str) -> None:
        self.store, self.project = store, project
        self.names = [MovieName(project, f"m-{n}") for n in range(COUNT)]

    def request(self, count: int = COUNT) -> dataset_pb2.CreateReleaseRequest:
        return dataset_pb2.CreateReleaseRequest(
            parent=f"projects/{self.project}",
            release_id="v1",
            release=dataset_pb2.Release(movies=[str(name) for name in self.names[:count]]),
        )

    async def files(self) -> set[str]:
        found = await self.store.list(f"projects/{self.project}/release-files/")
        return {info.key.split("/", 4)[4] for info in found}


@pytest.fixture
async def films(seaweedfs: S3Server) -> Films:
    store = S3Store(seaweedfs.settings)
    made = Films(store, f"p{uuid.uuid4().hex[:12]}")
    movie = await finished_movie()
    for name in made.names:
        for key, data in movie.objects.items():
            data = data.replace(str(MOVIE).encode(), str(name).encode())
            await store.put(key.replace(str(MOVIE), str(name)), data, "")
        await DatasetStage(store).run(dataset_pb2.ExportMovieRequest(movie=str(name)), silent)
    return made


async def test_a_release_is_whole_and_verifies(films: Films) -> None:
    stage = ReleaseStage(films.store)
    release = await stage.create(films.request(), silent)
    assert (release.frames, release.questions) == (8 * COUNT, 5 * COUNT)
    result = await stage.verify(release.name, silent)
    assert (list(result.missing), list(result.changed), list(result.unknown)) == ([], [], [])
    listed = await stage.list(dataset_pb2.ListReleasesRequest(parent=f"projects/{films.project}"))
    assert list(listed.releases) == [release]


async def test_a_maker_that_is_stopped_anywhere_leaves_nothing_to_see_and_the_next_goes_on(
    films: Films,
) -> None:
    stage = ReleaseStage(films.store)
    for seconds in (0.05, 0.15, 0.3):
        making = asyncio.create_task(stage.create(films.request(), silent))
        await asyncio.sleep(seconds)
        making.cancel()
        ended = await asyncio.gather(making, return_exceptions=True)
        if not isinstance(ended[0], BaseException):
            break  # a fast machine: it is made
        with pytest.raises(ReelmillError) as caught:
            await stage.get(f"projects/{films.project}/releases/v1")
        assert caught.value.reason is Reason.NOT_FOUND
    release = await stage.create(films.request(), silent)
    result = await stage.verify(release.name, silent)
    assert (list(result.missing), list(result.changed), list(result.unknown)) == ([], [], [])


async def test_of_two_releases_of_one_name_at_once_one_is_made(films: Films) -> None:
    stages = [ReleaseStage(films.store), ReleaseStage(films.store)]
    ended = await asyncio.gather(
        stages[0].create(films.request(), silent),
        stages[1].create(films.request(COUNT - 1), silent),
        return_exceptions=True,
    )
    made = [one for one in ended if isinstance(one, dataset_pb2.Release)]
    (lost,) = [one for one in ended if isinstance(one, ReelmillError)]
    assert lost.reason is Reason.ALREADY_EXISTS
    assert [await stages[0].get(f"projects/{films.project}/releases/v1")] == made
    prefixes = {path.split("/")[0] for path in await films.files()}
    assert prefixes == {made[0].uri.rstrip("/").rsplit("/", 1)[-1]}
    result = await stages[0].verify(made[0].name, silent)
    assert not result.missing


async def test_the_same_request_twice_at_once_is_one_release(films: Films) -> None:
    made = await asyncio.gather(
        *(ReleaseStage(films.store).create(films.request(), silent) for _ in range(2))
    )
    assert made[0] == made[1]
    result = await ReleaseStage(films.store).verify(made[0].name, silent)
    assert (list(result.missing), list(result.changed)) == ([], [])
