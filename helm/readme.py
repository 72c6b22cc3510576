"""Writes the table of values into the chart's README.md: `python helm/readme.py [--check]`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent / "reelmill"
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


def page() -> str:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    lines = ["| value | default | what it is |", "|---|---|---|"]
    lines += [
        f"| `{path}` | `{default}` | {text.replace('|', '/')} |"
        for path, default, text in rows(schema, values)
    ]
    readme = (CHART / "README.md").read_text()
    before, rest = readme.split(_BEGIN)
    return before + _BEGIN + "\n".join(lines) + "\n" + _END + rest.split(_END)[1]


def main() -> None:
    wanted = page()
    if "--check" in sys.argv:
        if (CHART / "README.md").read_text() != wanted:
            sys.exit("helm/reelmill/README.md is out of date: run python helm/readme.py")
        return
    (CHART / "README.md").write_text(wanted)


if __name__ == "__main__":
    main()
