"""The command `reelmill benchmark run`."""

import asyncio
import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from reelmill.client import ArtefactStore, BenchmarkClient
from reelmill.client.bar import Bar
from reelmill.v1 import benchmark_pb2

from .connection import DEFAULT_PROJECT, Project, credentials, storage_settings
from .making import Cost, Tokens, budget_of
from .output import USAGE, AsJson, CommandError, console, print_json
from .releases import DatasetServer, ReleaseArgument, dataset_address, release_name


class Protocol(StrEnum):
    BALANCED = "balanced"
    AUTHORS = "authors"


_PROTOCOLS = {
    Protocol.BALANCED: benchmark_pb2.BENCHMARK_PROTOCOL_BALANCED,
    Protocol.AUTHORS: benchmark_pb2.BENCHMARK_PROTOCOL_AUTHORS,
}
_BESIDE = ".report.json"
Baselines = Annotated[
    list[str] | None,
    typer.Option("--baseline", help="Answers of a model that had not seen the movies; more than once."),
]


async def run(
    release: ReleaseArgument,
    answers: Annotated[
        str, typer.Argument(help="A file, which is uploaded, or a key below the project's part of the store.")
    ],
    other: Annotated[
        str, typer.Argument(help="Another model's; without: the reference answers.", show_default=False)
    ] = "",
    baseline: Baselines = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    protocol: Annotated[
        Protocol, typer.Option(help="balanced: both orders; authors: MovieLLM's own, for parity.")
    ] = Protocol.BALANCED,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals.")] = 0,
    budget: Cost = 0.0,
    budget_tokens: Tokens = 0,
    out: Annotated[
        Path | None, typer.Option(help="Fetch the report into this folder; made when missing.")
    ] = None,
    project: Project = DEFAULT_PROJECT,
    server: DatasetServer = "",
    as_json: AsJson = False,
) -> None:
    """Let the service's judges compare models' answers; asked again, it goes on where it was."""
    name = release_name(release, project)
    async with BenchmarkClient(dataset_address(server), credentials=credentials(server)) as client:
        uri = (await client.get(name)).uri
        files = _Files(uri, name)
        request = benchmark_pb2.RunBenchmarkRequest(
            release=name,
            split=split,
            answer_keys=[await files.key(one) for one in (answers, other) if one],
            baseline_keys=[await files.key(one) for one in baseline or []],
            protocol=_PROTOCOLS[protocol],
            seed=seed,
        )
        if limit := budget_of(budget, budget_tokens):
            request.budget.CopyFrom(limit)
        with Bar("benchmark", shown=not as_json) as bar:
            report = await client.run(request, bar.told)
    if out is not None:
        prefix = report.json_key.rpartition("/")[0]
        store = ArtefactStore.from_settings(storage_settings())
        await store.download(f"s3://{files.bucket}/{prefix}/", out)
    if as_json:
        print_json(report)
        return
    console().print(report.verdict, markup=False)
    left = f", {report.invalid} judgements invalid" if report.invalid else ""
    console().print(f"[dim]{report.questions} questions{left}; {report.usage.calls} calls of judges[/]")
    console().print(f"[dim]{out / 'report.html' if out else report.html_key}[/]")


class _Files:
    """Answers as the service finds them: those that are files here are uploaded, under what they are."""

    def __init__(self, release_uri: str, release: str) -> None:
        self.bucket = urlsplit(release_uri).netloc
        self._project = "/".join(release.split("/")[:2])
        self._store: ArtefactStore | None = None

    async def key(self, answers: str) -> str:
        path = Path(answers)
        if not await asyncio.to_thread(path.is_file):
            if answers.startswith(("/", ".")):
                raise CommandError("NO_FILE", f"{answers} is no file", USAGE)
            return answers
        data = await asyncio.to_thread(path.read_bytes)
        beside = path.with_name(f"{path.stem}{_BESIDE}")
        told = await asyncio.to_thread(beside.read_bytes) if beside.is_file() else b""
        folder = f"answers/{hashlib.sha256(data + told).hexdigest()[:16]}"
        if (
            path.stem == "answers"
        ):  # as `reelmill-benchmark answer --out ours` writes them: the folder names them
            folder += f"/{path.resolve().parent.name}"  # noqa: ASYNC240
        await self._upload(f"{folder}/{path.name}", data, "application/jsonl")
        if told:
            await self._upload(f"{folder}/{beside.name}", told, "application/json")
        return f"{folder}/{path.name}"

    async def _upload(self, key: str, data: bytes, content_type: str) -> None:
        if self._store is None:
            self._store = ArtefactStore.from_settings(storage_settings())
        await self._store.upload(self.bucket, f"{self._project}/{key}", data, content_type)
