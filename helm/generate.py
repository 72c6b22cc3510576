"""Writes the chart's values.schema.json, the table of values in its README.md, and rights at S3.

python helm/generate.py [--check]
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from reelmill_kit.rights.store import SERVICES, rights

CHART = Path(__file__).parent / "reelmill"
SOURCE = Path(__file__).parent / "values.schema.yaml"
_BEGIN, _END = "<!-- values -->\n", "<!-- end of values -->\n"


def rows(schema: dict[str, Any], values: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Path, default and description of every value; a folder of values stands as what is in it."""
    for name, part in schema["properties"].items():
        here = f"{path}.{name}" if path else name
        given = values.get(name) if isinstance(values, dict) else None
        if "properties" in part:
            yield from rows(part, given, here)
        elif name != "global":
            yield here, json.dumps(given), part["description"]


def page(schema: dict[str, Any]) -> str:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    lines = ["| value | default | what it is |", "|---|---|---|"]
    lines += [
        f"| `{path}` | `{default}` | {text.replace('|', '/')} |"
        for path, default, text in rows(schema, values)
    ]
    readme = (CHART / "README.md").read_text()
    before, rest = readme.split(_BEGIN)
    return before + _BEGIN + "\n".join(lines) + "\n" + _END + rest.split(_END)[1]


def s3_rights() -> dict[str, dict[str, tuple[str, ...]]]:
    """By service: patterns of keys by what may be done."""
    told = {role: rights(role) for role in SERVICES}
    return {role: {"Read": has.read, "Write": has.write, "List": has.list} for role, has in told.items()}


def main() -> None:
    schema = yaml.safe_load(SOURCE.read_text())
    wanted = {
        CHART / "values.schema.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n",
        CHART / "README.md": page(schema),
        CHART / "files" / "s3-rights.json": json.dumps(s3_rights(), indent=1) + "\n",
    }
    for path, text in wanted.items():
        if path.is_file() and path.read_text() == text:
            continue
        if "--check" in sys.argv:
            sys.exit(f"{path.relative_to(CHART.parent)} is out of date: run python helm/generate.py")
        path.write_text(text)


if __name__ == "__main__":
    main()
