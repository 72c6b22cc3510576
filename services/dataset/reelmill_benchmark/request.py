"""What a benchmark is asked to be. Pure."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Self

from reelmill.v1 import benchmark_pb2
from reelmill_kit import validation
from reelmill_kit.errors import invalid
from reelmill_kit.names import ReleaseName
from reelmill_llm import Budget

from .comparing import Protocol

SPLITS = ("train", "validation", "test")
_KEY, _NAME = 512, 200
_BASELINES = 8
_PROTOCOLS = {
    benchmark_pb2.BENCHMARK_PROTOCOL_UNSPECIFIED: Protocol.BALANCED,
    benchmark_pb2.BENCHMARK_PROTOCOL_BALANCED: Protocol.BALANCED,
    benchmark_pb2.BENCHMARK_PROTOCOL_AUTHORS: Protocol.AUTHORS,
}


@dataclass(frozen=True, slots=True)
class BenchmarkRequest:
    """A checked request; files by the field that names them, and their whole keys."""

    release: ReleaseName
    split: str
    answers: dict[str, str]
    baselines: dict[str, str]
    protocol: Protocol
    seed: int
    budget: Budget

    @classmethod
    def parse(cls, message: benchmark_pb2.RunBenchmarkRequest) -> Self:
        """Raises INVALID_FIELD naming the field."""
        release = ReleaseName.parse(message.release, "release")
        split = message.split or "test"
        if split not in SPLITS:
            raise invalid("split", f"{split[:40]!r} is none of {', '.join(SPLITS)}")
        if not 1 <= len(message.answer_keys) <= 2:
            raise invalid("answer_keys", f"has {len(message.answer_keys)} keys; one or two are needed")
        if len(message.baseline_keys) > _BASELINES:
            raise invalid("baseline_keys", f"has {len(message.baseline_keys)} keys; at most {_BASELINES}")
        if message.protocol not in _PROTOCOLS:
            raise invalid("protocol", f"{message.protocol} is no protocol")
        if message.seed < 0:
            raise invalid("seed", f"{message.seed} is negative")
        answers = _keys("answer_keys", list(message.answer_keys), release.project)
        if len(set(answers.values())) < len(answers):
            raise invalid("answer_keys[1]", "is the first once more; a model is not compared with itself")
        return cls(
            release=release,
            split=split,
            answers=answers,
            baselines=_keys("baseline_keys", list(message.baseline_keys), release.project),
            protocol=_PROTOCOLS[message.protocol],
            seed=message.seed,
            budget=Budget.of(validation.budget(message.budget, "budget")),
        )


def _keys(field: str, keys: list[str], project: str) -> dict[str, str]:
    return {f"{field}[{n}]": _key(f"{field}[{n}]", key, project) for n, key in enumerate(keys)}


def _key(field: str, key: str, project: str) -> str:
    """Below the project's part of the store, and nowhere else."""
    if not 1 <= len(key) <= _KEY or not key.isprintable():
        raise invalid(field, f"is not 1 to {_KEY} printable characters")
    path = PurePosixPath(key)
    if path.is_absolute() or str(path) != key or ".." in path.parts or len(path.name.encode()) > _NAME:
        raise invalid(field, f"{key[:80]!r} is no key below projects/{project}/")
    return f"projects/{project}/{key}"
