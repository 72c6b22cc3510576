"""The prompts as text files, one folder a version; a changed text is a new version."""

from importlib import resources
from string import Template

VERSION = "v2"


def prompt_text(name: str, **values: object) -> str:
    """The text of `{VERSION}/{name}.md` with its `$slots` filled; raises KeyError for a missing value."""
    text = resources.files(__package__).joinpath(VERSION, f"{name}.md").read_text("utf-8")
    return Template(text).substitute({key: str(value) for key, value in values.items()})
