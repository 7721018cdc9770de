"""Functions of the SageMaker SDK, decorated with `@step`, which SageMaker runs as Training steps."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import FunctionArgument, FunctionCall, Step
from ...sagemaker.expressions import Expression, JsonGet, ParameterReference, PropertyReference, parse
from ..commandline import CommandLine
from ..names import json_path
from ..neutral import Node, Part, Product, template
from .kind import Kind, What

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader

NAME = "function"
RESULT = ("output", "result")
RESULT_FILE = "result/results.json"
# As which type the text of a parameter reaches the function.
FORMS = {"Integer": "json", "Float": "json", "Boolean": "bool", "String": "text"}


def note_function(reader: SourceReader, node: Node, step: Step, call: FunctionCall) -> None:
    """What reaches a Training step that calls a function."""
    node.kind = NAME
    training = steps.training(step, reader.names)
    reader.note(node, ("image",), training.image)
    node.add(("program",), [call.file, ":", call.function], step.pointer)
    node.add(("code", "/opt/ml/code"), [], step.pointer)
    for argument in call.arguments:
        _note_argument(reader, node, argument, step.pointer)
    requirements = _requirements(step)
    if requirements is not None:
        node.add(("request", "requirements"), [requirements], f"{step.pointer}/Arguments/AlgorithmSpecification")
    reader.environment(node, training.environment)
    node.add(RESULT, [RESULT[1]], f"{step.pointer}/Arguments/OutputDataConfig")
    reader.resources(node, training.resources)


def _note_argument(reader: SourceReader, node: Node, argument: FunctionArgument, pointer: str) -> None:
    expression = parse(argument.value, reader.names) if argument.is_expression else None
    if expression is not None and (result := _result_of(reader, expression)) is not None:
        node.add(("request", argument.name), result, pointer)
        return
    parameter = (
        reader.definition.parameters.get(expression.name) if isinstance(expression, ParameterReference) else None
    )
    if expression is None:
        form = "text" if isinstance(argument.value, str) else "json"
        text = argument.value if form == "text" else json.dumps(argument.value)
        value: list[Part] = [text]
    else:
        form = FORMS[parameter.type] if parameter else "text"
        value = list(reader.parts(expression))
    node.add(("request", argument.name), value, pointer)
    node.add(("request", f"{argument.name}, read as"), [form], pointer)


def _result_of(reader: SourceReader, expression: Expression) -> list[Part] | None:
    """The result of another function, and the keys below which the argument stands in it."""
    if not isinstance(expression, JsonGet) or expression.uri is None:
        return None
    match template(reader.parts(expression.uri)):
        case (Product(owner, what), "/results.json") if what == RESULT:
            return [Product(owner, RESULT), _keys(expression.path)]
    return None


def _keys(path: str) -> str:
    """The keys in a path such as `Result['data'][0]`, as JSON; "" if it is the whole result."""
    keys = re.findall(r"\[(?:(-?\d+)|'(.*?)')\](?=\[|$)", path, re.DOTALL)
    return json.dumps([int(number) if number else text for number, text in keys]) if keys else ""


def _requirements(step: Step) -> str | None:
    try:
        found = json.loads(steps.function_options(step).get("dependency_settings", "{}")).get("dependency_file")
    except (ValueError, AttributeError):
        return None
    return f"requirements/{found}" if found else None


def function_product(reference: PropertyReference) -> What | None:
    """What a property of such a step is, if the task makes it."""
    return RESULT if reference.pattern == "OutputDataConfig.S3OutputPath" else None


def _read_task(task: ContractReader) -> None:
    for option in task.line.of("function"):
        task.node.add(("program",), [":".join(option.fields)])
    for option in task.line.of("requirements"):
        task.node.add(("request", "requirements"), [option.fields[0]])
    for option in task.line.of("argument"):
        name, form = option.fields[:2]
        task.node.add(("request", name), task.parts(option.template))
        task.node.add(("request", f"{name}, read as"), [form])
    for option in task.line.of("result-argument"):
        name, artifact, keys = option.fields
        task.node.add(("request", name), [*task.input(artifact, "uri"), keys])
    for option in task.line.of("output"):
        task.outputs(RESULT[1], option.fields[0], None)


def _task_product(line: CommandLine, key: str) -> What | None:
    for option in line.of("property"):
        if option.fields[0] == key:
            return ("value", RESULT_FILE, json_path(option.fields[1]))
    return RESULT if line.one("output") == key else None


FUNCTION = Kind(NAME, (), "step-function", None, _read_task, task_product=_task_product)
