"""RunBenchmark on the dataset service as a process, with a real S3 server and a judge behind HTTP."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reelmill.cli import app
from reelmill.client import BenchmarkClient, CallError
from reelmill.v1 import benchmark_pb2, common_pb2, dataset_pb2
from reelmill_dataset.releases.stage import ReleaseStage
from reelmill_dataset.stage import DatasetStage
from reelmill_kit.names import MovieName
from reelmill_kit.progress import silent
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store
from reelmill_local.stack import LocalStack
from tests.support.judge import judge
from tests.support.openai_server import API_KEY, OpenAiServer, no_json, openai_server
from tests.unit.dataset.movies import MOVIE, finished_movie

pytestmark = [pytest.mark.stack, pytest.mark.slow]
MOVIES, QUESTIONS = 4, 20


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAiServer]:
    with openai_server(judge(first=0.5, sharpness=0.45)) as running:
        yield running


@pytest.fixture(scope="module")
def stack(server: OpenAiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    environment = {
        "REELMILL_LLM_MODEL": "test-model",
        "REELMILL_LLM_BASE_URL": server.url,
        "REELMILL_LLM_API_KEY": API_KEY,
        "REELMILL_LLM_ATTEMPTS": "2",
        "REELMILL_LLM_CONCURRENCY": "2",
        "REELMILL_LLM_INPUT_PRICE": "2",
        "REELMILL_LLM_OUTPUT_PRICE": "8",
    }
    folder = tmp_path_factory.mktemp("stack")
    with LocalStack(folder, only=("nats", "s3", "dataset"), environment=environment) as running:
        yield running


@dataclass
class Benchmark:
    """A release of a project of its own, and two models' answers beside it: ours is better."""

    stack: LocalStack
    store: S3Store
    project: str
    keys: list[str] = field(default_factory=list)

    @property
    def client(self) -> BenchmarkClient:
        return BenchmarkClient(self.stack.addresses["dataset"], credentials=self.stack.credentials)

    def request(self, **fields: object) -> benchmark_pb2.RunBenchmarkRequest:
        asked = {"split": "train", "answer_keys": self.keys, **fields}
        release = f"projects/{self.project}/releases/v1"
        return benchmark_pb2.RunBenchmarkRequest(release=release, **asked)  # type: ignore[arg-type]

    async def put(self, key: str, data: bytes) -> str:
        await self.store.put(f"projects/{self.project}/{key}", data, "application/jsonl")
        return key

    async def run(self, **fields: object) -> benchmark_pb2.BenchmarkReport:
        async with self.client as client:
            return await client.run(self.request(**fields))

    async def refused(self, **fields: object) -> CallError:
        with pytest.raises(CallError) as caught:
            await self.run(**fields)
        return caught.value


@pytest.fixture
async def benchmark(stack: LocalStack, server: OpenAiServer) -> Benchmark:
    settings = {name.removeprefix("REELMILL_").lower(): value for name, value in stack.environment.items()}
    store = S3Store(ServiceSettings.model_validate(settings))
    made = Benchmark(stack, store, f"p{uuid.uuid4().hex[:12]}")
    movie = await finished_movie()
    names = [MovieName(made.project, f"m-{n}") for n in range(MOVIES)]
    for name in names:
        for key, data in movie.objects.items():
            data = data.replace(str(MOVIE).encode(), str(name).encode())
            await store.put(key.replace(str(MOVIE), str(name)), data, "")
        await DatasetStage(store).run(dataset_pb2.ExportMovieRequest(movie=str(name)), silent)
    release = dataset_pb2.Release(
        movies=[str(name) for name in names], splits=dataset_pb2.SplitOptions(train_only=True)
    )
    await ReleaseStage(store).create(
        dataset_pb2.CreateReleaseRequest(parent=f"projects/{made.project}", release_id="v1", release=release),
        silent,
    )
    for model, quality in (("ours", 5), ("theirs", 1)):
        made.keys.append(await made.put(f"answers/{model}.jsonl", answers(model, quality)))
    server.asked.clear()
    server.always(None)
    server.latency = 0.0
    return made


def answers(model: str, quality: int) -> bytes:
    # What they say has the project's name in it nowhere: judgements of one test would not serve another.
    mark = uuid.uuid4().hex[:6]
    rows = [
        {"id": f"m-{n}/q-{q:04}", "answer": f"{model} {mark} says so of {n} and {q}, quality {quality}"}
        for n in range(MOVIES)
        for q in range(1, 6)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


async def test_the_stream_carries_progress_and_ends_with_the_report_which_is_stored(
    benchmark: Benchmark, server: OpenAiServer
) -> None:
    told: list[common_pb2.Progress] = []
    async with benchmark.client as client:
        report = await client.run(benchmark.request(), told.append)
    assert any(one.message == "judging" and one.total == 2 * QUESTIONS for one in told)
    assert report.questions == QUESTIONS
    assert report.win_gap_low <= report.win_gap <= report.win_gap_high
    assert report.win_gap > 0
    assert "ours" in report.verdict
    assert report.usage.calls == len(server.asked) == 2 * QUESTIONS
    assert report.usage.cost_micros > 0
    assert report.json_key.startswith(f"projects/{benchmark.project}/benchmarks/v1/")
    stored = json.loads(await benchmark.store.get(report.json_key))
    assert stored["models"] == ["ours", "theirs"]
    assert stored["balanced"]["gap"]["value"] == report.win_gap
    page = (await benchmark.store.get(report.html_key)).decode()
    assert report.verdict in page
    assert "What it cost" in page


async def test_asked_again_it_is_the_same_report_and_costs_nothing(
    benchmark: Benchmark, server: OpenAiServer
) -> None:
    first = await benchmark.run()
    again = await benchmark.run()
    assert again == first
    other = await benchmark.run(seed=7)
    assert other.json_key != first.json_key
    assert (other.win_gap, other.usage) == (first.win_gap, first.usage)
    authors = await benchmark.run(protocol=benchmark_pb2.BENCHMARK_PROTOCOL_AUTHORS)
    assert authors.win_gap == authors.win_gap_low == authors.win_gap_high
    assert len(server.asked) == 2 * QUESTIONS, "every judgement has been paid for once"


async def test_two_who_ask_at_once_pay_once(benchmark: Benchmark, server: OpenAiServer) -> None:
    server.latency = 0.02
    first, second = await asyncio.gather(benchmark.run(), benchmark.run())
    assert first == second
    assert len(server.asked) == 2 * QUESTIONS


async def test_a_service_that_is_killed_goes_on_where_it_was(
    benchmark: Benchmark, server: OpenAiServer
) -> None:
    server.latency = 0.1
    running = asyncio.create_task(benchmark.run())
    while len(server.asked) < 12:
        await asyncio.sleep(0.01)
    await asyncio.to_thread(benchmark.stack.kill, "dataset")
    with pytest.raises(CallError):
        await running
    assert len(server.asked) < 2 * QUESTIONS
    await asyncio.to_thread(benchmark.stack.wait_ready, "dataset")
    report = await benchmark.run()
    assert report.questions == QUESTIONS
    # Two were under way, and two may just have come.
    assert len(server.asked) <= 2 * QUESTIONS + 4


async def test_a_caller_who_leaves_ends_it_and_who_comes_again_goes_on(
    benchmark: Benchmark, server: OpenAiServer
) -> None:
    server.latency = 0.1
    running = asyncio.create_task(benchmark.run())
    while len(server.asked) < 10:
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.sleep(1)
    asked = len(server.asked)
    assert asked < 2 * QUESTIONS
    await asyncio.sleep(0.5)
    assert len(server.asked) == asked, "nobody listens, nobody pays"
    await benchmark.run()
    assert len(server.asked) <= 2 * QUESTIONS + 4


async def test_a_budget_ends_it_and_more_of_it_goes_on(benchmark: Benchmark, server: OpenAiServer) -> None:
    ended = await benchmark.refused(budget=common_pb2.Budget(tokens=2500))
    assert ended.reason == "BUDGET_EXCEEDED"
    asked = len(server.asked)
    assert 0 < asked < 2 * QUESTIONS
    again = await benchmark.refused(budget=common_pb2.Budget(tokens=2500))
    assert (again.reason, len(server.asked)) == ("BUDGET_EXCEEDED", asked)
    report = await benchmark.run(budget=common_pb2.Budget(tokens=10_000_000))
    assert report.usage.calls == len(server.asked) == 2 * QUESTIONS


async def test_a_judge_that_talks_nonsense_is_counted(benchmark: Benchmark, server: OpenAiServer) -> None:
    server.always(no_json)
    report = await benchmark.run()
    assert report.invalid == 2 * QUESTIONS
    assert report.verdict == "No usable judgement."
    assert report.usage.calls == len(server.asked) == 4 * QUESTIONS


async def test_a_line_of_a_hundred_megabytes_that_is_broken_is_named(
    benchmark: Benchmark, server: OpenAiServer
) -> None:
    line = json.dumps({"id": "m-0/q-none", "answer": "x" * 400}).encode() + b"\n"
    count = 100_000_000 // len(line)
    key = await benchmark.put("answers/large.jsonl", line * count + b'{"id": "m-0/q-0001", "answer": \n')
    started = asyncio.get_running_loop().time()
    refused = await benchmark.refused(answer_keys=[key, benchmark.keys[1]])
    print(f"refused after {asyncio.get_running_loop().time() - started:.1f} s")
    assert refused.reason == "INVALID_FIELD"
    assert refused.metadata["field"] == "answer_keys[0]"
    assert f"large.jsonl:{count + 1}" in refused.message
    assert not server.asked


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"answer_keys": []}, "answer_keys"),
        ({"answer_keys": ["a", "b", "c"]}, "answer_keys"),
        ({"answer_keys": ["answers/ours.jsonl", "answers/ours.jsonl"]}, "answer_keys[1]"),
        ({"answer_keys": ["../other/answers/ours.jsonl"]}, "answer_keys[0]"),
        ({"answer_keys": ["/answers/ours.jsonl"]}, "answer_keys[0]"),
        ({"answer_keys": ["x" * 300]}, "answer_keys[0]"),
        ({"baseline_keys": ["a//b"]}, "baseline_keys[0]"),
        ({"split": "exam"}, "split"),
        ({"split": "test"}, "split"),
        ({"protocol": 9}, "protocol"),
        ({"seed": -1}, "seed"),
        ({"budget": common_pb2.Budget(tokens=-1)}, "budget.tokens"),
    ],
)
async def test_bad_input_is_refused_by_its_field(
    benchmark: Benchmark, server: OpenAiServer, fields: dict[str, object], field: str
) -> None:
    refused = await benchmark.refused(**fields)
    assert (refused.reason, refused.metadata) == ("INVALID_FIELD", {"field": field})
    assert not server.asked


async def test_what_is_not_there_is_named(benchmark: Benchmark) -> None:
    refused = await benchmark.refused(answer_keys=["answers/nobodys.jsonl"])
    assert (refused.reason, refused.metadata["field"]) == ("NOT_FOUND", "answer_keys[0]")
    request = benchmark.request()
    request.release = f"projects/{benchmark.project}/releases/v9"
    async with benchmark.client as client:
        with pytest.raises(CallError, match="NOT_FOUND"):
            await client.run(request)


async def test_on_the_command_line_files_are_uploaded_and_the_report_is_fetched(
    benchmark: Benchmark, tmp_path: Path
) -> None:
    ours = tmp_path / "mine.jsonl"
    ours.write_bytes(answers("mine", 5))
    environment = {
        **benchmark.stack.environment,
        "REELMILL_DATASET_SERVER": benchmark.stack.addresses["dataset"],
        "REELMILL_PROJECT": benchmark.project,
    }
    command = ["benchmark", "run", "v1", str(ours), "answers/theirs.jsonl", "--split", "train"]
    more = ["--out", str(tmp_path / "report"), "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, app, [*command, *more], env=environment)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert "mine" in report["verdict"]
    found = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert found == ["judgements.jsonl", "report.html", "report.json"]
