"""The value of an expression or condition at run time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt
from typing import Any, Protocol

from .definition import MISSING, Comparison, Condition, Membership, Not, Or, Parameter, UnknownCondition
from .expressions import (
    ExecutionVariable,
    Expression,
    Join,
    JsonGet,
    Literal,
    LoopReference,
    ParameterReference,
    PropertyReference,
    bracket_key,
    is_expression,
    parse,
)
from .wording import expression_text

_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "Equals": eq,
    "GreaterThan": gt,
    "GreaterThanOrEqualTo": ge,
    "LessThan": lt,
    "LessThanOrEqualTo": le,
}


class EvaluationError(Exception):
    """An expression or condition that has no value: the step that holds it fails."""


class Surroundings(Protocol):
    """What expressions are about."""

    def parameter(self, name: str) -> Any:
        """The value of a parameter."""

    def execution(self, name: str) -> Any:
        """The value of an execution variable."""

    def property(self, reference: PropertyReference) -> Any:
        """The value of a step's property."""

    def json(self, expression: JsonGet, uri: str | None) -> Any:
        """What stands in a property file, or in the object at an address."""

    def item(self) -> Any:
        """The current item of the ForEach around."""


def evaluate(expression: Expression, around: Surroundings) -> Any:
    """The value of an expression.

    Raises:
        EvaluationError: it has none, or null, which is none either [sagemaker.local.pipeline: "is undefined"].
    """
    value = _value(expression, around)
    if value is None or value is MISSING:
        raise EvaluationError(f"{expression_text(expression)} has no value")
    return value


def _value(expression: Expression, around: Surroundings) -> Any:
    match expression:
        case Literal(value):
            return value
        case ParameterReference(name):
            return around.parameter(name)
        case ExecutionVariable(name):
            return around.execution(name)
        case PropertyReference():
            return around.property(expression)
        case Join(on, values):
            return on.join([in_text(evaluate(value, around)) for value in values])
        case JsonGet(uri=uri):
            return around.json(expression, None if uri is None else in_text(evaluate(uri, around)))
        case LoopReference(step=None, path=path):
            return _item_part(around.item(), path)
    return None


def in_text(value: Any) -> str:
    """A value as `Std:Join` writes it [sagemaker.local.pipeline: str]."""
    return value if isinstance(value, str) else str(value)


def _item_part(item: Any, path: tuple[str, ...]) -> Any:
    """A part of a ForEach item: text as it is, everything else as JSON."""
    for part in path:
        entries = _json(item) if isinstance(item, str) else item
        item = entries.get(bracket_key(part) if part.startswith("[") else part) if isinstance(entries, dict) else None
    return item if item is None or isinstance(item, str) else json.dumps(item)


def json_list(value: Any) -> list[Any]:
    """The items of a ForEach: a list, or its JSON text."""
    items = _json(value) if isinstance(value, str) else value
    if not isinstance(items, list):
        raise EvaluationError(f"the items are no JSON list: {value!r:.200}")
    return items


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def typed(parameter: Parameter, value: Any) -> Any:
    """A parameter's value in its declared type; all values travel as text.

    Raises:
        ValueError: it is no value of that type.
    """
    try:
        match parameter.type:
            case "Integer" if isinstance(value, str | float) and float(value) == int(float(value)):
                return int(value)
            case "Float" if isinstance(value, str | int) and not isinstance(value, bool):
                return float(value)
            case "Boolean" if isinstance(value, str):
                return {"true": True, "false": False}[value.lower()]
    except (KeyError, OverflowError, ValueError):
        raise ValueError(f"the parameter {parameter.name!r} is no {parameter.type}: {value!r:.200}") from None
    return value


# --- values with expressions inside ---


@dataclass(frozen=True, slots=True)
class Filled:
    """A JSON object that holds expressions, prepared so that each evaluation copies only what changes.

    Attributes:
        places: keys and indices that lead to each expression.
    """

    value: Mapping[str, Any]
    places: tuple[tuple[tuple[str | int, ...], Expression], ...]

    def evaluate(self, around: Surroundings) -> Mapping[str, Any]:
        """The object with plain values in place of all expressions.

        Raises:
            EvaluationError: one of them has no value.
        """
        if not self.places:
            return self.value
        copies: dict[tuple[str | int, ...], Any] = {(): copy(self.value)}
        for path, expression in self.places:
            _container(copies, path[:-1])[path[-1]] = evaluate(expression, around)
        return copies[()]  # type: ignore[no-any-return]


def _container(copies: dict[tuple[str | int, ...], Any], path: tuple[str | int, ...]) -> Any:
    """The copy of the list or object at a path, made on first use with all those around it."""
    known = len(path)
    while path[:known] not in copies:
        known -= 1
    for end in range(known, len(path)):
        around = copies[path[:end]]
        around[path[end]] = copies[path[: end + 1]] = copy(around[path[end]])
    return copies[path]


def prepare(value: Mapping[str, Any], names: frozenset[str]) -> Filled:
    """Find the expressions inside a JSON object."""
    return Filled(value, tuple(_places(value, names)))


def _places(value: Any, names: frozenset[str]) -> Iterator[tuple[tuple[str | int, ...], Expression]]:
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        path, found = waiting.pop()
        if path and is_expression(found):
            yield path, parse(found, names)
        elif isinstance(found, dict):
            waiting.extend(((*path, key), item) for key, item in reversed(found.items()))
        elif isinstance(found, list):
            waiting.extend(((*path, index), item) for index, item in reversed(list(enumerate(found))))


# --- conditions ---


def holds(conditions: tuple[Condition, ...], around: Surroundings) -> bool:
    """Whether all conditions of a step hold; a comparison that is impossible fails the step wherever it stands.

    Raises:
        EvaluationError: an operand has no value, or two operands cannot be compared.
    """
    results = [_holds(condition, around) for condition in conditions]  # all of them, also after a false one
    return all(results)


def _holds(condition: Condition, around: Surroundings) -> bool:
    match condition:
        case Comparison(type=type_, left=left, right=right):
            return compare(type_, evaluate(left, around), evaluate(right, around))
        case Membership(query=query, values=values):
            wanted = evaluate(query, around)
            matches = [compare("Equals", wanted, evaluate(value, around)) for value in values]
            return any(matches)
        case Not(condition=inner):
            return not _holds(inner, around)
        case Or(conditions=several):
            results = [_holds(each, around) for each in several]
            return any(results)
        case UnknownCondition(value=value):
            raise EvaluationError(f"a condition of no known kind: {value!r:.200}")


def compare(type_: str, left: Any, right: Any) -> bool:
    """Compare two values: numbers with numbers, whatever their kind, and text with text.

    Raises:
        EvaluationError: the values are not alike.
    """
    alike = (_is_number(left) and _is_number(right)) or type(left) is type(right)
    if not alike or (type_ != "Equals" and isinstance(left, dict | list)):
        raise EvaluationError(f"{left!r:.100} and {right!r:.100} cannot be compared")
    return bool(_COMPARED[type_](left, right))


def _is_number(value: Any) -> bool:
    """Booleans count as numbers, as in Python [sagemaker.local.pipeline: isinstance]."""
    return isinstance(value, int | float)
