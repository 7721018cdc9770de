"""The mapping tables as rows that can be looked up along the path of a field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from .data import load_yaml, mappings_dir

Verdict: TypeAlias = Literal["exact", "adapted", "redesign", "unsupported"]
VERDICTS: tuple[Verdict, ...] = ("exact", "adapted", "redesign", "unsupported")


@dataclass(frozen=True, slots=True)
class Row:
    """One rule: which field becomes what.

    Attributes:
        rule: table and path, such as `processing:Environment.*`.
        to: what it becomes; None if it is dropped.
        because: why the verdict is what it is.
        code: a finding that a field of this kind raises, or None.
        blocks: whether a value that matters keeps the whole step from being translated.
        harmless: values for which dropping the field changes nothing.
        empty: whether the row is for the empty list or object alone.
    """

    rule: str
    file: str
    to: str | None
    verdict: Verdict
    because: str = ""
    code: str | None = None
    blocks: bool = False
    harmless: tuple[Any, ...] = ()
    empty: bool = False


@dataclass(slots=True)
class Node:
    """A place in the tree of a table's paths."""

    row: Row | None = None
    children: dict[str, Node] = field(default_factory=dict)

    def child(self, key: str) -> Node | None:
        """The node of a key; `*` stands for any key, `[]` for any element of a list."""
        found = self.children.get(key)
        return found if found is not None or key == "[]" else self.children.get("*")


@dataclass(frozen=True, slots=True)
class Table:
    """A table: what the whole becomes, its verdict, and the tree of its rows."""

    name: str
    target: str
    verdict: Verdict
    root: Node
    rows: tuple[Row, ...]


def _split(path: str) -> Iterator[str]:
    """The keys of a row's path: `Outputs[].S3Uri` has three, `Outputs`, `[]` and `S3Uri`."""
    for part in path.split("."):
        if part.endswith("[]"):
            yield part[:-2]
            yield "[]"
        else:
            yield part


def read_table(file: Path, key: str = "fields") -> Table:
    """Read a table.

    Args:
        file: a YAML file of `mappings/`.
        key: where in it the rows stand.
    """
    document = load_yaml(file)
    name, root, rows = file.stem, Node(), []
    for path, entry in document[key].items():
        row = _row(f"{name}:{path}", file.name, entry)
        rows.append(row)
        node = root
        for part in _split(path):
            node = node.children.setdefault(part, Node())
        node.row = row
    return Table(name, document["target"], document["verdict"], root, tuple(rows))


def _row(rule: str, file: str, entry: dict[str, Any]) -> Row:
    return Row(
        rule=rule,
        file=file,
        to=None if entry.get("drop") else str(entry["to"]),
        verdict=entry["verdict"],
        because=entry.get("because", ""),
        code=entry.get("code"),
        blocks=bool(entry.get("blocks")),
        harmless=tuple(entry.get("harmless", ())),
        empty=bool(entry.get("empty")),
    )


@cache
def step_tables() -> dict[str, Table]:
    """The tables of the step types, by type."""
    files = sorted((mappings_dir() / "steps").glob("*.yaml"))
    return {load_yaml(file)["step"]: read_table(file) for file in files}


@cache
def table(name: str) -> Table:
    """A table of something that concerns all step types: `step`, `definition`, `expressions` or `conditions`."""
    return read_table(mappings_dir() / f"{name}.yaml")


@cache
def condition_rows() -> dict[str, Row]:
    """The rows of the types of conditions."""
    return {
        row.rule.partition(":")[2]: row for row in read_table(mappings_dir() / "conditions.yaml", "conditions").rows
    }


@cache
def property_rows() -> dict[str, dict[str, Row]]:
    """The rows of property references: by type of the step that is referred to, then by pattern of the path."""
    file = mappings_dir() / "properties.yaml"
    types = load_yaml(file)["properties"]
    return {
        type_: {path: _row(f"properties:{type_}.{path}", file.name, entry) for path, entry in rows.items()}
        for type_, rows in types.items()
    }


def worse(first: Verdict, second: Verdict) -> Verdict:
    """The less faithful of two verdicts."""
    return max(first, second, key=VERDICTS.index)
