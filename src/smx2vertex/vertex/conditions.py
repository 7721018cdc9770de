"""Condition steps: one comparison as Kubeflow expresses it, or an evaluator task for anything more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..contract.grammar import encode_last_field
from ..sagemaker.definition import (
    Comparison,
    Condition,
    Membership,
    Not,
    Or,
    Step,
)
from ..sagemaker.expressions import (
    ExecutionVariable,
    Expression,
    Join,
    JsonGet,
    Literal,
    ParameterReference,
    PropertyReference,
    flatten,
)
from .builder import EXECUTION_INPUTS, Builder, Product
from .components import plan_not_translated
from .errors import NotTranslated
from .names import reads_as_placeholder
from .plan import Branches, Output, Parameter, Placeholder, Plain, Port, Task, Value
from .values import EXECUTION_PLACEHOLDERS

if TYPE_CHECKING:
    from .planner import Planner

OPERATORS = {
    "Equals": "==",
    "GreaterThan": ">",
    "GreaterThanOrEqualTo": ">=",
    "LessThan": "<",
    "LessThanOrEqualTo": "<=",
}
_TURNED = {"==": "==", ">": "<", ">=": "<=", "<": ">", "<=": ">="}
_NUMBERS = ("int", "float")
PIPELINE_NAME = ExecutionVariable("PipelineName")


def plan_condition(planner: Planner, step: Step) -> tuple[Task | None, Branches]:
    """The evaluator task of a Condition step, if it needs one, and its branches, still empty."""
    if not _outcome_is_read(planner, step) and step.name not in planner.scopes.torn:
        simple = _simple(planner, step)
        if simple is not None:
            left, operator, right = simple
            return None, Branches(step.name, left, operator, right)
    evaluator, result = plan_evaluator(planner, step)
    return evaluator, Branches(step.name, Output(evaluator.variable, result), "==", Plain("true"))


def plan_evaluator(planner: Planner, step: Step) -> tuple[Task, str]:
    """The evaluator task of a Condition step, and the output that holds the result; the same ones each time.

    Where other steps read the step's Outcome, they get it from this task, which is planned before them: some stand in
    the branches of the condition.
    """
    if step.name not in planner.evaluators:
        try:
            planner.evaluators[step.name] = _evaluator(planner, step)
        except NotTranslated as error:
            planner.exclude(step, error)
            task = plan_not_translated(planner, step, error)
            task.component.outputs.append(Port("result", "OutputPath(str)"))
            planner.evaluators[step.name] = task, "result"
    return planner.evaluators[step.name]


def _outcome_is_read(planner: Planner, step: Step) -> bool:
    return any(use.path == ("Outcome",) for use in planner.uses.of_properties(step.name))


def _simple(planner: Planner, step: Step) -> tuple[Value, str, Value] | None:
    """The only condition of a step, where Kubeflow can express it."""
    if len(step.conditions) != 1 or not isinstance(step.conditions[0], Comparison):
        return None
    comparison = step.conditions[0]
    read = {side.step for side in (comparison.left, comparison.right) if isinstance(side, JsonGet | PropertyReference)}
    if not read.issuperset(step.depends_on):  # a group of tasks cannot wait, an evaluator can
        return None
    left, right = (_operand(planner, step, side) for side in (comparison.left, comparison.right))
    if left is None or right is None:
        return None
    (left_value, left_type), (right_value, right_type) = left, right
    operator = OPERATORS[comparison.type]
    if isinstance(left_value, Plain):
        left_value, left_type, right_value, right_type = right_value, right_type, left_value, left_type
        operator = _TURNED[operator]
    if isinstance(left_value, Plain) or not _comparable(left_type, right_type, operator):
        return None
    if isinstance(right_value, Plain) and left_type == "float":
        right_value = Plain(float(right_value.value))
    return left_value, operator, right_value


def _comparable(left: str, right: str, operator: str) -> bool:
    if left in _NUMBERS:
        return right in _NUMBERS
    return left == right and operator == "=="


def _operand(planner: Planner, step: Step, expression: Expression) -> tuple[Value, str] | None:
    """An operand as Kubeflow can compare it, with its type; None if it cannot."""
    if isinstance(expression, Literal):
        type_ = _literal_type(expression.value)
        text = expression.value
        if type_ == "str" and (not text.isprintable() or any(c in text for c in "'\"\\") or reads_as_placeholder(text)):
            return None
        return None if type_ is None else (Plain(text), type_)
    if isinstance(expression, ParameterReference):
        parameter = planner.parameters[expression.name]
        return Parameter(parameter.name), parameter.type
    if isinstance(expression, JsonGet | PropertyReference):
        try:
            product = planner.product(step, expression)
        except NotTranslated:
            return None
        if not isinstance(product, Literal) and product.type in ("str", "int", "float", "bool"):
            return product.output, product.type
    return None


def _literal_type(value: Any) -> str | None:
    return {str: "str", int: "int", float: "float", bool: "bool"}.get(type(value))


def _evaluator(planner: Planner, step: Step) -> tuple[Task, str]:
    planner.refuse_torn(step)
    builder = Builder(planner, step, "python", "condition", "Condition")
    builder.option("step", step.name)
    expression = " and ".join(_expression(builder, condition, step) for condition in step.conditions) or "True"
    for port in builder.component.inputs[1:]:
        builder.option("operand", port.name, last=port.annotation)
    builder.option("expression", last=encode_last_field(expression))
    result = builder.output("result", "OutputPath(str)")
    builder.option("result", result)
    if _outcome_is_read(planner, step):
        name = builder.output("outcome", "OutputPath(str)")
        builder.option("outcome", name)
        planner.offer(step, ("property", "Outcome"), Product(Output(builder.task.variable, name), "str"))
    return builder.task, result


def _expression(builder: Builder, condition: Condition, step: Step) -> str:
    """A condition as a Python expression over the evaluator's inputs."""
    if isinstance(condition, Comparison):
        left, right = (_side(builder, side, step) for side in (condition.left, condition.right))
        return f"{left} {OPERATORS[condition.type]} {right}"
    if isinstance(condition, Membership):
        values = ", ".join(_side(builder, value, step) for value in condition.values)
        return f"{_side(builder, condition.query, step)} in [{values}]"
    if isinstance(condition, Not):
        return f"not ({_expression(builder, condition.condition, step)})"
    if isinstance(condition, Or):
        return "(" + " or ".join(f"({_expression(builder, each, step)})" for each in condition.conditions) + ")"
    raise builder.not_translated("SMX312", "a condition is of a type that SageMaker lacks", condition.pointer)


def _side(builder: Builder, expression: Expression, step: Step) -> str:
    """An operand of the expression: a literal, or the name of an input."""
    planner = builder.planner
    if isinstance(expression, Literal) and _literal_type(expression.value) is not None:
        return repr(expression.value)
    if isinstance(expression, ParameterReference):
        parameter = planner.parameters[expression.name]
        return builder.parameter(expression.name, parameter.type, Parameter(parameter.name))
    pieces = flatten(expression) if isinstance(expression, Join) else [expression]
    if all(isinstance(piece, str) or piece == PIPELINE_NAME for piece in pieces):  # the text is known beforehand
        return repr("".join(piece if isinstance(piece, str) else planner.definition.name for piece in pieces))
    if isinstance(expression, ExecutionVariable) and expression.name in EXECUTION_PLACEHOLDERS:
        value = Placeholder(EXECUTION_PLACEHOLDERS[expression.name])
        return builder.parameter(EXECUTION_INPUTS.get(expression.name, "start_time"), "str", value)
    if isinstance(expression, JsonGet | PropertyReference):
        product = planner.product(step, expression)
        if isinstance(product, Literal):
            return repr(product.value)
        if product.type != "artifact":
            return builder.parameter(product.output.name, product.type, product.output)
    raise builder.not_translated("SMX313", "a condition compares something that has no counterpart", step.pointer)
