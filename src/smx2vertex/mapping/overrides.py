"""The user's rows over ours: what they say comes first, and what they leave open stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .data import load_yours
from .tables import Node, Row, Table, Tables, merged, read_row, tree


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
    document = load_yours(file)
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
    others = {key: each for key, each in tables.disguises.items() if each.step != type_}
    bare = replace(
        tables, steps=tables.steps | {type_: blank}, disguises=others, properties=tables.properties | {type_: {}}
    )
    layer = Layer(name, hook, {"fields": {"*": entry}, "step_fields": beside, "properties": {type_: {"*": entry}}})
    return _laid_over(bare, layer)


def _laid_over(tables: Tables, layer: Layer) -> Tables:
    base = tables.find(layer.name) or Table(layer.name, "component", "adapted", Node(), (), step=layer.name)
    steps, disguises, common = dict(tables.steps), dict(tables.disguises), dict(tables.common)
    if base.name in common:
        common[base.name] = _over(common[base.name], layer, base.name)
    elif base.name in disguises:
        disguises[base.name] = _over(base, layer, base.name)
    else:
        steps[str(base.step)] = _over(base, layer, base.name)
        of_type = {name: each for name, each in disguises.items() if each.step == base.step}
        disguises |= {name: _over(each, layer, base.name) for name, each in of_type.items()}
    return Tables(
        steps=steps,
        disguises=disguises,
        common=common,
        conditions=tables.conditions | _rows("conditions", layer.file, layer.document.get("conditions", {})),
        properties=tables.properties
        | {type_: tables.properties.get(type_, {}) | rows for type_, rows in _property_rows(layer).items()},
    )


def _over(table: Table, layer: Layer, name: str) -> Table:
    """A table with the rows of a layer over it; those of another table's layer (`name`) stand in the tree alone."""
    document = layer.document
    root, rows = tree(name, layer.file, document.get("fields", {}), document)
    step_root, step_rows = tree(f"{name}.step", layer.file, document.get("step_fields", {}), document)
    root, step_root = merged(table.root, root), merged(table.step_root, step_root)
    own = name == table.name
    return replace(
        table,
        target=document.get("target", table.target) if own else table.target,
        verdict=document.get("verdict", table.verdict) if own else table.verdict,
        sources=tuple(document.get("sources", table.sources)) if own else table.sources,
        root=root,
        step_root=step_root,
        rows=_still_there(root, (*table.rows, *(rows if own else ()))),
        step_rows=_still_there(step_root, (*table.step_rows, *(step_rows if own else ()))),
    )


def _property_rows(layer: Layer) -> dict[str, dict[str, Row]]:
    given = layer.document.get("properties", {})
    return {type_: _rows("properties", layer.file, entries, f"{type_}.") for type_, entries in given.items()}


def _rows(name: str, file: str, entries: Mapping[str, Any], prefix: str = "") -> dict[str, Row]:
    return {path: read_row(f"{name}:{prefix}{path}", file, entry) for path, entry in entries.items()}


def _still_there(root: Node, rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows that the tree holds, in their order."""
    held = {id(row) for row in root.rows()}
    return tuple(row for row in rows if id(row) in held)
