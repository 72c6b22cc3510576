"""What the docs promise is shown by tests that exist."""

import re
from pathlib import Path


def test_the_tests_that_show_what_is_guaranteed_exist() -> None:
    page = Path("docs/triggering.md")
    rows = [line for line in page.read_text("utf-8").splitlines() if "`test_" in line]
    assert len(rows) > 5
    for row in rows:
        files = [page.parent / link for link in re.findall(r"\]\((\.\./tests/[^)]+)\)", row)]
        known = {name for file in files for name in re.findall(r"def (test_\w+)\(", file.read_text("utf-8"))}
        assert set(re.findall(r"`(test_\w+)`", row)) <= known, row
