"""The mapping tables as rows that can be looked up along the path of a field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from .data import load_yaml, mappings_dir

Verdict: TypeAlias = Literal["exact", "adapted", "redesign", "unsupported"]
VERDICTS: tuple[Verdict, ...] = ("exact", "adapted", "redesign", "unsupported")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Row:
    """One rule: which field becomes what.

    Attributes:
        rule: table and path, such as `processing:Environment.*`, or `lambda.step:FunctionArn` for a key beside the
            Arguments.
        file: our file, such as `mappings/steps/processing.yaml`, or the user's, as they call it.
        to: what it becomes; None if it is dropped.
        because: why the verdict is what it is.
        code: a finding that a field of this kind raises, or None.
        blocks: whether a value that matters keeps the whole step from being translated.
        harmless: values for which dropping the field changes nothing.
        empty: whether the row is for the empty list or object alone.
        test: the test that holds the verdict, as `tests/FILE.py::NAME`; a row that is `adapted` has that of its table
            (`test`, or `dropped_test` for what is dropped) unless it names one itself.
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
    test: str | None = None


@dataclass(slots=True)
class Node:
    """A place in the tree of a table's paths."""

    row: Row | None = None
    children: dict[str, Node] = field(default_factory=dict)

    def child(self, key: str) -> Node | None:
        """The node of a key; `*` stands for any key, `[]` for any element of a list."""
        found = self.children.get(key)
        return found if found is not None or key == "[]" else self.children.get("*")

    def rows(self) -> Iterator[Row]:
        """The rows of this tree."""
        if self.row is not None:
            yield self.row
        for child in self.children.values():
            yield from child.rows()


def merged(below: Node | None, above: Node | None) -> Node:
    """A tree over another one: a row replaces the row of its path and all rows below it, `*` those of any key."""
    if below is None or above is None:
        return below or above or Node()
    if above.row is not None and not above.row.empty:
        return above
    both = Node(above.row or below.row)
    for key in dict.fromkeys((*below.children, *above.children)):
        any_key = key != "[]"
        ours = below.children.get(key) or (below.children.get("*") if any_key else None)
        of_all = above.children.get("*") if any_key and key != "*" else None
        both.children[key] = merged(merged(ours, of_all), above.children.get(key))
    return both


@dataclass(frozen=True, slots=True)
class Table:
    """A table: what the whole becomes, its verdict, and the tree of its rows.

    Attributes:
        step: the step type that it is about, or None.
        step_root, step_rows: of a step type, the keys that stand beside the step's Arguments.
        sources: title, address and day (`checked`) of what the table's claims rest on.
    """

    name: str
    target: str
    verdict: Verdict
    root: Node
    rows: tuple[Row, ...]
    step: str | None = None
    step_root: Node = field(default_factory=Node)
    step_rows: tuple[Row, ...] = ()
    sources: tuple[dict[str, Any], ...] = ()

    @property
    def all_rows(self) -> tuple[Row, ...]:
        """The rows, those beside the Arguments too."""
        return (*self.rows, *self.step_rows)

    @property
    def is_redesign(self) -> bool:
        """Whether nothing of this is translated: one finding about the whole speaks for all rows."""
        return self.verdict in ("redesign", "unsupported")


def split(path: str) -> Iterator[str]:
    """The keys of a row's path: `Outputs[].S3Uri` has three, `Outputs`, `[]` and `S3Uri`."""
    for part in path.split("."):
        if part.endswith("[]"):
            yield part[:-2]
            yield "[]"
        else:
            yield part


def upwards(path: str) -> Iterator[str]:
    """A path and all above it: `Outputs[].S3Uri` is below `Outputs[]` and `Outputs`."""
    while path:
        yield path
        path = path[:-2] if path.endswith("[]") else path.rpartition(".")[0]


def read_table(file: Path, key: str = "fields") -> Table:
    """Read a table.

    Args:
        file: a YAML file of `mappings/`.
        key: where in it the rows stand.
    """
    document = load_yaml(file)
    shown = _shown(file)
    root, rows = tree(file.stem, shown, document[key], document)
    step_root, step_rows = tree(f"{file.stem}.step", shown, document.get("step_fields", {}), document)
    return Table(
        name=file.stem,
        target=document["target"],
        verdict=document["verdict"],
        root=root,
        rows=rows,
        step=document.get("step"),
        step_root=step_root,
        step_rows=step_rows,
        sources=tuple(document.get("sources", ())),
    )


def _shown(file: Path) -> str:
    """The name of one of our files for people."""
    return f"mappings/{file.relative_to(mappings_dir()).as_posix()}"


def tree(
    name: str, file: str, entries: dict[str, dict[str, Any]], whole: Mapping[str, Any] = _NOTHING
) -> tuple[Node, tuple[Row, ...]]:
    """The tree of the rows' paths, and the rows; a rule is `NAME:PATH`, and `whole` the table that they stand in."""
    root, rows = Node(), []
    for path, entry in entries.items():
        row = read_row(f"{name}:{path}", file, entry, whole)
        rows.append(row)
        node = root
        for part in split(path):
            node = node.children.setdefault(part, Node())
        node.row = row
    return root, tuple(rows)


def read_row(rule: str, file: str, entry: dict[str, Any], whole: Mapping[str, Any] = _NOTHING) -> Row:
    """One row, from its entry in a file; `whole` is the table that it stands in."""
    inherited = whole.get("dropped_test" if entry.get("drop") else "test") if entry["verdict"] == "adapted" else None
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
        test=entry.get("test", inherited),
    )


@cache
def step_tables() -> dict[str, Table]:
    """The tables of the step types, by type."""
    tables = [read_table(file) for file in sorted((mappings_dir() / "steps").glob("*.yaml"))]
    return {str(each.step): each for each in tables}


@cache
def disguise_tables() -> dict[str, Table]:
    """The tables of steps that are something else than their type says, by name; each over that of its type."""
    found = {}
    for file in sorted((mappings_dir() / "disguises").glob("*.yaml")):
        own = read_table(file)
        ours = step_tables()[str(own.step)]
        found[own.name] = replace(own, root=merged(ours.root, own.root), step_root=ours.step_root)
    return found


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
    document, shown = load_yaml(file), _shown(file)
    return {
        type_: {path: read_row(f"properties:{type_}.{path}", shown, entry, document) for path, entry in rows.items()}
        for type_, rows in document["properties"].items()
    }


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables: ours, or ours with the user's rows over them.

    Attributes:
        steps: the tables of the step types, by type.
        disguises: those of steps that are something else than their type says, by name (`mappings/disguises/`). The
            tree holds the rows of the type, too; `rows` those of the table alone.
        common: those that concern all step types, by name: `step`, `definition`, `expressions`, `conditions`,
            `properties`.
        conditions: the rows of the types of conditions.
        properties: the rows of property references, by type of the step that is referred to, then by pattern.
    """

    steps: dict[str, Table]
    disguises: dict[str, Table]
    common: dict[str, Table]
    conditions: dict[str, Row]
    properties: dict[str, dict[str, Row]]

    def find(self, name: str) -> Table | None:
        """A table by its name or its step type."""
        return next((each for each in self.all() if name in (each.name, each.step)), None)

    def all(self) -> tuple[Table, ...]:
        """All tables with all their rows: those of the step types, of disguises, and those that concern all steps."""
        of_conditions = (*self.conditions.values(), *self.common["conditions"].rows)
        of_properties = tuple(row for rows in self.properties.values() for row in rows.values())
        whole = {"conditions": of_conditions, "properties": of_properties}
        common = (replace(each, rows=whole.get(each.name, each.rows)) for each in self.common.values())
        return (*self.steps.values(), *self.disguises.values(), *common)


@cache
def our_tables() -> Tables:
    """The tables of `mappings/`."""
    document = load_yaml(mappings_dir() / "properties.yaml")
    properties = Table(
        name="properties",
        target=document["target"],
        verdict=document["verdict"],
        root=Node(),
        rows=(),
        sources=tuple(document["sources"]),
    )
    common = {name: table(name) for name in ("step", "definition", "expressions", "conditions")}
    return Tables(
        step_tables(), disguise_tables(), common | {"properties": properties}, condition_rows(), property_rows()
    )


def all_tables() -> tuple[Table, ...]:
    """All tables of `mappings/`, with all their rows."""
    return our_tables().all()


def worse(first: Verdict, second: Verdict) -> Verdict:
    """The less faithful of two verdicts."""
    return max(first, second, key=VERDICTS.index)
