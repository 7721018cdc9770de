"""Conditions that are no single comparison."""

import ast
from typing import Any, Callable, Dict

from .command_line import ContractError, typed
from .task import Task, verb

COMPARISONS: Dict[Any, Callable[[Any, Any], bool]] = {
    ast.Eq: lambda a, b: a == b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
}


@verb("condition", {"operand": "PARAMETER:TYPE", "expression": "TEXT", "result": "PARAMETER", "outcome": "PARAMETER"})
def condition(task: Task) -> int:
    """A condition step whose conditions are no single comparison: publishes whether they hold."""
    operands = {}
    for name, kind in task.options["operand"]:
        if name not in task.parameters:
            raise ContractError("there is no input parameter " + name)
        operands[name] = typed(task.parameters[name], kind)
    result = evaluate(task.only("expression"), operands)
    print("{}: {}".format(task.step, result), flush=True)
    for (parameter,) in task.options["result"]:
        task.publish(parameter, result)
    for (parameter,) in task.options["outcome"]:
        task.publish(parameter, str(result))
    return 0


def evaluate(expression: str, operands: Dict[str, Any]) -> bool:
    """Whether an expression holds; it may name operands and write literals, compare and combine, and nothing else."""
    try:
        return _truth(ast.parse(expression, mode="eval").body, operands)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ContractError("cannot read the expression {}: {}".format(expression[:200], error)) from error


def _truth(node: ast.AST, operands: Dict[str, Any]) -> bool:
    if isinstance(node, ast.BoolOp):
        parts = [_truth(part, operands) for part in node.values]  # all of them: a mismatch counts wherever it stands
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _truth(node.operand, operands)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right, comparison = _operand(node.left, operands), node.comparators[0], node.ops[0]
        if isinstance(comparison, ast.In) and isinstance(right, ast.List):
            matches = [_compare(ast.Eq, left, _operand(item, operands)) for item in right.elts]
            return any(matches)
        if type(comparison) in COMPARISONS:
            return _compare(type(comparison), left, _operand(right, operands))
    value = _operand(node, operands)
    if isinstance(value, bool):
        return value
    raise ContractError("{!r} is neither true nor false".format(value))


def _operand(node: ast.AST, operands: Dict[str, Any]) -> Any:
    if isinstance(node, ast.Name) and node.id in operands:
        return operands[node.id]
    value = ast.literal_eval(node)  # type: ignore[arg-type, unused-ignore]
    if not isinstance(value, (bool, int, float, str)):
        raise ValueError("{!r} is neither a number nor text".format(value))
    return value


def _compare(comparison: Any, left: Any, right: Any) -> bool:
    if isinstance(left, str) != isinstance(right, str):
        raise ContractError("cannot compare {!r} with {!r}".format(left, right))
    return COMPARISONS[comparison](left, right)
