"""`reelmill-benchmark answer` with a vision model behind real HTTP: what it is shown and what it says."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from reelmill_benchmark.main import app
from tests.support import openai_server as api
from tests.support.judge import judge
from tests.support.openai_server import API_KEY, OpenAiServer, Words, openai_server

COUNT = 40  # frames of the movie


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"API_KEY": API_KEY, "ATTEMPTS": "2", "INPUT_PRICE": "2", "OUTPUT_PRICE": "8"}.items():
        monkeypatch.setenv(f"REELMILL_LLM_{name}", value)
    monkeypatch.setenv("REELMILL_LLM_MODEL", "unused")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A movie of 40 frames, each of another grey; questions on movie, scene (with choices) and frame."""
    folder = tmp_path / "films-v1.0"
    pictures = folder / "frames/test/m-1"
    pictures.mkdir(parents=True)
    texts = []
    for index in range(COUNT):
        Image.new("RGB", (64, 64), (6 * index,) * 3).save(pictures / f"{index:06d}.png")
        lines = [{"speaker": "Mara", "text": f"This is {index}."}] if index % 2 else []
        caption = f"Frame {index} is seen."
        texts.append({"movie": "m-1", "frame": index, "caption": caption, "dialogue": lines})
    _write(folder / "frames/test/metadata.jsonl", texts)
    whole = list(range(COUNT))
    questions = [
        _question("q-1", "movie", whole),
        _question("q-2", "scene", [10, 11, 12, 13], choices=["red", "green", "blue", "grey", "black"]),
        _question("q-3", "frame", [20]),
    ]
    (folder / "questions").mkdir()
    _write(folder / "questions/test.jsonl", questions)
    return folder


def _question(name: str, level: str, frames: list[int], choices: list[str] | None = None) -> dict[str, Any]:
    return {
        "id": f"m-1/{name}",
        "movie": "m-1",
        "level": level,
        "kind": "detail",
        "question": f"What is seen in {name}?",
        "answer": "grey",
        "choices": choices or [],
        "right_choice": 3 if choices else None,
        "frames": frames,
        "evidence": [{"frame": frame, "lines": []} for frame in (2, 7) if frame in frames],
    }


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def seeing(system: str, user: str) -> object:
    return Words("D." if "letter of the right choice" in system else f"It is grey; {len(user)} letters.")


def run(server: OpenAiServer, release: Path, out: Path, *more: str) -> Result:
    command = ["answer", str(release), "--model", f"test-model@{server.url}", "--out", str(out), *more]
    return CliRunner().invoke(app, command)


def answered(server: OpenAiServer, release: Path, out: Path, *more: str) -> dict[str, Any]:
    result = run(server, release, out, "--json", *more)
    assert result.exit_code == 0, result.output
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def about(server: OpenAiServer, name: str) -> api.Asked:
    (asked,) = [one for one in server.asked if f"What is seen in {name}?" in one.user]
    return asked


def greys(asked: api.Asked) -> list[int]:
    """Which frames were shown: each is of a grey of its own."""
    return [round(Image.open(io.BytesIO(data)).convert("L").getpixel((8, 8)) / 6) for data in asked.images]  # type: ignore[operator]


def test_the_model_sees_evenly_spaced_frames_of_the_questions_part(release: Path, tmp_path: Path) -> None:
    with openai_server(seeing) as server:
        report = answered(server, release, tmp_path / "out", "--frames", "4", "--side", "32")
        assert greys(about(server, "q-1")) == [5, 15, 25, 35]
        assert greys(about(server, "q-2")) == [10, 11, 12, 13]
        assert greys(about(server, "q-3")) == [20]
        assert Image.open(io.BytesIO(about(server, "q-1").images[0])).size == (32, 32)
        assert "Mara: This is 11." in about(server, "q-2").user
        assert "Mara: This is 15." not in about(server, "q-2").user
    assert report["answered"] == report["questions"] == 3
    rows = [json.loads(line) for line in (tmp_path / "out/answers.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["m-1/q-1", "m-1/q-2", "m-1/q-3"]
    assert rows[1] == {"id": "m-1/q-2", "choice": "D"}
    assert rows[0]["answer"].startswith("It is grey")


def test_neither_json_nor_a_schema_is_asked_for(release: Path, tmp_path: Path) -> None:
    with openai_server(seeing) as server:
        answered(server, release, tmp_path / "out")
        assert all("response_format" not in asked.body for asked in server.asked)
        assert all("JSON" not in asked.system for asked in server.asked)


def test_of_the_whole_movie_it_is_told_which_frames_it_sees_and_is_asked_about(
    release: Path, tmp_path: Path
) -> None:
    with openai_server(seeing) as server:
        answered(server, release, tmp_path / "out", "--part", "movie", "--frames", "4")
        asked = about(server, "q-2")
        assert greys(asked) == [5, 15, 25, 35]
        assert "You see frames 5, 15, 25, 35." in asked.user
        assert "about frames 10 to 13" in asked.user


def test_baselines_get_no_picture(release: Path, tmp_path: Path) -> None:
    with openai_server(seeing) as server:
        answered(server, release, tmp_path / "blind", "--view", "blind")
        assert not any(asked.images for asked in server.asked)
        assert not any("Mara:" in asked.user for asked in server.asked)
        server.asked.clear()
        answered(server, release, tmp_path / "shuffled", "--view", "shuffled", "--frames", "50")
        asked = about(server, "q-1")
        assert not asked.images
        order = [int(line.split()[2]) for line in asked.user.splitlines() if line.startswith("- Frame")]
        assert sorted(order) == list(range(COUNT))
        assert order != sorted(order)


def test_what_was_answered_is_not_paid_for_again(release: Path, tmp_path: Path) -> None:
    with openai_server(seeing) as server:
        first = answered(server, release, tmp_path / "out")
        assert first["usage"]["calls"] == 3
        assert first["usage"]["cost_micros"] > 0
        again = answered(server, release, tmp_path / "out")
        assert len(server.asked) == 3
        other = answered(server, release, tmp_path / "out", "--frames", "2")
        assert len(server.asked) == 5, "the frame has one picture either way"
    assert again["usage"]["calls"] == 0
    assert again["usage"]["before"] == {
        key: first["usage"][key] for key in ("calls", "input_tokens", "output_tokens", "cost_micros")
    }
    assert other["answered"] == 3


def test_a_model_that_says_nothing_leaves_a_question_unanswered_and_counted(
    release: Path, tmp_path: Path
) -> None:
    with openai_server(lambda system, user: Words("<think>hm</think> ")) as server:
        report = answered(server, release, tmp_path / "out")
        assert len(server.asked) == 6
    assert (report["answered"], report["invalid"]) == (0, 3)
    assert (tmp_path / "out/answers.jsonl").read_text() == ""


def test_a_word_that_names_no_choice_is_asked_for_again_and_then_counted(
    release: Path, tmp_path: Path
) -> None:
    with openai_server(lambda system, user: Words("A man in a coat.")) as server:
        report = answered(server, release, tmp_path / "out")
        told = [one.body["messages"][-1]["content"] for one in server.asked if len(one.body["messages"]) > 2]
    assert (report["answered"], report["invalid"]) == (2, 1)
    (again,) = told
    assert "none of the 5 choices" in again
    assert "JSON" not in again


def test_sorry_may_be_an_answer(release: Path, tmp_path: Path) -> None:
    with openai_server(
        lambda system, user: Words("D" if "letter" in system else "Sorry, he says.")
    ) as server:
        assert answered(server, release, tmp_path / "out")["answered"] == 3
        assert len(server.asked) == 3


@pytest.mark.parametrize("sampling", ["uniform", "evidence", "random"])
def test_frames_are_sampled_as_set(sampling: str, release: Path, tmp_path: Path) -> None:
    with openai_server(seeing) as server:
        answered(server, release, tmp_path / "out", "--frames", "4", "--sampling", sampling)
        shown = greys(about(server, "q-1"))
    assert len(set(shown)) == 4
    assert shown == sorted(shown)
    assert (shown == [5, 15, 25, 35]) == (sampling == "uniform")
    if sampling == "evidence":
        assert {2, 7} <= set(shown)


def test_killed_in_the_middle_it_goes_on_and_pays_only_for_what_was_under_way(
    release: Path, tmp_path: Path
) -> None:
    questions = [_question(f"q-{n:02}.", "frame", [n]) for n in range(COUNT)]
    _write(release / "questions/test.jsonl", questions)
    out = tmp_path / "out"
    with openai_server(seeing) as server:
        server.latency = 0.05
        command = ["answer", str(release), "--model", f"test-model@{server.url}", "--out", str(out)]
        environment = {**os.environ, "REELMILL_LLM_CONCURRENCY": "2"}
        process = subprocess.Popen([sys.executable, "-m", "reelmill_benchmark", *command], env=environment)
        deadline = time.monotonic() + 60
        while len(server.asked) < 10 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        process.wait(10)
        before = len(server.asked)
        assert 10 <= before < COUNT
        report = answered(server, release, out)
        assert report["answered"] == COUNT
        assert len(server.asked) <= COUNT + 4, "two were under way, and two may just have come"
        assert report["total"]["calls"] == COUNT


def test_a_rate_limit_is_waited_for(release: Path, tmp_path: Path) -> None:
    with openai_server(seeing) as server:
        server.then(api.limited("0.1"))
        assert answered(server, release, tmp_path / "out")["answered"] == 3


def test_a_budget_ends_it_in_good_order_and_more_of_it_goes_on(release: Path, tmp_path: Path) -> None:
    with openai_server(lambda system, user: Words("D. " + "grey " * 800)) as server:
        ended = run(server, release, tmp_path / "out", "--frames", "1", "--budget-tokens", "1900")
        assert ended.exit_code == 1
        assert "BUDGET_EXCEEDED" in ended.stderr
        asked = len(server.asked)
        assert 0 < asked < 3
        kept = (tmp_path / "out/answers.jsonl").read_text().splitlines()
        assert len(kept) == asked
        assert answered(server, release, tmp_path / "out", "--frames", "1")["answered"] == 3
        assert len(server.asked) == 3


def test_what_is_under_way_when_a_question_fails_for_good_is_kept(release: Path, tmp_path: Path) -> None:
    with openai_server(seeing) as server:
        server.latency = 0.2
        server.then(api.quota_used_up)
        ended = run(server, release, tmp_path / "out")
        assert "LLM_REJECTED" in ended.stderr
        assert len(server.asked) == 3
        assert answered(server, release, tmp_path / "out")["answered"] == 3
        assert len(server.asked) == 4, "all but the rejected one had been kept"


def test_money_without_prices_is_refused(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REELMILL_LLM_INPUT_PRICE")
    monkeypatch.delenv("REELMILL_LLM_OUTPUT_PRICE")
    with openai_server(seeing) as server:
        ended = run(server, release, tmp_path / "out", "--budget", "1")
        assert ended.exit_code == 1
        assert "REELMILL_LLM_INPUT_PRICE" in ended.stderr
        assert not server.asked


def test_a_journal_that_cannot_be_read_leaves_the_answers_as_they_are(release: Path, tmp_path: Path) -> None:
    with openai_server(seeing) as server:
        answered(server, release, tmp_path / "out")
        kept = (tmp_path / "out/answers.jsonl").read_text()
        journal = tmp_path / "out/journal.jsonl"
        journal.write_text("broken\n" + journal.read_text())
        ended = run(server, release, tmp_path / "out")
        assert "journal.jsonl:1" in ended.stderr
    assert (tmp_path / "out/answers.jsonl").read_text() == kept


def test_what_the_release_lacks_is_named(release: Path, tmp_path: Path) -> None:
    with openai_server(seeing) as server:
        (release / "frames/test/m-1/000011.png").unlink()
        (release / "frames/test/m-1/000012.png").write_bytes(b"no picture")
        ended = run(server, release, tmp_path / "out")
        assert ended.exit_code == 1
        assert "00001" in ended.stderr
        (release / "frames/test/metadata.jsonl").unlink()
        ended = run(server, release, tmp_path / "out")
        assert "hf-folder" in ended.stderr.replace("\n", " ")
        ended = run(server, release, tmp_path / "out", "--split", "train")
        assert "train" in ended.stderr


def test_answers_of_the_model_and_of_its_blind_self_can_be_scored_side_by_side(
    release: Path, tmp_path: Path
) -> None:
    with openai_server(seeing) as server:
        answered(server, release, tmp_path / "seen")
    with openai_server(lambda system, user: Words("A")) as server:
        answered(server, release, tmp_path / "blind", "--view", "blind")
    questions = str(release / "questions/test.jsonl")
    scored = {}
    for name in ("seen", "blind"):
        answers = str(tmp_path / name / "answers.jsonl")
        result = CliRunner().invoke(app, ["score-choices", questions, answers, "--json"])
        scored[name] = json.loads(result.stdout)["accuracies"][0]["all"]["value"]
    assert scored == {"seen": 1.0, "blind": 0.0}
    seen, blind = (str(tmp_path / name / "answers.jsonl") for name in ("seen", "blind"))
    result = CliRunner().invoke(app, ["score-choices", questions, seen, "--baseline", blind, "--json"])
    found = json.loads(result.stdout)["accuracies"]
    assert [(one["model"], one["all"]["value"]) for one in found[:2]] == [
        ("seen", 1.0),
        ("blind", 0.0),
    ]
    with openai_server(judge()) as server:
        more = ["--judge", f"test-model@{server.url}", "--out", str(tmp_path / "report"), "--json"]
        command = ["compare", questions, seen, "--baseline", blind, *more]
        result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["baselines"][0]["model"] == "blind"
    answers_cost, judgements_cost = report["costs"]
    assert answers_cost["calls"] == 3
    assert answers_cost["cost_micros"] > 0
    assert judgements_cost["calls"] == 5, "one answer is the reference: either order is the same question"
    assert "32 frames (uniform, of the part, 512 px), subtitles" in report["answers"][0]["asked_by"]["said"]
    page = (tmp_path / "report/report.html").read_text()
    assert "What it cost" in page
    assert "<td>blind</td>" in page
