"""The tables under mappings/ are well-formed, and cover every field that a request can have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from smx2vertex.findings import catalogue
from smx2vertex.mapping.data import load_yaml, mappings_dir

TABLES = Path(str(mappings_dir()))
STEPS = {
    "processing": "CreateProcessingJob",
    "training": "CreateTrainingJob",
    "transform": "CreateTransformJob",
    "model": "CreateModel",
    "register_model": "CreateModelPackage",
}
WITH_FIELDS = [
    *(f"steps/{name}.yaml" for name in (*STEPS, "condition", "fail")),
    *("step.yaml", "definition.yaml", "expressions.yaml", "conditions.yaml"),
]
ROW_KEYS = {"to", "drop", "verdict", "because", "code", "blocks", "harmless", "test", "from", "empty"}


def _rows() -> Iterator[Any]:
    for name in [*WITH_FIELDS, "properties.yaml"]:
        table = load_yaml(TABLES / name)
        groups = {**table.get("properties", {}), "fields": table.get("fields", {}), "": table.get("conditions", {})}
        for group, rows in groups.items():
            for path, row in rows.items():
                yield pytest.param(row, id=f"{name}:{group}:{path}")


@pytest.mark.parametrize("row", list(_rows()))
def test_row_is_well_formed(row: dict[str, Any]) -> None:
    assert set(row) <= ROW_KEYS
    assert bool(row.get("to")) != row.get("drop", False), "a row says where a field goes, or drops it"
    assert row["verdict"] in {"exact", "adapted", "redesign", "unsupported"}
    assert row["verdict"] == "exact" or row.get("because")
    assert row["verdict"] in {"exact", "adapted"} or row.get("code")
    assert row["verdict"] != "exact" or not row.get("drop"), "what is dropped is not exact"
    assert row.get("code") is None or row["code"] in catalogue()
    assert not row.get("blocks") or catalogue()[row["code"]].severity == "error"
    assert row.get("from") in {None, "artifact", "parameter", "request"}


@pytest.mark.parametrize("name", [*WITH_FIELDS, "properties.yaml", "machines.yaml", "images.yaml", "regions.yaml"])
def test_table_names_its_sources(name: str) -> None:
    sources = load_yaml(TABLES / name)["sources"]
    assert sources
    for source in sources:
        assert source["title"] and source["url"].startswith("https://") and source["checked"].year >= 2026


@pytest.mark.parametrize("path", sorted(TABLES.rglob("*.yaml")), ids=lambda path: path.name)
def test_no_key_stands_twice(path: Path) -> None:
    def walk(node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            assert len(keys) == len(set(keys)), f"{path.name}: {sorted(k for k in keys if keys.count(k) > 1)}"
            for _, value in node.value:
                walk(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                walk(value)

    walk(yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader))


@pytest.mark.parametrize(("table", "operation"), STEPS.items())
def test_every_leaf_of_the_request_has_a_row(table: str, operation: str) -> None:
    fields = load_yaml(TABLES / "steps" / f"{table}.yaml")["fields"]
    covering = [_pattern(path) for path, row in fields.items() if not row.get("empty")]
    leaves = _leaves_of(operation)
    uncovered = [leaf for leaf in leaves if not any(_is_about(covering, part) for part in _upwards(leaf))]
    assert uncovered == []


@pytest.mark.parametrize(("table", "operation"), STEPS.items())
def test_every_row_is_about_a_field_of_the_request(table: str, operation: str) -> None:
    known = {part for leaf in _leaves_of(operation) for part in _upwards(leaf)}
    rows = load_yaml(TABLES / "steps" / f"{table}.yaml")["fields"]
    assert [row for row in rows if not any(_pattern(row).fullmatch(part) for part in known)] == []


def test_types_of_conditions_are_those_of_the_sdk() -> None:
    conditions = load_yaml(TABLES / "conditions.yaml")["conditions"]
    supported = {name for name, row in conditions.items() if "to" in row}
    assert supported == {
        *("Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo", "In", "Not", "Or")
    }


def _leaves_of(operation: str) -> list[str]:
    """The leaves of a request, as botocore's service model lists them."""
    session = pytest.importorskip("botocore.session").get_session()
    return list(_leaves(session.get_service_model("sagemaker").operation_model(operation).input_shape, ""))


def _is_about(rows: list[re.Pattern[str]], path: str) -> bool:
    return any(row.fullmatch(path) for row in rows)


def _pattern(path: str) -> re.Pattern[str]:
    """What a path of a row stands for: `*` is any one key."""
    return re.compile(re.escape(path).replace(r"\*", r"[^.\[\]]+"))


def _leaves(shape: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from _leaves(member, f"{path}.{name}".lstrip("."))
    elif shape.type_name == "list":
        yield from _leaves(shape.member, f"{path}[]")
    elif shape.type_name == "map":
        yield from _leaves(shape.value, f"{path}.*")
    else:
        yield path


def _upwards(path: str) -> Iterator[str]:
    """The path and all above it: `a[].b` is below `a[]` and `a`."""
    while path:
        yield path
        path = path[:-2] if path.endswith("[]") else path.rpartition(".")[0]
