"""Whatever a table calls adapted names the test that holds it."""

from __future__ import annotations

import ast
from functools import cache

import pytest
from support import REPOSITORY

from smx2vertex.mapping.check import table_files
from smx2vertex.mapping.data import load_yaml
from smx2vertex.mapping.tables import Row, all_tables

ADAPTED = [row for table in all_tables() for row in table.all_rows if row.verdict == "adapted"]


@cache
def _tests(file: str) -> frozenset[str]:
    """The names of a file's tests; none if there is no such file."""
    path = REPOSITORY / file
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def _exists(test: str | None) -> bool:
    file, _, name = (test or "").partition("::")
    return name.startswith("test_") and name in _tests(file)


@pytest.mark.parametrize("row", ADAPTED, ids=lambda row: row.rule)
def test_a_row_that_is_adapted_names_a_test(row: Row) -> None:
    assert _exists(row.test), f"{row.file}: {row.rule} names {row.test}"


def test_a_table_that_is_adapted_names_a_test() -> None:
    documents = {file.name: load_yaml(file) for file in table_files()}
    adapted = {name: document for name, document in documents.items() if document["verdict"] == "adapted"}
    assert adapted
    assert [name for name, document in adapted.items() if not _exists(document.get("test"))] == []


def test_a_test_that_is_not_there_is_noticed() -> None:
    file = "tests/mapping/test_verdicts_are_held.py"
    assert _exists(f"{file}::test_a_test_that_is_not_there_is_noticed")
    assert not any(
        map(_exists, (None, file, f"{file}::_exists", f"{file}::test_nothing", "tests/none.py::test_nothing"))
    )
