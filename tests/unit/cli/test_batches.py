"""The commands of `reelmill batch`."""

from pathlib import Path

import pytest

from reelmill.client import BATCH_ENDED, Batch, BatchClient
from reelmill.v1 import common_pb2, movies_pb2
from tests.unit.cli.server import Movies
from tests.unit.cli.test_cli import address, clean_machine, movies, objects, reelmill

__all__ = ["address", "clean_machine", "movies"]  # fixtures


@pytest.fixture
def themes(tmp_path: Path) -> Path:
    file = tmp_path / "themes.txt"
    file.write_text("A lamp\nA bakery\n", "utf-8")
    return file


def made(address: str, themes: Path, *arguments: str) -> str:
    result = reelmill("batch", "create", "--themes", str(themes), *arguments, address=address)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_create_prints_the_batch_s_name_alone(address: str, movies: Movies, themes: Path) -> None:
    name = made(
        address, themes, "--movies", "5", "--shape", "2x4x5", "--parallel", "3", "--seed", "-3",
        "--likeness", "40", "--genre", "Drama", "--style", "film noir", "--negative-prompt", "text",
        "--budget", "1.5", "--budget-tokens", "1000", "-p", "films",
    )  # fmt: skip
    assert name.startswith("projects/films/batches/b-")
    batch = movies.batches[name]
    shape = batch.template.shape
    assert list(batch.themes) == ["A lamp", "A bakery"]
    assert (batch.movies, batch.parallel, batch.seed, batch.plot_likeness_percent) == (5, 3, -3, 40)
    assert (shape.chapters, shape.scenes, shape.frames) == (2, 4, 5)
    assert (batch.template.style.keyword, batch.template.negative_prompt) == ("film noir", "text")
    assert batch.genre == "Drama"
    assert batch.budget == common_pb2.Budget(tokens=1000, cost_micros=1_500_000)


def test_create_and_watch_shows_how_far_it_is_on_stderr_and_the_batch_on_stdout(
    address: str, themes: Path
) -> None:
    result = reelmill("batch", "create", "--themes", str(themes), "--watch", address=address)
    assert result.exit_code == 0
    assert "  running    2 waiting" in result.stderr
    assert "  succeeded  2 succeeded" in result.stderr
    assert "succeeded" in result.stdout


def test_a_batch_that_fails_is_one_line_with_its_reason_and_exit_code_1(
    address: str, movies: Movies, themes: Path
) -> None:
    movies.batch_fails = True
    result = reelmill("batch", "create", "--themes", str(themes), "--wait", address=address)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "error: none of the movies succeeded (LLM_REFUSED)"


def test_watch_prints_a_json_object_for_every_change(address: str, themes: Path) -> None:
    result = reelmill("batch", "watch", made(address, themes), "--json", address=address)
    assert [one["revision"] for one in objects(result)] == ["1", "2", "3"]
    assert objects(result)[-1]["state"] == "STATE_SUCCEEDED"


def test_get_shows_every_movie_and_what_was_dropped_for_it(
    address: str, movies: Movies, themes: Path
) -> None:
    name = made(address, themes)
    item = movies.batches[name].items[1]
    item.movie, item.state = "projects/demo/movies/m-2", movies_pb2.Movie.STATE_RUNNING
    item.dropped.add(movie="projects/demo/movies/m-1", like="projects/demo/movies/m-0", likeness_percent=71)
    result = reelmill("batch", "get", name.rpartition("/")[2], address=address)
    assert "m-2" in result.stdout
    assert "71 % like m-0" in result.stdout
    assert "A bakery" in result.stdout
    assert "waiting" in result.stdout


def test_list_shows_each_batch_in_a_line(address: str, themes: Path) -> None:
    assert "no batches" in reelmill("batch", "list", address=address).stdout
    name = made(address, themes)
    assert name.rpartition("/")[2] in reelmill("batch", "list", address=address).stdout
    (page,) = objects(reelmill("batch", "list", "--json", address=address))
    assert page["batches"][0]["name"] == name


def test_pause_resume_and_cancel_say_what_the_batch_is_now(address: str, themes: Path) -> None:
    name = made(address, themes)
    for verb, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        result = reelmill("batch", verb, name, address=address)
        assert result.exit_code == 0
        assert state in result.stdout
    again = reelmill("batch", "pause", name, address=address)
    assert again.exit_code == 1
    assert "(WRONG_STATE)" in again.stderr


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        ("A lamp\n\nA bakery\n", [], "themes: line 2 of"),
        ("A lamp\n  \n", [], "themes: line 2 of"),
        ("", [], "is empty"),
        (b"\xff\xfe", [], "cannot be read"),
        (None, [], "cannot be read"),
        ("A lamp\n", ["--shape", "3x3"], "shape: '3x3' is not"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(
    address: str, movies: Movies, tmp_path: Path, content: str | bytes | None, arguments: list[str], said: str
) -> None:
    file = tmp_path / "bad.txt"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = reelmill("batch", "create", "--themes", str(file), *arguments, address=address)
    assert result.exit_code == 2
    assert said in result.stderr
    assert movies.batches == {}


async def test_the_client_makes_a_batch_once_and_follows_it_to_its_end(address: str, movies: Movies) -> None:
    async with BatchClient(address) as client:
        wanted = Batch(themes=["A lamp", "A bakery"])
        batch = await client.create("films", wanted, "order-17")
        assert (await client.create("films", wanted, "order-17")).name == batch.name
        seen = [one async for one in client.watch(batch.name)]
        later = [one.revision async for one in client.watch(batch.name, from_revision=2)]
    assert [one.counts.succeeded for one in seen] == [0, 1, 2]
    assert seen[-1].state in BATCH_ENDED
    assert later == [3]
