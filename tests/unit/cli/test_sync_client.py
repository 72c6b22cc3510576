"""The client without asyncio, against a gRPC server in this process."""

import inspect
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import reelmill.client
from reelmill.client import Movie, errors, sync
from reelmill.client.sync import MovieClient
from tests.support.servers import free_port
from tests.unit.cli.server import Endless, Movies, serving

CLIENTS = ("MovieClient", "BatchClient", "ScriptClient", "ReleaseClient", "ArtefactStore")


@pytest.fixture
def movies() -> Movies:
    return Movies()


@pytest.fixture
def address(movies: Movies) -> Iterator[str]:
    with serving(movies) as found:
        yield found


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


@pytest.mark.parametrize("name", [*CLIENTS, "BenchmarkClient"])
def test_every_call_of_the_async_client_is_there_with_the_same_arguments(name: str) -> None:
    ours, theirs = getattr(sync, name), getattr(reelmill.client, name)
    public = {
        method: found
        for method, found in vars(theirs).items()
        if inspect.isfunction(found) and not method.startswith("_")
    }
    assert public
    for method, found in public.items():
        assert inspect.signature(getattr(ours, method)) == inspect.signature(found), method
    assert inspect.signature(ours) == inspect.signature(theirs)


def test_a_movie_is_made_watched_and_listed(address: str) -> None:
    with MovieClient(address) as client:
        made = client.create("films", Movie(theme="A lamp"), "order-17")
        assert client.create("films", Movie(theme="A lamp"), "order-17") == made
        states = [movie.state for movie in client.watch(made.name)]
        assert states == [Movie.STATE_PENDING, Movie.STATE_RUNNING, Movie.STATE_SUCCEEDED]
        assert client.wait(made.name) == client.get(made.name)
        assert [movie.name for movie in client.all("films")] == [made.name]


def test_errors_are_those_of_the_async_client(address: str) -> None:
    with MovieClient(address) as client:
        with pytest.raises(errors.InvalidFieldError) as caught:
            client.create("films", Movie())
        assert caught.value.metadata == {"field": "movie.theme"}
        with pytest.raises(errors.NotFoundError):
            next(client.watch("projects/films/movies/m-1"))


def test_watching_goes_on_where_it_was_when_the_server_goes_and_comes_back(movies: Movies) -> None:
    port, seen = free_port(), []
    movies.story = [Movie.STATE_RUNNING]  # then the stream ends without an end of the movie
    with serving(movies, port) as address:
        client = MovieClient(address)
        watching = client.watch(client.create("films", Movie(theme="A lamp")).name)
        seen.append(next(watching).revision)
    movies.story.append(Movie.STATE_SUCCEEDED)
    with serving(movies, port), client:
        seen += [movie.revision for movie in watching]
    assert seen == [1, 2]
    assert movies.watched_from[-1] == 1


async def test_it_works_where_a_loop_runs_already_as_in_a_notebook(address: str) -> None:
    with MovieClient(address) as client:
        made = client.create("films", Movie(theme="A lamp"))
        assert len(list(client.watch(made.name))) == 3
    async with reelmill.client.MovieClient(address) as other:  # and beside the async one
        assert (await other.get(made.name)).state == Movie.STATE_SUCCEEDED


def test_threads_share_a_client(address: str) -> None:
    with MovieClient(address) as client, ThreadPoolExecutor(16) as threads:

        def one(number: int) -> tuple[str, int]:
            name = client.create("films", Movie(theme="A lamp"), f"order-{number % 20}").name
            return name, len(list(client.watch(name)))

        found = list(threads.map(one, range(80)))
    assert len({name for name, _ in found}) == 20
    assert {states for _, states in found} == {3}


def test_a_watch_that_is_left_ends_on_the_server_too() -> None:
    movies = Endless()
    with serving(movies) as address, MovieClient(address) as client:
        for movie in client.watch("projects/films/movies/m-1"):
            assert (movie.revision, movies.waiting) == (1, 1)
            break
        until(lambda: movies.waiting == 0)


def test_ctrl_c_ends_the_waiting_and_the_call() -> None:
    program = (
        "import signal, sys\n"
        "from reelmill.client.sync import MovieClient\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # what runs in the background ignores it
        "client = MovieClient(sys.argv[1])\n"
        "try:\n"
        "    client.wait('projects/films/movies/m-1')\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
        "sys.stdin.read()\n"  # the process goes on, and with it its connection
    )
    movies = Endless()
    with serving(movies) as address:
        command = [sys.executable, "-c", program, address]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            until(lambda: movies.waiting == 1)
            process.send_signal(signal.SIGINT)
            assert process.stdout
            assert process.stdout.readline() == "interrupted\n"
            until(lambda: movies.waiting == 0)
            process.communicate()


def test_a_program_that_forks_too_late_is_told_and_does_not_hang() -> None:
    program = (
        "import os, sys\n"
        "from reelmill.client.sync import MovieClient\n"
        "client = MovieClient('127.0.0.1:1')\n"
        "if os.fork() == 0:\n"
        "    try:\n"
        "        client.get('m')\n"
        "    except RuntimeError as error:\n"
        "        print(error, flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert "forked after its first call" in run.stdout
