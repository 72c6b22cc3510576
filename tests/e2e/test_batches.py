"""Batches on the real stack, on the command line and through a crash."""

import json
import subprocess
import uuid
from pathlib import Path

import pytest

from reelmill.client import Batch, BatchClient, Movie
from reelmill.v1 import movies_pb2
from reelmill_local import LocalStack
from tests.support.movies import StackClient, wanted
from tests.support.servers import program
from tests.support.stack import settings_of

pytestmark = [pytest.mark.stack, pytest.mark.torch, pytest.mark.slow]


def a_batch(**fields: object) -> movies_pb2.Batch:
    """Four tiny movies, two at a time."""
    template = wanted(chapters=2, scenes=2, frames=2)
    template.ClearField("theme")
    template.ClearField("seed")
    asked = {"movies": 4, "parallel": 2, "template": template, **fields}
    return Batch(**asked)  # type: ignore[arg-type]


def batches(stack: LocalStack) -> BatchClient:
    return BatchClient(stack.addresses["movies"], credentials=stack.credentials)


async def ended(client: BatchClient, name: str) -> movies_pb2.Batch:
    seen = [batch async for batch in client.watch(name)]
    return seen[-1] if seen else await client.get(name)


async def test_a_batch_survives_a_pause_and_the_death_of_the_front_door(whole_stack: LocalStack) -> None:
    objects, project = StackClient(whole_stack), f"p{uuid.uuid4().hex[:8]}"
    async with batches(whole_stack) as client:
        name = (await client.create(project, a_batch(seed=5), "batch")).name
        async for batch in client.watch(name):
            if batch.counts.succeeded:
                break
        paused = await client.pause(name)
        assert paused.state == Batch.STATE_PAUSED
        whole_stack.kill("movies")
        whole_stack.wait_ready("movies")
        assert (await client.get(name)).state == Batch.STATE_PAUSED
        await client.resume(name)
        whole_stack.kill("movies")
        whole_stack.wait_ready("movies")
        batch = await ended(client, name)
        assert (await client.create(project, a_batch(seed=5), "batch")).name == name
    assert batch.state == Batch.STATE_SUCCEEDED
    assert batch.counts.succeeded == 4
    assert len({item.theme for item in batch.items}) == 4  # invented
    assert all(item.genre for item in batch.items)
    for item in batch.items:
        movie = await objects.get(item.movie)
        assert (movie.state, movie.batch, movie.seed) == (Movie.STATE_SUCCEEDED, name, item.seed)
        assert len(objects.frames(item.movie)) == 8
        assert objects.document(f"{item.movie}/manifest.json")["frames"] == 8


async def test_the_same_batch_gives_the_same_stories_and_those_too_alike_are_replaced(
    whole_stack: LocalStack,
) -> None:
    """Of stories on one theme, the bound is set so that some are dropped."""
    objects, stories, dropped = StackClient(whole_stack), [], []
    async with batches(whole_stack) as client:
        for _ in range(2):
            asked = a_batch(themes=["A lighthouse keeper adopts a storm"], plot_likeness_percent=20, seed=1)
            project = f"p{uuid.uuid4().hex[:8]}"
            batch = await ended(client, (await client.create(project, asked, "batch")).name)
            stories.append([_story(objects, item.movie) for item in batch.items if item.movie])
            dropped.append([[plot.likeness_percent for plot in item.dropped] for item in batch.items])
            assert batch.counts.dropped == sum(len(item.dropped) for item in batch.items) > 0
            for item in batch.items:
                for plot in item.dropped:
                    assert plot.likeness_percent > 20
                    assert objects.frames(plot.movie) == {}
                    assert (await objects.get(plot.movie)).failure.reason == "DUPLICATE_PLOT"
    assert stories[0] == stories[1]
    assert dropped[0] == dropped[1]


async def test_a_cancelled_batch_leaves_nothing_running(whole_stack: LocalStack) -> None:
    objects = StackClient(whole_stack)
    async with batches(whole_stack) as client:
        name = (await client.create(f"p{uuid.uuid4().hex[:8]}", a_batch(), "batch")).name
        async for batch in client.watch(name):
            if batch.counts.running:
                break
        batch = await client.cancel(name)
    assert batch.state == Batch.STATE_CANCELLED
    assert batch.counts.running == batch.counts.waiting == 0
    for item in batch.items:
        if item.movie:
            assert (await objects.get(item.movie)).state in (Movie.STATE_CANCELLED, Movie.STATE_SUCCEEDED)


def test_the_command_line_makes_a_batch_of_a_file_and_refuses_a_bad_one(
    whole_stack: LocalStack, tmp_path: Path
) -> None:
    settings = settings_of(whole_stack) | {"REELMILL_SERVER": whole_stack.addresses["movies"]}
    project = f"p{uuid.uuid4().hex[:8]}"

    def reelmill(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [program("reelmill"), "batch", *arguments, "--project", project]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=settings, cwd=tmp_path
        )

    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text("A lamp that would not go out\nA bakery under the sea\n", "utf-8")
    bad.write_text("A lamp\n" + "x" * 2001 + "\n", "utf-8")
    for arguments, field in (
        (["--movies", "0"], "batch.movies"),
        (["--movies", "1001"], "batch.movies"),
        (["--themes", str(bad)], "batch.themes[1]"),
        (["--themes", str(good), "--parallel", "101"], "batch.parallel"),
        (["--themes", str(good), "--shape", "17x1x1"], "batch.template.shape.chapters"),
        (
            ["--themes", str(good), "--learned-style", "projects/x/styles/y"],
            "batch.template.learned_style",
        ),
    ):
        refused = reelmill("create", *arguments, "--json")
        assert refused.returncode == 1, refused
        assert json.loads(refused.stderr)["error"]["metadata"]["field"] == field
    assert json.loads(reelmill("list", "--json").stdout)["batches"] == []
    made = reelmill("create", "--themes", str(good), "--shape", "1x1x2")
    name = made.stdout.strip()
    cancelled = reelmill("cancel", name)
    assert "cancelled" in cancelled.stdout
    assert name.rpartition("/")[2] in reelmill("list").stdout


def _story(objects: StackClient, movie: str) -> dict[str, object]:
    return {key: value for key, value in objects.document(f"{movie}/script.json").items() if key != "usage"}
