"""The judges' prompts as text files, one folder a version; a changed text is a new version."""

import hashlib
from importlib import resources
from string import Template

VERSION = "v1"


def prompt_text(name: str, **values: str) -> str:
    return Template(_text(name)).substitute(values)


def prompt_version(name: str) -> dict[str, str]:
    """Name, version and sha256, for a report."""
    return {"name": name, "version": VERSION, "sha256": hashlib.sha256(_text(name).encode()).hexdigest()}


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(VERSION, f"{name}.md").read_text("utf-8")
