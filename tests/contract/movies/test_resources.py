"""Pages, filters, masks and etags of movies and batches. On a real bus."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from reelmill.v1 import movies_pb2 as pb
from reelmill_kit.bus import Bus
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_movies.batches.requests import BatchChecker
from reelmill_movies.batches.service import BatchCalls
from reelmill_movies.domain import Movie
from reelmill_movies.service import MovieCalls
from tests.support.front_door import STAGES, FrontDoor, Gate, until

pytestmark = pytest.mark.stack
PARENT = "projects/acme"


@pytest.fixture
def door(bus: Bus) -> FrontDoor:
    return FrontDoor(bus, MemoryStore())


class Calls(MovieCalls, BatchCalls):
    def __init__(self, door: FrontDoor) -> None:
        MovieCalls.__init__(self, door.controller, door.movies, door.checker)
        BatchCalls.__init__(
            self, door.batch_controller, door.batches, BatchChecker(door.checker, can_invent=True)
        )


async def seeds(calls: Calls, **request: Any) -> list[int]:
    """The seeds of all movies that a list has, page by page."""
    found, token = [], ""
    while True:
        page = await calls.ListMovies(
            pb.ListMoviesRequest(parent=PARENT, page_token=token, **request), context=None
        )
        found += [movie.seed for movie in page.movies]
        if not (token := page.next_page_token):
            return found


async def test_a_filter_chooses_movies_and_pages_go_on_in_what_it_has_chosen(door: FrontDoor) -> None:
    calls = Calls(door)
    for seed in range(7):
        await door.ask(f"r-{seed}", seed=seed, theme="by the sea" if seed % 2 else "a forest")
    await door.controller.cancel((await door.ask("r-3", seed=3, theme="by the sea")).name)
    assert await seeds(calls) == [6, 5, 4, 3, 2, 1, 0]
    assert await seeds(calls, filter='theme = "*SEA*"', page_size=1) == [5, 3, 1]
    assert await seeds(calls, filter="theme = *sea* AND NOT state = CANCELLED", page_size=2) == [5, 1]
    assert await seeds(calls, filter="state = CANCELLED", states=[Movie.STATE_PENDING]) == []


async def test_a_page_of_another_filter_is_refused(door: FrontDoor) -> None:
    calls = Calls(door)
    for seed in range(2):
        await door.ask(f"r-{seed}", seed=seed)
    first = await calls.ListMovies(pb.ListMoviesRequest(parent=PARENT, page_size=1), context=None)
    request = pb.ListMoviesRequest(parent=PARENT, page_token=first.next_page_token, filter="seed = 1")
    with pytest.raises(ReelmillError, match="page_token"):
        await calls.ListMovies(request, context=None)


async def test_a_mask_shows_only_its_fields_in_get_list_and_watch(door: FrontDoor) -> None:
    calls, mask = Calls(door), FieldMask(paths=["name", "shape.frames"])
    name = str((await door.ask(frames=4)).name)
    expected = Movie(name=name)
    expected.shape.frames = 4
    got = await calls.GetMovie(pb.GetMovieRequest(name=name, read_mask=mask), context=None)
    listed = await calls.ListMovies(pb.ListMoviesRequest(parent=PARENT, read_mask=mask), context=None)
    watched = calls.WatchMovie(pb.WatchMovieRequest(name=name, read_mask=mask), context=None)
    assert got.movie == listed.movies[0] == (await anext(watched)).movie == expected
    with pytest.raises(ReelmillError, match=r"read_mask: 'frames\.0' is no field of Movie"):
        await calls.GetMovie(
            pb.GetMovieRequest(name=name, read_mask=FieldMask(paths=["frames.0"])), context=None
        )


async def test_a_movie_s_etag_stays_with_progress_and_changes_with_what_one_decides_by(
    door: FrontDoor,
) -> None:
    gate = Gate(door, STAGES.STAGE_RENDER)
    async with door.open():
        name = (await door.ask(frames=4)).name
        await until(lambda: gate.has_begun(1))
        running = (await door.movies.get(name)).movie
        gate.opened.set()
        paused = (await door.controller.set_paused(name, True)).movie
        assert running.etag.startswith('W/"')
        assert paused.etag != running.etag
        resumed = (await door.controller.set_paused(name, False)).movie
        assert (resumed.etag, resumed.revision > running.revision) == (running.etag, True)
        ended = (await door.ended(name)).movie
        assert ended.state == Movie.STATE_SUCCEEDED
        assert ended.etag not in (running.etag, paused.etag)


@pytest.mark.parametrize(
    "change",
    [
        lambda calls, **given: calls.PauseMovie(pb.PauseMovieRequest(**given), context=None),
        lambda calls, **given: calls.ResumeMovie(pb.ResumeMovieRequest(**given), context=None),
        lambda calls, **given: calls.CancelMovie(pb.CancelMovieRequest(**given), context=None),
        lambda calls, **given: calls.RetryMovie(pb.RetryMovieRequest(**given), context=None),
        lambda calls, **given: calls.DeleteMovie(pb.DeleteMovieRequest(**given), context=None),
    ],
    ids=["pause", "resume", "cancel", "retry", "delete"],
)
async def test_a_movie_that_has_changed_since_it_was_read_is_left_alone(
    door: FrontDoor, change: Callable[..., Awaitable[Any]]
) -> None:
    calls = Calls(door)
    seen = (await door.ask()).movie
    now = (await door.controller.set_paused((await door.ask()).name, True)).movie
    with pytest.raises(ReelmillError) as refused:
        await change(calls, name=seen.name, etag=seen.etag)
    assert refused.value.reason is Reason.ETAG_MISMATCH
    assert refused.value.metadata == {"etag": now.etag}
    after = (await calls.GetMovie(pb.GetMovieRequest(name=seen.name), context=None)).movie
    assert (after.state, after.paused) == (now.state, True)


async def test_with_the_etag_that_it_has_a_movie_is_changed(door: FrontDoor) -> None:
    calls = Calls(door)
    movie = (await door.ask()).movie
    steps: tuple[tuple[Any, Any], ...] = (
        (calls.PauseMovie, pb.PauseMovieRequest),
        (calls.ResumeMovie, pb.ResumeMovieRequest),
        (calls.CancelMovie, pb.CancelMovieRequest),
        (calls.RetryMovie, pb.RetryMovieRequest),
    )
    for call, kind in steps:
        movie = (await call(kind(name=movie.name, etag=movie.etag), context=None)).movie
    await calls.DeleteMovie(pb.DeleteMovieRequest(name=movie.name, etag=movie.etag), context=None)
    with pytest.raises(ReelmillError, match="there is no movie"):
        await calls.GetMovie(pb.GetMovieRequest(name=movie.name), context=None)


async def test_batches_have_filters_masks_and_etags_too(door: FrontDoor) -> None:
    calls = Calls(door)
    for request_id, genre in (("b-1", "mystery"), ("b-2", "comedy")):
        await door.ask_batch(request_id, genre=genre)
    mask = FieldMask(paths=["name", "genre", "etag"])
    (batch,) = (
        await calls.ListBatches(
            pb.ListBatchesRequest(parent=PARENT, filter="genre = comedy", read_mask=mask), context=None
        )
    ).batches
    assert {field.name for field, _ in batch.ListFields()} == {"name", "genre", "etag"}
    paused = (
        await calls.PauseBatch(pb.PauseBatchRequest(name=batch.name, etag=batch.etag), context=None)
    ).batch
    assert paused.etag != batch.etag
    for refused in (
        calls.PauseBatch(pb.PauseBatchRequest(name=batch.name, etag=batch.etag), context=None),
        calls.ResumeBatch(pb.ResumeBatchRequest(name=batch.name, etag=batch.etag), context=None),
        calls.CancelBatch(pb.CancelBatchRequest(name=batch.name, etag=batch.etag), context=None),
    ):
        with pytest.raises(ReelmillError) as error:
            await refused
        assert error.value.reason is Reason.ETAG_MISMATCH
    shown = await calls.GetBatch(pb.GetBatchRequest(name=batch.name, read_mask=mask), context=None)
    assert shown.batch.etag == paused.etag
