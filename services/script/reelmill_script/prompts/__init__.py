"""The prompts as text files, one folder a version; a changed text is a new version."""

import hashlib
from importlib import resources
from string import Template

from reelmill.v1 import common_pb2

VERSION = "v3"
NAMES = ("outline", "chapters", "scenes", "frames", "shorter", "changes")


def prompt_text(name: str, **values: object) -> str:
    """The text of `{VERSION}/{name}.md` with its `$slots` filled; raises KeyError for a missing value."""
    return Template(_read(name)).substitute({key: str(value) for key, value in values.items()})


def prompt_versions() -> list[common_pb2.PromptVersion]:
    """What goes into the lineage, with the files' digests."""
    return [
        common_pb2.PromptVersion(
            name=f"script/{name}", version=VERSION, digest=hashlib.sha256(_read(name).encode()).hexdigest()
        )
        for name in NAMES
    ]


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(VERSION, f"{name}.md").read_text("utf-8")
