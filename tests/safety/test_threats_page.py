"""Each threat of docs/threats.md names a test, and the test is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from support import REPOSITORY

PAGE = (REPOSITORY / "docs" / "threats.md").read_text(encoding="utf-8")
ROWS = [line for table in re.findall(r"\| threat \|.*\n\| ---.*\n((?:\|.*\n)+)", PAGE) for line in table.splitlines()]


def test_the_page_lists_threats() -> None:
    assert len(ROWS) > 30


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_each_threat_names_a_test_that_is_there(row: str) -> None:
    found = re.fullmatch(r"\| [^|]+ \| [^|]+ \| `(tests/[\w/]+\.py)::(test_\w+)` \|", row)
    assert found, row
    assert found[2] in functions(REPOSITORY / found[1])


def functions(file: Path) -> set[str]:
    """The names of the functions at the top of a module."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
