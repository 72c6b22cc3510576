"""The client library against a gRPC server in this process."""

import asyncio
from collections.abc import Iterator

import grpc
import pytest

from reelmill.client import CallError, Movie, MovieClient
from tests.support.servers import free_port
from tests.unit.cli.server import Endless, Movies, serving


@pytest.fixture
def movies() -> Movies:
    return Movies()


@pytest.fixture
def address(movies: Movies) -> Iterator[str]:
    with serving(movies) as found:
        yield found


async def test_the_same_request_id_returns_the_same_movie_and_none_makes_new_ones(address: str) -> None:
    async with MovieClient(address) as client:
        first = await client.create("films", Movie(theme="A lamp"), "order-17")
        again = await client.create("films", Movie(theme="A lamp"), "order-17")
        others = [await client.create("films", Movie(theme="A lamp")) for _ in range(2)]
    assert first == again
    assert len({first.name, *(movie.name for movie in others)}) == 3


async def test_an_error_has_the_reason_the_code_and_the_details_of_the_server(address: str) -> None:
    async with MovieClient(address) as client:
        with pytest.raises(CallError) as caught:
            await client.create("films", Movie())
    error = caught.value
    assert (error.reason, error.code) == ("INVALID_FIELD", grpc.StatusCode.INVALID_ARGUMENT)
    assert error.metadata == {"field": "movie.theme"}
    assert error.from_server
    assert "is empty" in error.message


async def test_without_a_server_the_error_names_the_address() -> None:
    address = f"127.0.0.1:{free_port()}"
    async with MovieClient(address) as client:
        with pytest.raises(CallError, match=address) as caught:
            await client.get("projects/films/movies/m-1")
    assert (caught.value.reason, caught.value.from_server) == ("UNAVAILABLE", False)


async def test_all_pages_are_listed(address: str, movies: Movies) -> None:
    async with MovieClient(address) as client:
        for number in range(450):
            movies.movies[f"projects/films/movies/m-{number}"] = Movie(
                name=f"projects/films/movies/m-{number}", state=Movie.STATE_RUNNING
            )
        found = [movie.name async for movie in client.all("films")]
        page, token = await client.page("films", page_size=3)
        none, last = await client.page("films", states=[Movie.STATE_FAILED])
    assert len(found) == len(set(found)) == 450
    assert (len(page), token, none, last) == (3, "3", [], "")


async def test_watching_shows_every_change_until_the_end(address: str) -> None:
    async with MovieClient(address) as client:
        name = (await client.create("films", Movie(theme="A lamp"))).name
        states = [movie.state async for movie in client.watch(name)]
    assert states == [Movie.STATE_PENDING, Movie.STATE_RUNNING, Movie.STATE_SUCCEEDED]


async def test_watching_goes_on_from_the_last_revision_when_the_stream_breaks(
    address: str, movies: Movies
) -> None:
    movies.break_after = 1
    async with MovieClient(address) as client:
        name = (await client.create("films", Movie(theme="A lamp"))).name
        revisions = [movie.revision async for movie in client.watch(name)]
    assert revisions == [1, 2, 3]
    assert movies.watched_from == [0, 1, 2]


async def test_watching_outlives_a_server_that_goes_and_comes_back(movies: Movies) -> None:
    port = free_port()
    movies.story = [Movie.STATE_RUNNING]  # then the stream ends without an end of the movie
    seen: list[int] = []

    async def watch(client: MovieClient, name: str) -> None:
        seen.extend([movie.revision async for movie in client.watch(name)])

    with serving(movies, port) as address:
        client = MovieClient(address)
        name = (await client.create("films", Movie(theme="A lamp"))).name
        watching = asyncio.create_task(watch(client, name))
        await asyncio.sleep(0.3)
    await asyncio.sleep(0.3)
    movies.story.append(Movie.STATE_SUCCEEDED)
    with serving(movies, port):
        await asyncio.wait_for(watching, 20)
        await client.__aexit__(None, None, None)
    assert seen == [1, 2]


async def test_a_watch_that_is_left_ends_on_the_server_too() -> None:
    movies = Endless()
    with serving(movies) as address:
        async with MovieClient(address) as client:
            async for movie in client.watch("projects/films/movies/m-1"):
                assert (movie.revision, movies.waiting) == (1, 1)
                break
            async with asyncio.timeout(10):
                while movies.waiting:
                    await asyncio.sleep(0.02)


async def test_watching_what_is_not_there_is_an_error_at_once(address: str) -> None:
    async with MovieClient(address) as client:
        with pytest.raises(CallError) as caught:
            [movie async for movie in client.watch("projects/films/movies/m-1")]
    assert caught.value.reason == "NOT_FOUND"


async def test_watching_gives_up_when_the_server_stays_away() -> None:
    async with MovieClient(f"127.0.0.1:{free_port()}", patience=0.5) as client:
        with pytest.raises(CallError) as caught:
            [movie async for movie in client.watch("projects/films/movies/m-1")]
    assert caught.value.reason == "UNAVAILABLE"


async def test_watching_a_movie_from_its_last_revision_ends(address: str, movies: Movies) -> None:
    async with MovieClient(address) as client:
        name = (await client.create("films", Movie(theme="A lamp"))).name
        last = await client.wait(name)
        assert [movie async for movie in client.watch(name, last.revision)] == []
    assert last.state == Movie.STATE_SUCCEEDED
