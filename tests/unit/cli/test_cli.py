"""The command line: what it prints, where, and with which exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from reelmill.cli import app
from reelmill.client import Movie
from reelmill.v1 import movies_pb2
from reelmill.v1.render_pb2 import GateOptions
from tests.support.servers import free_port
from tests.unit.cli.server import Movies, serving


@pytest.fixture
def movies() -> Movies:
    return Movies()


@pytest.fixture
def address(movies: Movies) -> Iterator[str]:
    with serving(movies) as found:
        yield found


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings, no stack."""
    monkeypatch.chdir(tmp_path)
    for name in ("REELMILL_SERVER", "REELMILL_PROJECT", "REELMILL_FOLDER", "REELMILL_S3_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")


def reelmill(*arguments: str, address: str = "", text: str | None = None) -> Result:
    environment = {"REELMILL_SERVER": address} if address else {}
    return CliRunner().invoke(app, list(arguments), env=environment, input=text)


def made(address: str, *arguments: str) -> str:
    result = reelmill("create", "A lamp", *arguments, address=address)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_create_prints_the_movies_name_alone(address: str, movies: Movies) -> None:
    name = made(
        address, "--project", "films", "--chapters", "2", "--scenes", "4", "--frames", "5", "--seed", "-3",
        "--style", "film noir", "--style-description", "hard shadows", "--negative-prompt", "text",
    )  # fmt: skip
    assert name.startswith("projects/films/movies/m-")
    movie = movies.movies[name]
    assert (movie.shape.chapters, movie.shape.scenes, movie.shape.frames) == (2, 4, 5)
    assert (movie.theme, movie.seed, movie.negative_prompt) == ("A lamp", -3, "text")
    assert (movie.style.keyword, movie.style.description) == ("film noir", "hard shadows")


@pytest.mark.parametrize(
    ("arguments", "gate"),
    [
        ([], None),
        (["--gate"], GateOptions(mode=GateOptions.MODE_ON)),
        (["--no-gate"], GateOptions(mode=GateOptions.MODE_OFF)),
        (["--redraws", "0"], GateOptions(max_redraws=0)),
        (["--gate", "--redraws", "5"], GateOptions(mode=GateOptions.MODE_ON, max_redraws=5)),
    ],
    ids=str,
)
def test_create_says_of_the_gate_what_it_was_told(
    address: str, movies: Movies, arguments: list[str], gate: GateOptions | None
) -> None:
    movie = movies.movies[made(address, *arguments)]
    assert (movie.gate if movie.HasField("gate") else None) == gate


def test_create_asks_for_learned_characters_only_when_told_to(address: str, movies: Movies) -> None:
    learned = made(address, "--characters", "learned-tokens")
    assert movies.movies[learned].character_identity == movies_pb2.CHARACTER_IDENTITY_LEARNED_TOKENS
    assert "learned tokens" in reelmill("get", learned, address=address).stdout
    for arguments in ([], ["--characters", "descriptions"]):
        movie = movies.movies[made(address, *arguments)]
        assert movie.character_identity == movies_pb2.CHARACTER_IDENTITY_UNSPECIFIED


def test_create_twice_with_one_request_id_makes_one_movie(address: str, movies: Movies) -> None:
    assert made(address, "--request-id", "order-17") == made(address, "--request-id", "order-17")
    assert len(movies.movies) == 1


def test_create_and_watch_shows_progress_on_stderr_and_the_movie_on_stdout(address: str) -> None:
    result = reelmill("create", "A lamp", "--watch", address=address)
    assert result.exit_code == 0
    assert "frames     14/27, drawing frames" in result.stderr
    assert "succeeded" in result.stdout
    assert "drawing" not in result.stdout


def test_a_movie_that_fails_is_one_line_with_its_reason_and_exit_code_1(address: str, movies: Movies) -> None:
    movies.story = [Movie.STATE_RUNNING, Movie.STATE_FAILED]
    result = reelmill("create", "A lamp", "--wait", address=address)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "error: the model refused (LLM_REFUSED)"


def test_watch_prints_a_json_object_for_every_change(address: str) -> None:
    name = made(address)
    result = reelmill("watch", name, "--json", address=address)
    assert [one["state"] for one in objects(result)] == ["STATE_PENDING", "STATE_RUNNING", "STATE_SUCCEEDED"]
    later = reelmill("watch", name, "--json", "--from-revision", "2", address=address)
    assert [one["revision"] for one in objects(later)] == ["3"]


def test_a_movie_is_found_by_its_last_part_and_project(address: str) -> None:
    name = made(address, "--project", "films")
    short = name.rpartition("/")[2]
    assert objects(reelmill("get", short, "-p", "films", "--json", address=address))[0]["name"] == name
    assert reelmill("get", short, "-p", "other", address=address).exit_code == 1


def test_list_shows_states_and_pages(address: str) -> None:
    names = {made(address) for _ in range(5)}
    cancelled = sorted(names)[0]
    assert reelmill("cancel", cancelled, address=address).exit_code == 0
    (found,) = objects(reelmill("list", "--state", "cancelled", "--json", address=address))
    assert [movie["name"] for movie in found["movies"]] == [cancelled]
    (page,) = objects(reelmill("list", "--page-size", "2", "--json", address=address))
    token = page["nextPageToken"]
    (rest,) = objects(reelmill("list", "--page-token", token, "--json", address=address))
    assert {movie["name"] for movie in page["movies"] + rest["movies"]} == names
    (every,) = objects(reelmill("list", "--all", "--page-size", "2", "--json", address=address))
    assert len(every["movies"]) == 5
    for_people = reelmill("list", "--page-size", "2", address=address)
    assert for_people.stdout.count("m-") == 2
    assert f"--page-token {token}" in for_people.stderr


def test_a_movie_says_who_is_told_of_its_end(address: str) -> None:
    told = "https://hooks.example/films"
    (movie,) = objects(reelmill("create", "A lamp", "--callback", told, "--json", address=address))
    assert movie["callbackUri"] == told


def test_list_shows_what_a_filter_fits(address: str) -> None:
    for theme in ("A lamp", "A bakery"):
        assert reelmill("create", theme, address=address).exit_code == 0
    fitting = ("list", "--filter", 'theme = "*lamp*"')
    (found,) = objects(reelmill(*fitting, "--all", "--json", address=address))
    assert [movie["theme"] for movie in found["movies"]] == ["A lamp"]
    refused = reelmill("list", "--filter", "colour = red", "--json", address=address)
    assert json.loads(refused.stderr)["error"]["metadata"] == {"field": "filter"}


@pytest.mark.parametrize("command", ["pause", "resume", "cancel", "retry", "delete"])
def test_with_an_etag_a_command_does_nothing_to_what_has_changed(address: str, command: str) -> None:
    name = made(address)
    (seen,) = objects(reelmill("get", name, "--json", address=address))
    assert reelmill("cancel", name, "--etag", seen["etag"], address=address).exit_code == 0
    sure = ["--yes"] if command == "delete" else []
    refused = reelmill(command, name, "--etag", seen["etag"], *sure, "--json", address=address)
    assert refused.exit_code == 1
    assert json.loads(refused.stderr)["error"]["reason"] == "ETAG_MISMATCH"
    assert objects(reelmill("get", name, "--json", address=address))[0]["state"] == "STATE_CANCELLED"


def test_a_movie_is_paused_and_resumed_and_has_its_priority(address: str) -> None:
    created = reelmill("create", "A lamp", "--priority", "7", "--json", address=address)
    (movie,) = objects(created)
    assert movie["priority"] == 7
    assert objects(reelmill("pause", movie["name"], "--json", address=address))[0]["paused"]
    shown = reelmill("get", movie["name"], address=address).stdout
    assert "paused" in shown
    assert "paused" not in objects(reelmill("resume", movie["name"], "--json", address=address))[0]
    assert reelmill("create", "A lamp", "--priority", "101", address=address).exit_code == 2


def test_cancel_retry_and_delete(address: str, movies: Movies) -> None:
    name = made(address)
    assert objects(reelmill("cancel", name, "--json", address=address))[0]["state"] == "STATE_CANCELLED"
    assert objects(reelmill("retry", name, "--json", address=address))[0]["state"] == "STATE_PENDING"
    again = reelmill("retry", name, "--json", address=address)
    assert again.exit_code == 1
    assert json.loads(again.stderr)["error"]["reason"] == "WRONG_STATE"
    assert reelmill("delete", name, address=address, text="").exit_code == 2
    assert name in movies.movies
    assert objects(reelmill("delete", name, "--yes", "--json", address=address)) == [{"deleted": name}]
    assert movies.movies == {}


@pytest.mark.parametrize("as_json", [False, True])
def test_an_error_of_the_server_is_one_line_and_exit_code_1(address: str, as_json: bool) -> None:
    result = reelmill("create", "", *(["--json"] if as_json else []), address=address)
    assert (result.exit_code, result.stdout) == (1, "")
    if as_json:
        error = json.loads(result.stderr)["error"]
        assert (error["reason"], error["metadata"]) == ("INVALID_FIELD", {"field": "movie.theme"})
    else:
        (line,) = result.stderr.splitlines()
        assert line.startswith("error: movie.theme: is empty")
        assert line.endswith("(INVALID_FIELD)")


@pytest.mark.parametrize(
    "arguments",
    [
        ["create"],
        ["create", "x", "--frames", "0"],
        ["create", "x", "--seed", str(2**70)],
        ["create", "x", "--redraws", "11"],
        ["list", "--state", "lost"],
        ["watch"],
        ["nonsense"],
    ],
)
def test_wrong_usage_is_exit_code_2(address: str, arguments: list[str]) -> None:
    result = reelmill(*arguments, address=address)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_no_server_at_all_says_how_to_get_one() -> None:
    result = reelmill("list")
    assert result.exit_code == 1
    assert "reelmill up" in result.stderr
    assert "--server" in result.stderr


def test_a_dead_server_is_one_line() -> None:
    address = f"127.0.0.1:{free_port()}"
    result = reelmill("get", "m-1", address=address)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert address in result.stderr


def test_the_stack_that_runs_here_is_found_from_folders_below(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ".reelmill"
    folder.mkdir()
    (folder / "stack.json").write_text(json.dumps({"addresses": {"movies": address}, "environment": {}}))
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert reelmill("list").exit_code == 0
    (folder / "stack.json").write_text("{")
    assert "cannot be read" in reelmill("list").stderr


def test_export_without_a_store_says_which_settings_are_missing(address: str) -> None:
    name = made(address)
    result = reelmill("export", name, "--json", address=address)
    assert result.exit_code == 1
    assert "REELMILL_S3_ENDPOINT" in json.loads(result.stderr)["error"]["message"]


def test_without_a_stack_status_and_down_say_so(tmp_path: Path) -> None:
    status = reelmill("status", "--json", "--folder", str(tmp_path))
    assert status.exit_code == 1
    assert json.loads(status.stderr)["error"]["reason"] == "NOT_RUNNING"
    down = reelmill("down", "--json", "--folder", str(tmp_path))
    assert objects(down) == [{"stopped": False, "folder": str(tmp_path)}]


def test_without_the_package_of_the_stack_the_other_commands_still_work(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "reelmill_local.stack", None)
    result = reelmill("up")
    assert result.exit_code == 1
    assert "not installed" in result.stderr
    assert reelmill("list", address=address).exit_code == 0


def test_create_takes_a_story_in_place_of_a_theme_and_a_shape(address: str, movies: Movies) -> None:
    result = reelmill("create", "--story-key", "projects/demo/s.json", address=address)
    assert result.exit_code == 0, result.output
    movie = movies.movies[result.stdout.strip()]
    assert (movie.story_key, movie.theme, movie.HasField("shape")) == ("projects/demo/s.json", "", False)
    assert "projects/demo/s.json" in reelmill("get", movie.name, address=address).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--story-key", "projects/demo/s.json", "--frames", "3"], 2, "brings its own chapters"),
        (["--story", "nowhere.json"], 2, "nowhere.json cannot be read"),
        (["--story", "here.json"], 1, "REELMILL_S3_ENDPOINT"),
        ([], 2, "say what the movie is about"),
    ],
    ids=["a shape", "no file", "no store", "nothing"],
)
def test_a_story_that_cannot_be_taken_makes_no_movie(
    address: str, movies: Movies, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "here.json").write_text("{}")
    result = reelmill("create", *arguments, address=address)
    assert (result.exit_code, said in result.stderr) == (code, True), result.output
    assert not movies.movies


def test_a_forecast_names_calls_tokens_and_cost_of_each_stage(address: str, movies: Movies) -> None:
    result = reelmill("forecast", "A lamp", "--shape", "11x11x11", address=address)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["script", "110", "12,000", "0", "1.5", "test-model"] in lines
    assert ["questions", "11", "0", "0", "-", "offline"] in lines
    assert "1,331 frames, up to 40 questions" in result.stdout
    told = objects(reelmill("forecast", "A lamp", "--shape", "2x1x1", "--json", address=address))[0]
    assert (told["usage"]["calls"], told["frames"]) == ("22", 2)
    assert not movies.movies
    assert reelmill("forecast", "A lamp", "--shape", "eleven", address=address).exit_code == 2


def test_usage_is_that_of_the_project(address: str) -> None:
    made(address)
    result = reelmill("usage", address=address)
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "script 7 1,234 56 -" in lines
    assert "1 movies, 27 frames 7 1,234 56 -" in lines
    assert "movies under way 1 none when one ends" in lines
    assert "frames today 27 5,000 2026-12-01 00:00 UTC" in lines
    assert "cost this month 1.5 2 when one ends" in lines
    assert objects(reelmill("usage", "--json", address=address))[0]["movies"] == 1


@pytest.mark.parametrize("theme", ["一位灯塔看守人发现了一封信", "حارسة منارة تعثر على رسالة"])
def test_a_theme_in_any_language_is_printed_as_it_is(address: str, movies: Movies, theme: str) -> None:
    name = reelmill("create", theme, address=address).stdout.strip()
    assert movies.movies[name].theme == theme
    assert theme in reelmill("get", name, address=address).stdout
    assert theme in reelmill("list", address=address).stdout
    as_json = reelmill("get", name, "--json", address=address)
    assert theme in as_json.stdout
    assert objects(as_json)[0]["theme"] == theme


def test_a_terminal_without_the_signs_shows_them_escaped_and_nothing_fails(
    address: str, movies: Movies
) -> None:
    name = reelmill("create", "一位灯塔看守人", address=address).stdout.strip()
    environment = {**os.environ, "REELMILL_SERVER": address, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "reelmill.cli", "get", name]
    for extra in ([], ["--json"]):
        shown = subprocess.run(
            [*command, *extra], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert shown.returncode == 0, shown.stderr
        assert name in shown.stdout
        assert "\\u4e00" in shown.stdout
    assert json.loads(shown.stdout)["theme"] == "一位灯塔看守人"
