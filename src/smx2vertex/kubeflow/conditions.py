"""Trigger conditions: the part of CEL that the Kubeflow compiler writes. What it does not write is an error here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, UnexpectedInput, VisitError

MAX_LENGTH = 20_000
OPERATORS = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?"}


class ConditionError(ValueError):
    """A condition that cannot be read, or has no value for these inputs."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number or boolean that stands in the condition."""

    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Input:
    """The value of an input parameter of the task that the condition guards."""

    name: str


@dataclass(frozen=True, slots=True)
class Cast:
    """`int(…)`, `double(…)`, `string(…)` or `bool(…)`."""

    type: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and one of `== != < <= > >=`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """`!operand`."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class And:
    """`a && b && …`."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """`a || b || …`."""

    operands: tuple[Expression, ...]


Expression = Literal | Input | Cast | Comparison | Not | And | Or


class _Builder(Transformer[Token, Expression]):
    """Builds expressions while the parser reduces, so that depth costs no stack."""

    def either(self, operands: list[Expression]) -> Expression:
        return Or(tuple(operands))

    def both(self, operands: list[Expression]) -> Expression:
        return And(tuple(operands))

    def negated(self, operands: list[Expression]) -> Expression:
        return Not(operands[0])

    def comparison(self, parts: list[Any]) -> Expression:
        left, operator, right = parts
        return Comparison(str(operator), left, right)

    def input(self, parts: list[Token]) -> Expression:
        return Input(_unquote(parts[0]))

    def cast(self, parts: list[Any]) -> Expression:
        return Cast(str(parts[0]), parts[1])

    def text(self, parts: list[Token]) -> Expression:
        return Literal(_unquote(parts[0]))

    def double(self, parts: list[Token]) -> Expression:
        return Literal(float(parts[0]))

    def integer(self, parts: list[Token]) -> Expression:
        return Literal(int(parts[0]))

    def true(self, _: list[Token]) -> Expression:
        return Literal(True)

    def false(self, _: list[Token]) -> Expression:
        return Literal(False)


def _unquote(token: str) -> str:
    def character(match: re.Match[str]) -> str:
        try:
            return ESCAPES[match[1]]
        except KeyError:
            raise ConditionError(f"unknown escape {match[0]} in {token}") from None

    return re.sub(r"\\(.)", character, token[1:-1], flags=re.DOTALL)


@cache
def _parser() -> Lark:
    grammar = resources.files(__package__).joinpath("conditions.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", transformer=_Builder())


def parse(text: str) -> Expression:
    """Read the text of a trigger condition, such as `int(inputs.parameter_values['i']) >= 5`.

    Raises:
        ConditionError: the text is none that the Kubeflow compiler writes, and says at which character.
    """
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"the condition has {len(text)} characters, more than {MAX_LENGTH}")
    try:
        # The parser is untyped about what its transformer gives.
        expression: Any = _parser().parse(text)
    except UnexpectedInput as error:
        where = "at the end" if (error.pos_in_stream or -1) < 0 else f"at character {(error.pos_in_stream or 0) + 1}"
        raise ConditionError(f"{text!r} is no condition that can be read: {where}") from error
    except VisitError as error:
        raise ConditionError(str(error.orig_exc)) from error
    except (LarkError, RecursionError) as error:
        raise ConditionError(f"{text!r} is no condition that can be read") from error
    return expression  # type: ignore[no-any-return]


def inputs(expression: Expression) -> list[str]:
    """The names of the inputs that a condition reads, each once, in order of appearance."""
    return list(dict.fromkeys(node.name for node in _walk(expression) if isinstance(node, Input)))


def _walk(expression: Expression) -> Iterator[Expression]:
    waiting = [expression]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (And, Or)):
            waiting.extend(reversed(node.operands))
        elif isinstance(node, Comparison):
            waiting.extend((node.right, node.left))
        elif isinstance(node, (Not, Cast)):
            waiting.append(node.operand)


def evaluate(expression: Expression, values: Mapping[str, Any]) -> bool:
    """The truth of a condition for these input values, by name.

    Raises:
        ConditionError: an input is absent or null, types do not fit each other, or the result is no boolean. Kubeflow
            fails the run then; it does not take the condition for false.
    """
    try:
        result = _value(expression, values)
    except RecursionError:
        raise ConditionError("the condition is nested too deeply") from None
    if not isinstance(result, bool):
        raise ConditionError(f"the condition gives {result!r}, which is neither true nor false")
    return result


def _value(expression: Expression, values: Mapping[str, Any]) -> Any:
    match expression:
        case Literal(value):
            return value
        case Input(name):
            if values.get(name) is None:
                raise ConditionError(f"the input {name!r} of the condition has no value")
            return values[name]
        case Cast(type, operand):
            return _cast(type, _value(operand, values))
        case Comparison(operator, left, right):
            return _compare(operator, _value(left, values), _value(right, values))
        case Not(operand):
            return not _truth(operand, values)
        case And(operands):
            return _joined(operands, values, decisive=False)
        case Or(operands):
            return _joined(operands, values, decisive=True)


def _truth(expression: Expression, values: Mapping[str, Any]) -> bool:
    value = _value(expression, values)
    if not isinstance(value, bool):
        raise ConditionError(f"{value!r} is neither true nor false")
    return value


def _joined(operands: tuple[Expression, ...], values: Mapping[str, Any], decisive: bool) -> bool:
    """`&&` (decisive: false) or `||` (decisive: true): in CEL a decisive operand outweighs an error of another."""
    failure: ConditionError | None = None
    for operand in operands:
        try:
            if _truth(operand, values) is decisive:
                return decisive
        except ConditionError as error:
            failure = failure or error
    if failure:
        raise failure
    return not decisive


def is_number(value: Any) -> bool:
    """Whether a value is a number; in Python a boolean would be one too."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _compare(operator: str, left: Any, right: Any) -> bool:
    alike = (is_number(left) and is_number(right)) or type(left) is type(right)
    if not alike or not isinstance(left, (str, int, float, bool)):
        raise ConditionError(f"{left!r} and {right!r} cannot be compared")
    return bool(OPERATORS[operator](left, right))


def _cast(type: str, value: Any) -> Any:
    try:
        if type == "string" and isinstance(value, (str, bool, int, float)):
            return value if isinstance(value, str) else _as_text(value)
        if type == "bool" and value in (True, False, "true", "false"):
            return value in (True, "true")
        if type == "int" and (isinstance(value, str) or is_number(value)):
            return int(value)
        if type == "double" and (isinstance(value, str) or is_number(value)):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise ConditionError(f"{value!r} cannot be made {'an' if type == 'int' else 'a'} {type}")


def _as_text(value: bool | int | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if float(value).is_integer() else repr(value)
