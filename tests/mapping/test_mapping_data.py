"""The tables under mappings/ are well-formed."""

from __future__ import annotations

from pathlib import Path

import pytest

from smx2vertex.mapping.check import check_table, table_files
from smx2vertex.mapping.data import load_yaml, mappings_dir
from smx2vertex.mapping.tables import Table, step_tables


@pytest.mark.parametrize("file", table_files(), ids=lambda file: file.stem)
def test_table_is_well_formed(file: Path) -> None:
    assert [str(mistake) for mistake in check_table(file)] == []


@pytest.mark.parametrize("name", ["machines.yaml", "images.yaml", "regions.yaml"])
def test_table_names_its_sources(name: str) -> None:
    sources = load_yaml(mappings_dir() / name)["sources"]
    assert sources
    for source in sources:
        assert source["title"] and source["url"].startswith("https://") and source["checked"].year >= 2026


@pytest.mark.parametrize(
    "each", [each for each in step_tables().values() if each.is_redesign], ids=lambda each: each.name
)
def test_a_type_that_is_not_translated_promises_nothing(each: Table) -> None:
    assert each.target.startswith("task that fails until it is redesigned: ")
    assert {row.verdict for row in each.all_rows} <= {"redesign", "unsupported"}
