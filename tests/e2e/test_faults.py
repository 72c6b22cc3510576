"""Whatever is killed in the middle of a movie: it completes, every frame exists once, none is drawn twice."""

import asyncio
import itertools
import signal

import pytest

from reelmill.v1 import common_pb2, movies_pb2
from reelmill_local import LocalStack
from tests.support.movies import StackClient, wanted

pytestmark = [pytest.mark.stack, pytest.mark.torch, pytest.mark.slow]
FRAMES = 24
numbers = itertools.count()


def drawn(movie: movies_pb2.Movie) -> int:
    return int(next(s.progress.done for s in movie.stages if s.stage == common_pb2.STAGE_RENDER))


def learning(movie: movies_pb2.Movie) -> bool:
    """The style is being learned, and the embedding is not there yet."""
    return any(s.stage == common_pb2.STAGE_STYLE and s.progress.done > 0 for s in movie.stages)


def in_the_middle(movie: movies_pb2.Movie) -> bool:
    return FRAMES // 6 <= drawn(movie) < FRAMES


async def begin(client: StackClient) -> str:
    """A movie whose frames take a few seconds to draw. Another seed each time: nothing can be reused."""
    number = next(numbers)
    movie = wanted(chapters=2, scenes=3, frames=4, steps=30, seed=100 + number)
    return await client.create(movie, f"fault-{number}")


async def complete(client: StackClient, name: str, before: dict[str, object]) -> None:
    """The movie ends well, and what was finished `before` the fault is as it was."""
    await client.ended(name)
    after = client.frames(name)
    assert sorted(after) == [f"{name}/frames/{index:06d}.png" for index in range(FRAMES)]
    manifest = client.document(f"{name}/manifest.json")
    assert manifest["frames"] == FRAMES
    redrawn = [key for key, time in before.items() if after[key] != time]
    assert redrawn == []


@pytest.mark.parametrize("name", ["movies", "render", "triton", "nats", "s3"])
async def test_a_movie_survives_the_kill_of_what_draws_it(whole_stack: LocalStack, name: str) -> None:
    client = StackClient(whole_stack)
    movie = await begin(client)
    await client.until(movie, in_the_middle)
    lineages = client.objects(f"{movie}/frames/")
    before = {
        key: time for key, time in client.frames(movie).items() if key.replace(".png", ".json") in lineages
    }
    assert before
    whole_stack.kill(name)
    await complete(client, movie, before)


async def test_a_movie_survives_the_kill_of_the_style_service(whole_stack: LocalStack) -> None:
    client = StackClient(whole_stack)
    movie = await begin(client)
    await client.until(movie, learning)
    whole_stack.kill("style")
    await complete(client, movie, {})


@pytest.mark.parametrize("name", ["script", "qa"])
async def test_a_movie_survives_the_kill_of_a_writer_that_holds_its_job(
    whole_stack: LocalStack, name: str
) -> None:
    # Writers need a moment only: frozen, they are given the job, and are killed with it.
    client = StackClient(whole_stack)
    whole_stack.kill(name, signal.SIGSTOP)
    movie = await begin(client)
    await asyncio.sleep(2)
    whole_stack.kill(name)
    await complete(client, movie, {})


async def test_a_movie_survives_the_kill_of_the_dataset_service_that_holds_its_job(
    whole_stack: LocalStack,
) -> None:
    client = StackClient(whole_stack)
    movie = await begin(client)
    await client.until(movie, in_the_middle)
    whole_stack.kill("dataset", signal.SIGSTOP)
    await client.until(movie, lambda m: drawn(m) == FRAMES)
    before = client.frames(movie)
    await asyncio.sleep(1)
    whole_stack.kill("dataset")
    await complete(client, movie, before)


async def test_a_movie_survives_an_orderly_restart_of_nats(whole_stack: LocalStack) -> None:
    client = StackClient(whole_stack)
    movie = await begin(client)
    await client.until(movie, in_the_middle)
    before = client.frames(movie)
    await asyncio.to_thread(whole_stack.restart, "nats")
    # A frame that was being stored at that moment may be there without its lineage, and is drawn once more.
    lineages = client.objects(f"{movie}/frames/")
    before = {key: time for key, time in before.items() if key.replace(".png", ".json") in lineages}
    await complete(client, movie, before)
