"""Rules on conditions, groups and importers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import conditions
from ..origins import Runtime, TaskOutput, origins_in
from ..spec import Component
from .subject import Hazard, Placed, Subject, brief, has_placeholder

_KINDS = {
    "STRING": "a text",
    "NUMBER_INTEGER": "a number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": "a list",
    "STRUCT": "a mapping",
}
_CASTS = {"string": "a text", "int": "a number", "double": "a number", "bool": "true or false"}
_COMPARABLE = frozenset(_CASTS.values())


def compared_types(subject: Subject) -> Iterator[Hazard]:
    """Conditions whose operands are of types that cannot be compared, or that are neither true nor false."""
    for placed in subject.nodes.values():
        try:
            expression = conditions.parse(placed.node.condition) if placed.node.condition else None
        except conditions.ConditionError:
            continue  # another finding says so
        if expression is None:
            continue
        for fault in _faults(expression, placed.component):
            yield Hazard(fault, f"{placed.at}.triggerPolicy.condition", placed.node.name)


def _faults(expression: conditions.Expression, component: Component) -> Iterator[str]:
    kind = _kind(expression, component)
    if kind not in (None, "true or false"):
        yield f"the condition is {kind}, neither true nor false"
    waiting = [expression]
    while waiting:
        match waiting.pop():
            case conditions.And(operands) | conditions.Or(operands):
                waiting.extend(operands)
            case conditions.Not(operand):
                waiting.append(operand)
            case conditions.Comparison(operator, left, right):
                kinds = [_kind(left, component), _kind(right, component)]
                known = [kind for kind in kinds if kind]
                if any(kind not in _COMPARABLE for kind in known) or len(set(known)) > 1:
                    said = f" {operator} ".join(kind or "something" for kind in kinds)
                    yield f"the condition compares what cannot be compared: {said}"


def _kind(expression: conditions.Expression, component: Component) -> str | None:
    match expression:
        case conditions.Literal(value):
            return "true or false" if isinstance(value, bool) else "a text" if isinstance(value, str) else "a number"
        case conditions.Input(name):
            parameter = component.parameters.get(name)
            return _KINDS.get(parameter.type) if parameter else None
        case conditions.Cast(type, _):
            return _CASTS[type]
    return "true or false"


def empty_groups(subject: Subject) -> Iterator[Hazard]:
    """Groups without a task."""
    for placed in subject.nodes.values():
        if placed.component.dag is not None and not placed.component.dag.nodes:
            yield Hazard(f"{placed.node.display_name} has no task", placed.at, placed.node.name)


def placeholder_address(subject: Subject) -> Iterator[Hazard]:
    """Importers whose fixed address holds a placeholder, which nothing fills in."""
    for label, executor in subject.spec.executors.items():
        importer = executor.get("importer")
        uri = importer.get("artifactUri") if isinstance(importer, Mapping) else None
        constant = uri.get("constant") if isinstance(uri, Mapping) else None
        if has_placeholder(constant):
            at = f"deploymentSpec.executors.{label}.importer.artifactUri.constant"
            yield Hazard(f"the address of {label} is fixed, and holds a placeholder: {brief(constant)}", at)


def address_of_a_task(subject: Subject) -> Iterator[Hazard]:
    """Importers whose address comes from elsewhere than an input of the group around them."""
    for placed, importer in _importers(subject):
        uri = importer.get("artifactUri")
        name = uri.get("runtimeParameter") if isinstance(uri, Mapping) else None
        selector = placed.node.parameters.get(str(name), {})
        if "taskOutputParameter" in selector:
            message = f"the address of {placed.node.name} is an output of another task"
            yield Hazard(message, f"{placed.at}.inputs.parameters.{name}", placed.node.name)


def never_cached(subject: Subject) -> Iterator[Hazard]:
    """Importers that make a new artifact at each run, so that no task that takes it is ever cached."""
    for placed, importer in _importers(subject):
        task = subject.tasks.get(placed.at)
        if importer.get("reimport") is True:
            yield Hazard(f"{placed.node.name} imports its artifact anew at each run", placed.at, placed.node.name)
        elif task and task.importer and any(_changes(each) for each in origins_in(task.importer.metadata)):
            message = f"the metadata of {placed.node.name} differ from run to run"
            yield Hazard(message, placed.at, placed.node.name)


def _changes(origin: object) -> bool:
    return isinstance(origin, (Runtime, TaskOutput))


def conditional_importer(subject: Subject) -> Iterator[Hazard]:
    """Importers with a condition of their own."""
    for placed, _ in _importers(subject):
        if placed.node.condition is not None:
            message = f"{placed.node.name} is an importer and has a condition"
            yield Hazard(message, f"{placed.at}.triggerPolicy.condition", placed.node.name)


def _importers(subject: Subject) -> Iterator[tuple[Placed, Mapping[str, Any]]]:
    for placed in subject.nodes.values():
        _, executor = subject.executor(placed.component)
        if isinstance(executor.get("importer"), Mapping):
            yield placed, executor["importer"]
