"""Expressions and conditions in words, for people."""

from __future__ import annotations

import json

from .definition import Comparison, Condition, Membership, Not, Or, UnknownCondition
from .expressions import (
    ExecutionVariable,
    Expression,
    Join,
    JsonGet,
    Literal,
    ParameterReference,
    PropertyReference,
    Unknown,
    as_text,
)

_COMPARED = {
    "Equals": "equals",
    "GreaterThan": "is greater than",
    "GreaterThanOrEqualTo": "is at least",
    "LessThan": "is less than",
    "LessThanOrEqualTo": "is at most",
}


def path_text(path: tuple[str, ...]) -> str:
    """A property path as a definition writes it: `ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri`."""
    return "".join(part if part.startswith("[") else f".{part}" for part in path).lstrip(".")


def expression_text(expression: Expression) -> str:
    """An expression as text: plain values as they are, all that is known at run time only in braces."""
    match expression:
        case Literal(value):
            return as_text(value)
        case Join(on, values):
            return on.join(expression_text(value) for value in values)
        case Unknown(value):
            return json.dumps(value, ensure_ascii=False)
    return "{" + _operand(expression) + "}"


def _operand(expression: Expression) -> str:
    match expression:
        case Literal(value):
            return json.dumps(value, ensure_ascii=False)
        case ParameterReference(name):
            return name
        case ExecutionVariable(name):
            return f"Execution.{name}"
        case PropertyReference(step, path):
            return f"{step}.{path_text(path)}" if path else step
        case JsonGet(step, name, uri, path):
            return f"{path} in {expression_text(uri) if uri is not None else f'{name} of {step}'}"
    text = expression_text(expression)
    return f'"{text}"' if isinstance(expression, Join) else text


def condition_text(condition: Condition) -> str:
    """A condition in words: `metrics.accuracy.value in EvaluationReport of EvaluateModel is at least 0.8`."""
    match condition:
        case Comparison(type=type_, left=left, right=right):
            return f"{_operand(left)} {_COMPARED[type_]} {_operand(right)}"
        case Membership(query=query, values=values):
            return f"{_operand(query)} is one of {', '.join(_operand(value) for value in values) or 'nothing'}"
        case Not(condition=inner):
            return f"not ({condition_text(inner)})"
        case Or(conditions=several):
            return "(" + " or ".join(condition_text(each) for each in several) + ")" if several else "never"
        case UnknownCondition(value=value):
            return f"a condition of no known kind: {json.dumps(value, ensure_ascii=False)}"


def conditions_text(conditions: tuple[Condition, ...]) -> str:
    """The conditions of a step, which must all hold."""
    return " and ".join(condition_text(condition) for condition in conditions) or "always"
