"""The user's rows over ours: what they say comes first, and what they leave open stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .data import load_yaml
from .tables import Node, Row, Table, Tables, Verdict, read_row, tree


@dataclass(frozen=True, slots=True)
class Layer:
    """Rows of the user's for one table.

    Attributes:
        name: the table, or its step type; a name that is new makes a new table.
        file: where the rows stand, as the user calls it.
        document: the table as it stands in the file; all its keys may be missing.
    """

    name: str
    file: str
    document: Mapping[str, Any] = field(default_factory=dict)


def layer_of(file: Path) -> Layer:
    """A whole table of the user's, in the form of `mappings/steps/*.yaml`."""
    document = load_yaml(file)
    return Layer(str(document.get("step") or file.stem), str(file), document)


def overridden(tables: Tables, layers: Iterable[Layer]) -> Tables:
    """The tables with layers over them; the last one is on top.

    A row replaces the row of its path and all rows below it; `*` stands for any key here too.
    """
    for layer in layers:
        tables = _laid_over(tables, layer)
    return tables


def without_effect(tables: Tables, layer: Layer) -> set[str]:
    """The rules of a layer that never apply, as rows above them say something about all their fields.

    Args:
        tables: with all layers, this one among them.
        layer: one of them.
    """
    used = {(row.file, row.rule) for each in tables.all() for row in each.all_rows}
    base = tables.find(layer.name)
    name = base.name if base else layer.name
    given = [
        *tree(name, layer.file, layer.document.get("fields", {}))[1],
        *tree(f"{name}.step", layer.file, layer.document.get("step_fields", {}))[1],
        *_rows("conditions", layer.file, layer.document.get("conditions", {})).values(),
        *(row for rows in _property_rows(layer).values() for row in rows.values()),
    ]
    return {row.rule for row in given if (row.file, row.rule) not in used}


def planned_by_hook(tables: Tables, type_: str, hook: str) -> Tables:
    """The tables where a hook plans the steps of a type: only the hook knows what becomes of their fields."""
    entry = {
        "to": "what your hook makes of it",
        "verdict": "adapted",
        "because": f"{hook} plans steps of this type; rows of your own say what becomes of a field",
    }
    ours = tables.steps.get(type_)
    beside = dict.fromkeys((row.rule.partition(":")[2].split(".")[0] for row in ours.step_rows) if ours else (), entry)
    name = ours.name if ours else type_
    blank = Table(name, "component of your hook", "adapted", Node(), (), step=type_)
    bare = replace(tables, steps=tables.steps | {type_: blank}, properties=tables.properties | {type_: {}})
    layer = Layer(name, hook, {"fields": {"*": entry}, "step_fields": beside, "properties": {type_: {"*": entry}}})
    return _laid_over(bare, layer)


def _laid_over(tables: Tables, layer: Layer) -> Tables:
    document = layer.document
    base = tables.find(layer.name) or Table(layer.name, "component", "adapted", Node(), (), step=layer.name)
    root, rows = tree(base.name, layer.file, document.get("fields", {}), document)
    step_root, step_rows = tree(f"{base.name}.step", layer.file, document.get("step_fields", {}), document)
    verdict: Verdict = document.get("verdict", base.verdict)
    whole = replace(
        base,
        target=document.get("target", base.target),
        verdict=verdict,
        root=_merged(base.root, root),
        step_root=_merged(base.step_root, step_root),
        sources=tuple(document.get("sources", base.sources)),
    )
    common = whole.name in tables.common
    stored = tables.common[whole.name] if common else base
    whole = replace(
        whole,
        rows=_still_there(whole.root, (*stored.rows, *rows)),
        step_rows=_still_there(whole.step_root, (*stored.step_rows, *step_rows)),
    )
    return Tables(
        steps=tables.steps if common else tables.steps | {str(whole.step): whole},
        common=tables.common | {whole.name: whole} if common else tables.common,
        conditions=tables.conditions | _rows("conditions", layer.file, document.get("conditions", {})),
        properties=tables.properties
        | {type_: tables.properties.get(type_, {}) | rows for type_, rows in _property_rows(layer).items()},
    )


def _property_rows(layer: Layer) -> dict[str, dict[str, Row]]:
    given = layer.document.get("properties", {})
    return {type_: _rows("properties", layer.file, entries, f"{type_}.") for type_, entries in given.items()}


def _rows(name: str, file: str, entries: Mapping[str, Any], prefix: str = "") -> dict[str, Row]:
    return {path: read_row(f"{name}:{prefix}{path}", file, entry) for path, entry in entries.items()}


def _merged(below: Node | None, above: Node | None) -> Node:
    """A tree over another one."""
    if below is None or above is None:
        return below or above or Node()
    if above.row is not None and not above.row.empty:
        return above
    merged = Node(above.row or below.row)
    for key in dict.fromkeys((*below.children, *above.children)):
        any_key = key != "[]"
        ours = below.children.get(key) or (below.children.get("*") if any_key else None)
        of_all = above.children.get("*") if any_key and key != "*" else None
        merged.children[key] = _merged(_merged(ours, of_all), above.children.get(key))
    return merged


def _still_there(root: Node, rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows that the tree holds, in their order."""
    held = {id(row) for row in _held(root)}
    return tuple(row for row in rows if id(row) in held)


def _held(node: Node) -> Iterator[Row]:
    if node.row is not None:
        yield node.row
    for child in node.children.values():
        yield from _held(child)
