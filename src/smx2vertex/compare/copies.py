"""What the copies of a loop leave in a scenario: each something else, so that it shows which one is taken."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

from ..sagemaker.definition import MISSING, Step
from ..sagemaker.expressions import PropertyReference, expressions_in, parts
from ..sagemaker.steps import for_each, repeated, selected_by
from .neutral import Part, Pipeline, Product, Template
from .source import SourceReader
from .truth import Lookup

SELECTED = "selected"

Table: TypeAlias = Mapping[Product, list[Any]]
"""What each copy leaves, in the order of the items, by what it is of the step that is repeated."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop around one step, which stands in no other loop.

    Attributes:
        items: what it runs over.
        pick: `MaxBy` or `MinBy`, and `by` what of a copy decides, where one is selected.
        read: what others read of a copy: its index or `selected`, and what it is of the step that is repeated.
        properties: the same as the definition names them.
    """

    name: str
    items: Template
    pick: str | None
    by: Product | None
    read: Mapping[Product, tuple[str, Product]]
    properties: tuple[PropertyReference, ...]

    def number(self, value: Lookup) -> int:
        """How many items there are; 0 where they are no list."""
        return len(items_of(self.items, value) or ())

    def values(self, value: Lookup) -> dict[Product, list[Any]]:
        """What the copies leave: the last one is the one to select, with the value that the scenario gives."""
        number = self.number(value)
        wanted = {self.by: value(self.by)} if self.by is not None else {}
        wanted |= {made: value(read) for read, (which, made) in self.read.items() if which == SELECTED}
        found = {made: _unlike(last, number, self.pick) for made, last in wanted.items() if last is not MISSING}
        for read, (which, made) in self.read.items():
            if which != SELECTED and int(which) < number and value(read) is not MISSING:
                found.setdefault(made, _unlike(value(read), number, self.pick))[int(which)] = value(read)
        return found

    def readings(self, table: Table, value: Lookup) -> Iterator[tuple[Product, Any]]:
        """What others read, as the definition says which copy that is."""
        for read, (which, made) in self.read.items():
            values = table.get(made, [])
            index = picked(self.pick, table.get(self.by, []) if self.by else []) if which == SELECTED else int(which)
            yield read, values[index] if index is not None and index < len(values) else MISSING
        for name, count in counts(self.number(value)).items():
            yield Product(self.name, ("count", name)), count


def loops(reader: SourceReader, source: Pipeline) -> dict[str, Loop]:
    """The loops of a definition whose copies can be simulated, by name."""
    return {
        step.name: _loop(reader, step, source)
        for step in reader.steps.values()
        if step.type == "ForEach" and len(step.body) == 1 and step.name not in reader.loops and not step.body[0].body
    }


def _loop(reader: SourceReader, step: Step, source: Pipeline) -> Loop:
    names = [part for _, outer in expressions_in(reader.definition.raw, reader.names) for part in parts(outer)]
    uses = [part for part in names if isinstance(part, PropertyReference) and part.step == step.name]
    read: dict[Product, tuple[str, Product]] = {}
    properties = []
    for use in uses:
        found = repeated(step, use.path)
        outer, inner = _product(reader, use), None if found is None else _product(reader, found.property)
        if found is not None and outer is not None and inner is not None:
            read[outer] = (found.copy, inner)
            properties.append(found.property)
    by = selected_by(step, reader.names)
    properties += [by] if by is not None else []
    items = source.nodes[step.name].facts.get(("request", "IterableItems"))
    product = None if by is None else _product(reader, by)
    return Loop(step.name, items.value if items else (), for_each(step).pick, product, read, tuple(properties))


def _product(reader: SourceReader, reference: PropertyReference) -> Product | None:
    return next((part for part in reader.parts(reference) if isinstance(part, Product)), None)


def items_of(items: Template, value: Lookup) -> list[Any] | None:
    """The items of a loop; None if they are no JSON list."""
    texts = [part if isinstance(part, str) else value(part) for part in items]
    try:
        found = json.loads("".join(text if isinstance(text, str) else json.dumps(text) for text in texts))
    except (TypeError, ValueError):
        return None
    return found if isinstance(found, list) else None


def counts(number: int) -> dict[str, Any]:
    """What a loop tells of its copies, where all of them succeeded."""
    same = dict.fromkeys(("InputItemCount", "TotalStepCount", "SucceededStepCount"), number)
    return {**same, "FailedStepCount": 0, "StoppedStepCount": 0, "Status": "Succeeded"}


def picked(pick: str | None, values: list[Any]) -> int | None:
    """The index of the greatest or smallest value, the first of equal ones; None if that cannot be said."""
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        return None
    return numbers.index(max(numbers) if pick == "MaxBy" else min(numbers)) if numbers else None


def is_of_copies(part: Part) -> TypeGuard[Product]:
    """Whether a value follows from the items and copies of a loop."""
    return isinstance(part, Product) and part.what[0] in ("copy", "count")


def _unlike(last: Any, number: int, pick: str | None) -> list[Any]:
    """A value for each copy, the last one given; numbers are worse, the earlier the worse."""
    if not number:
        return []
    before = range(number - 1, 0, -1)
    if isinstance(last, int | float) and not isinstance(last, bool):
        sign = 1 if pick == "MinBy" else -1
        return [*(last + sign * distance for distance in before), last]
    return [*(f"{last} but {distance}" for distance in before), last]


__all__ = ["Loop", "Table", "counts", "is_of_copies", "items_of", "loops", "picked"]
