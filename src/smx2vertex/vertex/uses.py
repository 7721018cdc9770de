"""What steps read from each other: properties, and values of property files with the type their readers expect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ..sagemaker.definition import Comparison, Condition, Definition, Membership, Not, Or, Step
from ..sagemaker.expressions import (
    Expression,
    Join,
    JsonGet,
    Literal,
    ParameterReference,
    PropertyReference,
    parts,
)
from ..sagemaker.steps import repeated, selected_by

# The output of a function decorated with `@step`.
FUNCTION_RESULT = "result"
_ELSEWHERE = ("IfSteps", "ElseSteps", "Conditions", "ForEachBody")


class Uses:
    """All uses in a definition, by the step that is read from."""

    def __init__(self, definition: Definition) -> None:
        """Collect them."""
        self.definition = definition
        self._types: dict[str, dict[PropertyReference | JsonGet, set[str]]] = defaultdict(dict)
        names = definition.step_names()
        self.steps = {step.name: step for step in definition.all_steps(bodies=True)}
        for step in self.steps.values():
            for expression, other in _compared(step):
                self._add(expression, self._type(other))
            for pointer, expression in step.expressions:
                if _is_argument(pointer.removeprefix(step.pointer)):
                    self._add(expression, None)
            picked = selected_by(step, names)
            if picked is not None:
                self._add(picked, "float")

    def of_properties(self, step: str) -> list[PropertyReference]:
        """The references to properties of a step, each once."""
        return [use for use in self._types.get(step, {}) if isinstance(use, PropertyReference)]

    def of_json(self, step: str) -> Iterator[tuple[JsonGet, str]]:
        """The values that are read from a step's property files, each with its type: `float`, `bool` or `str`."""
        for use, types in self._types.get(step, {}).items():
            if isinstance(use, JsonGet):
                yield use, "float" if "float" in types else "bool" if types == {"bool"} else "str"

    def _add(self, expression: Expression, type_: str | None) -> None:
        for part in parts(expression):
            use = normal(part) if isinstance(part, JsonGet) else part
            if isinstance(use, PropertyReference | JsonGet) and use.step is not None:
                types = self._types[use.step].setdefault(use, set())
                if type_ is not None and part is expression:
                    types.add(type_)
            if isinstance(part, PropertyReference) and (step := self.steps.get(part.step)) is not None:
                inner = repeated(step, part.path)
                if inner is not None:
                    self._add(inner.property, type_ if part is expression else None)

    def _type(self, other: Expression | None) -> str | None:
        """The type that a value must have to be comparable with this expression; None if nothing is known."""
        if isinstance(other, Literal):
            return {int: "float", float: "float", bool: "bool", str: "str"}.get(type(other.value))
        if isinstance(other, ParameterReference):
            kind = self.definition.parameters[other.name].type
            return {"Integer": "float", "Float": "float", "Boolean": "bool"}.get(kind, "str")
        # two values of files that are compared with each other are numbers more often than anything else
        return "float" if isinstance(other, JsonGet | PropertyReference) else "str"


def _is_argument(pointer: str) -> bool:
    """Whether a pointer within a step leads into its arguments, and not to conditions or other steps."""
    _, key, *inner = pointer.split("/")
    return key == "Arguments" and not (inner and inner[0] in _ELSEWHERE)


def normal(use: JsonGet) -> JsonGet | None:
    """A JsonGet as one of a property file; the form with a URI becomes the property file `OUTPUT/PATH` of its step."""
    if use.step is not None:
        return use
    if isinstance(use.uri, Join) and use.uri.values and isinstance(use.uri.values[0], PropertyReference):
        head = use.uri.values[0]
        rest = [value.value for value in use.uri.values[1:] if isinstance(value, Literal)]
        texts = [value for value in rest if isinstance(value, str)]
        output = head.key or (FUNCTION_RESULT if head.pattern == "OutputDataConfig.S3OutputPath" else None)
        if output and len(texts) == len(use.uri.values) - 1:
            path = use.uri.on.join(["", *texts]).strip("/")
            return JsonGet(head.step, f"{output}/{path}", None, use.path)
    return None


def _compared(step: Step) -> Iterator[tuple[Expression, Expression | None]]:
    """All operands of a step's conditions, each with what it is compared with."""
    stack: list[Condition] = list(step.conditions)
    while stack:
        condition = stack.pop(0)
        if isinstance(condition, Comparison):
            yield condition.left, condition.right
            yield condition.right, condition.left
        elif isinstance(condition, Membership):
            yield condition.query, condition.values[0] if condition.values else None
            for value in condition.values:
                yield value, condition.query
        elif isinstance(condition, Not):
            stack.append(condition.condition)
        elif isinstance(condition, Or):
            stack.extend(condition.conditions)
