"""The core of benchmarks on the object store: answers lie there, the report is written there, once."""

import asyncio
import hashlib
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from google.protobuf import json_format

from reelmill.v1 import benchmark_pb2, common_pb2
from reelmill_dataset.releases.stage import Record, ReleaseStage
from reelmill_kit.errors import Reason, ReelmillError, invalid
from reelmill_kit.progress import Report
from reelmill_kit.store import ObjectStore
from reelmill_kit.telemetry import logger, tracer
from reelmill_llm import Llm

from .asked_by import digest_of, path_beside
from .comparing import Contest, read_contest
from .journal import StoredJournal
from .judging import used_prompts
from .reading import read_questions
from .request import BenchmarkRequest

# Raised when the same request would get another report.
_REPORTING = 1
_LARGEST = 1024 * 1024 * 1024
_JSON, _HTML, _JSONL = "application/json", "text/html; charset=utf-8", "application/jsonl"


class BenchmarkStage:
    def __init__(self, store: ObjectStore, releases: ReleaseStage, judges: list[Llm]) -> None:
        self._store = store
        self._releases = releases
        self._judges = judges
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(
        self, message: benchmark_pb2.RunBenchmarkRequest, report: Report
    ) -> benchmark_pb2.BenchmarkReport:
        """The stored report; the one that is there where request, answers and judges are the same.

        Raises INVALID_FIELD, naming file and line of answers that cannot be read, NOT_FOUND for a release or
        answers that are not there, WRONG_STATE where there is no judge, BUDGET_EXCEEDED, one of the LLM's
        reasons, or STORE_UNAVAILABLE.
        """
        request = BenchmarkRequest.parse(message)
        if not self._judges:
            raise ReelmillError(
                Reason.WRONG_STATE,
                "no language model judges: set REELMILL_LLM_MODEL or REELMILL_BENCHMARK_JUDGES for the "
                "dataset service; `reelmill-benchmark score-choices` needs none",
                missing="judge",
            )
        with tracer().start_as_current_span(
            "run benchmark", attributes={"reelmill.release": str(request.release)}
        ) as span:
            record = await self._releases.existing(request.release)
            with tempfile.TemporaryDirectory(prefix="reelmill-benchmark-") as folder:
                report("fetching questions and answers")
                files = await self._fetched(request, record, Path(folder))
                digests = await asyncio.to_thread(
                    lambda: {name: digest_of(path) for name, path in files.items()}
                )
                prefix = request.release.report_prefix(self._digest(request, record, digests))
                stored = await self._stored(prefix)
                span.set_attribute("reelmill.reused", stored is not None)
                if stored is None:
                    contest = await asyncio.to_thread(self._contest, request, files)
                    answers = [digests[name] for name in request.answers]
                    judgements = request.release.judgements_prefix(
                        _sha256([record.release["digest"], request.split, answers])
                    )
                    # Who asks for the same at the same time waits, instead of paying for it too.
                    async with self._locks.setdefault(judgements, asyncio.Lock()):
                        stored = await self._stored(prefix)
                        if stored is None:
                            stored = await self._judged(request, contest, judgements, prefix, report)
            return _message(stored, prefix)

    async def _judged(
        self, request: BenchmarkRequest, contest: Contest, judgements: str, prefix: str, report: Report
    ) -> dict[str, Any]:
        """The report, which is stored last; the first of those who make it at the same time counts."""
        journal = await StoredJournal.open(self._store, judgements)
        found = await contest.judged(
            self._judges, request.budget, journal, request.protocol, request.seed, report
        )
        content = {
            "release": str(request.release),
            "split": request.split,
            "create_time": datetime.now(UTC).isoformat(timespec="seconds"),
            **found.report,
        }
        await self._store.put(f"{prefix}judgements.jsonl", found.judgements.encode(), _JSONL)
        await self._store.put(f"{prefix}report.html", found.page.encode(), _HTML)
        data = json.dumps(content, indent=1, ensure_ascii=False).encode()
        if not await self._store.put_new(f"{prefix}report.json", data, _JSON):
            return await self._stored(prefix) or content
        logger().info("benchmark run", release=str(request.release), questions=content["questions"])
        return content

    async def _fetched(self, request: BenchmarkRequest, record: Record, folder: Path) -> dict[str, Path]:
        """The files by the field that names them. Raises INVALID_FIELD or NOT_FOUND."""
        files = {"split": folder / f"{request.split}.jsonl"}
        try:
            await self._store.get_file(f"{record.prefix}questions/{request.split}.jsonl", files["split"])
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            raise invalid("split", f"{request.release} has no questions of {request.split!r}") from error
        for field, key in {**request.answers, **request.baselines}.items():
            files[field] = folder / field / key.rpartition("/")[2]
            await asyncio.to_thread(files[field].parent.mkdir)
            await self._fetch_answers(field, key, files[field])
        return files

    async def _fetch_answers(self, field: str, key: str, target: Path) -> None:
        sizes = {info.key: info.size for info in await self._store.list(key)}
        if key not in sizes:
            raise ReelmillError(
                Reason.NOT_FOUND, f"{field}: there is no object {self._store.uri(key)}", field=field, key=key
            )
        if sizes[key] > _LARGEST:
            raise invalid(field, f"{key} is larger than {_LARGEST // 2**30} GiB")
        await self._store.get_file(key, target)
        beside = f"{key.rpartition('/')[0]}/{path_beside(target).name}"
        if await self._store.exists(beside):
            await self._store.get_file(beside, path_beside(target))

    def _contest(self, request: BenchmarkRequest, files: dict[str, Path]) -> Contest:
        return read_contest(
            read_questions(files["split"]),
            [(field, files[field]) for field in request.answers],
            [(field, files[field]) for field in request.baselines],
            {files[field]: key for field, key in {**request.answers, **request.baselines}.items()},
        )

    def _digest(self, request: BenchmarkRequest, record: Record, digests: dict[str, str]) -> str:
        return _sha256(
            [
                _REPORTING,
                record.release["digest"],
                request.split,
                list(request.answers.values()),
                list(request.baselines.values()),
                sorted(digests.items()),
                request.protocol,
                request.seed,
                [judge.model for judge in self._judges],
                used_prompts("compare"),
            ]
        )

    async def _stored(self, prefix: str) -> dict[str, Any] | None:
        try:
            found = json.loads(await self._store.get(f"{prefix}report.json"))
        except ReelmillError as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return None
        except ValueError as error:
            raise ReelmillError(
                Reason.WRONG_STATE,
                f"{prefix}report.json cannot be read; remove it",
                key=f"{prefix}report.json",
            ) from error
        return found if isinstance(found, dict) else None


def _message(report: dict[str, Any], prefix: str) -> benchmark_pb2.BenchmarkReport:
    (of_judges,) = [cost for cost in report["costs"] if cost["of"] == "judgements"]
    names = common_pb2.Usage.DESCRIPTOR.fields_by_name
    message = benchmark_pb2.BenchmarkReport(
        json_key=f"{prefix}report.json",
        html_key=f"{prefix}report.html",
        questions=report["questions"],
        invalid=report["invalid"],
        usage=json_format.ParseDict({name: of_judges[name] for name in names}, common_pb2.Usage()),
        verdict=report["verdict"],
    )
    message.create_time.FromJsonString(report["create_time"])
    if balanced := report["balanced"]:
        gap = balanced["gap"]
        message.win_gap, message.win_gap_low, message.win_gap_high = gap["value"], gap["low"], gap["high"]
    elif authors := report["authors"]:
        message.win_gap = message.win_gap_low = message.win_gap_high = authors["gap"]
    return message


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
