"""The prompts: text files in a folder a version."""

import hashlib
from importlib.resources import files

from reelmill.v1 import common_pb2

VERSION = "v2"
NAMES = ("questions", "blind", "actions")


def prompt_text(name: str) -> str:
    return files(__package__).joinpath(VERSION, f"{name}.txt").read_text(encoding="utf-8")


def prompt_versions() -> list[common_pb2.PromptVersion]:
    """What goes into the lineage, with the files' digests."""
    return [
        common_pb2.PromptVersion(
            name=f"qa/{name}", version=VERSION, digest=hashlib.sha256(prompt_text(name).encode()).hexdigest()
        )
        for name in NAMES
    ]
