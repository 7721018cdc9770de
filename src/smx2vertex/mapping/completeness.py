"""Which fields of AWS's requests and answers have a row: of their own, by that of a parent, or none.

The fields are those that botocore's service model lists, so a newer botocore shows what is missing. Only tests and the
generated pages of `docs/` need it, as botocore is no dependency of the package itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from .data import load_yaml, mappings_dir
from .tables import VERDICTS, Node, Row, Table, Verdict, split, upwards


@dataclass(frozen=True, slots=True)
class Completeness:
    """How the leaves of one request are covered.

    Attributes:
        leaves: their number.
        own: how many have a row of their own.
        missing: those without any row.
        by_verdict: how many have which verdict.
    """

    operation: str
    leaves: int
    own: int
    missing: tuple[str, ...]
    by_verdict: dict[Verdict, int]


@cache
def operations(kind: str) -> dict[str, list[dict[str, str]]]:
    """The operations whose fields the step types hold.

    Args:
        kind: `requests`, whose fields are Arguments, or `answers`, whose fields are properties.
    """
    found: dict[str, list[dict[str, str]]] = load_yaml(mappings_dir() / "requests.yaml")[kind]
    return found


def fields(kind: str, entry: dict[str, str]) -> list[str]:
    """The paths of an operation's leaves, as the tables write them.

    Raises:
        ImportError: botocore is not installed.
    """
    from botocore.session import Session

    operation = Session().get_service_model(entry.get("service", "sagemaker")).operation_model(entry["operation"])
    shape = operation.input_shape if kind == "requests" else operation.output_shape
    inside = entry.get("inside", "")
    any_key = ".*" if kind == "requests" else "[]"
    found = (path for path in _leaves(shape, "", any_key) if path.startswith(inside))
    return [entry.get("below", "") + path.removeprefix(inside) for path in found]


def row_of(table: Table, path: str) -> tuple[Row | None, bool]:
    """The row that covers a path of the Arguments, and whether it is its own; that of a list is also its elements'."""
    node: Node | None = table.root
    keys = list(split(path))
    found, below = None, keys
    for depth, key in enumerate(keys, 1):
        node = node.child(key) if node is not None else None
        if node is not None and node.row is not None and not node.row.empty:
            found, below = node.row, keys[depth:]
    return found, found is not None and not set(below) - {"[]", "*"}


def completeness(table: Table, entry: dict[str, str]) -> Completeness:
    """How the leaves of one request are covered by a table."""
    leaves = fields("requests", entry)
    rows = [row_of(table, path) for path in leaves]
    counts = Counter(row.verdict for row, _ in rows if row is not None)
    return Completeness(
        operation=entry["operation"],
        leaves=len(leaves),
        own=sum(own for _, own in rows),
        missing=tuple(path for path, (row, _) in zip(leaves, rows, strict=True) if row is None),
        by_verdict={verdict: counts[verdict] for verdict in VERDICTS},
    )


def uncovered_properties(rows: dict[str, Row], paths: list[str]) -> list[str]:
    """The paths of properties that no row covers."""
    return [path for path in paths if not any(part in rows for part in upwards(path))]


def _leaves(shape: Any, path: str, any_key: str, above: tuple[str, ...] = ()) -> Iterator[str]:
    if shape.name in above:  # a shape that holds itself
        yield path
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from _leaves(member, f"{path}.{name}".lstrip("."), any_key, (*above, shape.name))
    elif shape.type_name == "list":
        yield from _leaves(shape.member, f"{path}[]", any_key, (*above, shape.name))
    elif shape.type_name == "map":
        yield from _leaves(shape.value, f"{path}{any_key}", any_key, (*above, shape.name))
    else:
        yield path
