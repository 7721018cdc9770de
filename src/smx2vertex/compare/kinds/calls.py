"""Lambda and Callback steps: a function that is called, a worker that is asked and replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.grammar import Placeholder
from ...contract.grammar import Template as Encoded
from ...kubeflow import origins
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import Literal, PropertyReference
from ..commandline import CommandLine
from ..neutral import Execution, Node
from .kind import Kind, What

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader


def _read_lambda(reader: SourceReader, node: Node, step: Step) -> None:
    call = steps.lambda_(step, reader.names)
    reader.note(node, ("function",), call.function)
    _read_call(reader, node, call)


def _read_callback(reader: SourceReader, node: Node, step: Step) -> None:
    call = steps.callback(step, reader.names)
    reader.note(node, ("queue",), call.queue)
    node.add(("request", "execution"), [Execution("execution name")], node.at)
    _read_call(reader, node, call)


def _read_call(reader: SourceReader, node: Node, call: steps.Lambda | steps.Callback) -> None:
    for name, field in call.inputs.items():
        reader.note(node, ("request", f"argument {name}"), field)
        if all(isinstance(part, str) for part in reader.value(field)):  # it is known without running anything
            type_ = type(field.value.value).__name__ if isinstance(field.value, Literal) else "str"
            node.add(("request", f"type of argument {name}"), [type_], field.pointer)
    for output in call.outputs:
        node.add(("request", f"answer {output.name}"), [output.type], output.pointer)


def _read_function_call(task: ContractReader) -> None:
    task.texts(url="function")
    _read_asking(task)


def _read_message(task: ContractReader) -> None:
    task.texts(topic="queue")
    for option in task.line.of("execution"):
        task.node.add(("request", "execution"), task.parts(option.template))
    _read_asking(task)


def _read_asking(task: ContractReader) -> None:
    for option in task.line.of("argument"):
        [name] = option.fields
        task.node.add(("request", f"argument {name}"), task.parts(option.template))
        if _is_constant(task, option.template or ()):
            task.node.add(("request", f"type of argument {name}"), [_type(option.template or ())])
    for option in task.line.of("answer"):
        _, type_, name = option.fields
        task.node.add(("request", f"answer {name}"), [type_])


def _is_constant(task: ContractReader, value: Encoded) -> bool:
    """Whether a value is known without running anything."""
    names = [part.name for part in value if isinstance(part, Placeholder)]
    return all(isinstance(task.task.parameters.get(name), origins.Constant) for name in names)


def _type(value: Encoded) -> str:
    """The type that the argument has in the JSON of the request."""
    if len(value) == 1 and isinstance(value[0], Placeholder) and value[0].type in ("int", "float", "bool"):
        return value[0].type
    return "str"


def _step_product(reader: SourceReader, step: Step, reference: PropertyReference) -> What | None:
    if reference.path[:1] != ("OutputParameters",) or reference.key is None:
        return None
    return ("answer", reference.key)


def _task_product(line: CommandLine, key: str) -> What | None:
    return next((("answer", option.fields[2]) for option in line.of("answer") if option.fields[0] == key), None)


LAMBDA = Kind("call", ("Lambda",), "call-function", _read_lambda, _read_function_call, _step_product, _task_product)
CALLBACK = Kind("callback", ("Callback",), "callback", _read_callback, _read_message, _step_product, _task_product)
