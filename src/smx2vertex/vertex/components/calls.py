"""Lambda and Callback steps: a function that is called, a worker that is asked and replies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...contract.grammar import encode_last_field
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import ExecutionVariable, Literal
from ...sagemaker.steps import Field
from ..builder import Builder, Product
from ..names import plain, reads_as_placeholder
from ..plan import Function, Output, Plain, Task
from ..values import PYTHON_TYPES, names_aws

if TYPE_CHECKING:
    from ..planner import Planner

# How long SageMaker waits for a reply is written down nowhere; a Vertex task may run for seven days.
CALLBACK_SECONDS = 7 * 24 * 3600
_FUNCTION_ARN = re.compile(r"arn:[^:]*:lambda:[^:]*:[^:]*:function:([^:]+)(?::[^:]+)?")


def plan_lambda(planner: Planner, step: Step) -> Task:
    """A Lambda step: a call of the Cloud Run function that takes the Lambda function's place."""
    call = steps.lambda_(step, planner.names)
    builder = Builder(planner, step, "python", "call-function", "Lambda")
    builder.option("step", step.name)
    _arguments(builder, call.inputs)
    _answers(builder, step, call.outputs)
    _function(builder, call)
    return builder.task


def _function(builder: Builder, call: steps.Lambda) -> None:
    field = call.function
    if field is None:
        raise builder.not_translated("SMX375", "the step names no function", builder.step.pointer)
    if field.text is None:
        message = "the address of the function comes from the run: it must be that of a Cloud Run function"
        builder.planner.note("SMX378", message, field.pointer, builder.step)
        builder.option("url", last=builder.template(field, "function"))
        return
    arn = _FUNCTION_ARN.fullmatch(field.text)
    name = arn[1] if arn else field.text
    identifier = builder.planner.plan.function(Function(field.text, name, builder.step.name, field.pointer))
    builder.setting("url", f"functions.{identifier}")
    message = f"deploy functions/{identifier} in the place of {plain(name)!r}, and write its address into config.yaml"
    builder.planner.note("SMX376", message, field.pointer, builder.step)


def plan_callback(planner: Planner, step: Step) -> Task:
    """A Callback step: a message on a Pub/Sub topic, and the wait for the reply."""
    call = steps.callback(step, planner.names)
    builder = Builder(planner, step, "python", "callback", "Callback")
    builder.option("step", step.name)
    builder.option("execution", last=builder.template(ExecutionVariable("PipelineExecutionArn"), "execution"))
    _arguments(builder, call.inputs)
    _answers(builder, step, call.outputs)
    builder.option("timeout", str(CALLBACK_SECONDS))
    _topic(builder, call)
    return builder.task


def _topic(builder: Builder, call: steps.Callback) -> None:
    field = call.queue
    if field is None:
        raise builder.not_translated("SMX375", "the step names no queue", builder.step.pointer)
    if field.text is None:
        message = "the queue comes from the run: it must be a Pub/Sub topic, projects/PROJECT/topics/NAME"
        builder.planner.note("SMX378", message, field.pointer, builder.step)
        builder.option("topic", last=builder.template(field, "topic"))
        return
    builder.setting("topic", f"topics.{builder.planner.plan.topic(field.text)}")
    message = f"whoever takes messages from {plain(field.text)} must take them from the topic, and reply there"
    builder.planner.note("SMX379", message, field.pointer, builder.step)


def _arguments(builder: Builder, inputs: dict[str, Field]) -> None:
    for name, field in inputs.items():
        builder.option("argument", name, last=_argument(builder, name, field))


def _argument(builder: Builder, name: str, field: Field) -> str:
    """A value as JSON: numbers and booleans keep their types, a text that looks like a number stays text."""
    if not isinstance(field.value, Literal):
        return builder.template(field, name)
    value = field.value.value
    if not isinstance(value, str | int | float):
        message = f"the argument {plain(name)!r} is neither text nor a number"
        raise builder.not_translated("SMX375", message, field.pointer)
    if isinstance(value, str) and reads_as_placeholder(value):
        return encode_last_field(value)
    if isinstance(value, str) and names_aws(value):
        builder.planner.note("SMX352", f"{name} keeps the text {plain(value)!r}", field.pointer, builder.step)
    type_ = type(value).__name__
    address = builder.planner.address(value) if isinstance(value, str) else None
    return f"{{{builder.parameter(name, type_, address or Plain(value))}:{type_}}}"


def _answers(builder: Builder, step: Step, outputs: tuple[steps.OutputParameter, ...]) -> None:
    """The declared outputs become output parameters, which other steps may read."""
    offered: dict[str, Product] = {}
    for output in outputs:
        if output.type not in PYTHON_TYPES:
            message = f"{plain(output.type)!r} is no type of an output"
            raise builder.not_translated("SMX375", message, output.pointer)
        type_ = PYTHON_TYPES[output.type]
        name = builder.output(output.name, f"OutputPath({type_})")
        builder.option("answer", name, output.type, last=encode_last_field(output.name))
        offered[output.name] = Product(Output(builder.task.variable, name), type_)
    for use in builder.planner.uses.of_properties(step.name):
        if use.path[:1] == ("OutputParameters",) and use.key in offered:
            builder.planner.offer(step, ("property", use), offered[use.key])
