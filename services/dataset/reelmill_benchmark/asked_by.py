"""How answers were asked for and what they have cost: `answers.report.json` beside `answers.jsonl`."""

import hashlib
from pathlib import Path

from pydantic import BaseModel, ValidationError


class Costs(BaseModel):
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0


class AskedBy(BaseModel):
    """`said`: for people, for example "qwen3-vl, 32 frames"; `total`: what all the answers have cost."""

    said: str
    total: Costs
    digest: str
    """sha256 of the answers file."""


def path_beside(answers: Path) -> Path:
    return answers.with_name(f"{answers.stem}.report.json")


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def asked_by(answers: Path) -> AskedBy | None:
    """None where nothing is said, or of another state of the answers file."""
    try:
        found = AskedBy.model_validate_json(path_beside(answers).read_bytes())
        return found if found.digest == digest_of(answers) else None
    except (OSError, ValidationError):
        return None
