"""The truth of conditions for given operands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import eq, ge, gt, le, lt
from typing import Any, TypeAlias

from ..sagemaker.definition import MISSING
from .neutral import All, AnyOf, Compare, Const, In, Not, Opaque, Part, Test

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {"==": eq, ">": gt, ">=": ge, "<": lt, "<=": le}
Lookup: TypeAlias = Callable[[Part], Any]
"""The value of an operand; MISSING where it has none."""


def holds(test: Test, value: Lookup) -> bool | None:
    """Whether a condition holds; None where that is an error: an operand without value, text beside a number.

    All parts are evaluated, so that an error counts wherever it stands, as in both engines.
    """
    match test:
        case Compare(operator, left, right):
            return _compared(operator, _plain(left, value), _plain(right, value))
        case In(query, values):
            return _joined([_compared("==", _plain(query, value), _plain(each, value)) for each in values], any)
        case Not(inner):
            found = holds(inner, value)
            return None if found is None else not found
        case All(tests):
            return _joined([holds(each, value) for each in tests], all)
        case AnyOf(tests):
            return _joined([holds(each, value) for each in tests], any)
    return None


def atoms(test: Test) -> Iterator[Compare | In]:
    """The comparisons that a condition is made of."""
    yield from (leaf for leaf in leaves(test) if not isinstance(leaf, Opaque))


def leaves(test: Test) -> Iterator[Compare | In | Opaque]:
    """The comparisons that a condition is made of, and what of it cannot be read."""
    match test:
        case Not(inner):
            yield from leaves(inner)
        case All(tests) | AnyOf(tests):
            for each in tests:
                yield from leaves(each)
        case _:
            yield test


def mapped(test: Test, change: Callable[[Part], Part]) -> Test:
    """A condition with other operands."""
    match test:
        case Compare(operator, left, right):
            return Compare(operator, change(left), change(right))
        case In(query, values):
            return In(change(query), tuple(map(change, values)))
        case Not(inner):
            return Not(mapped(inner, change))
        case All(tests):
            return All(tuple(mapped(each, change) for each in tests))
        case AnyOf(tests):
            return AnyOf(tuple(mapped(each, change) for each in tests))
    return test


def _plain(operand: Part, value: Lookup) -> Any:
    return operand.value if isinstance(operand, Const) else value(operand)


def _compared(operator: str, left: Any, right: Any) -> bool | None:
    if left is MISSING or right is MISSING or isinstance(left, str) != isinstance(right, str):
        return None
    try:
        return OPERATORS[operator](left, right)
    except TypeError:  # objects and lists have no order
        return None


def _joined(found: list[bool | None], how: Callable[[list[bool | None]], bool]) -> bool | None:
    return None if None in found else how(found)
