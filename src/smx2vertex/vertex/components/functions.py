"""Functions of the SageMaker SDK, decorated with `@step`, which SageMaker runs as Training steps."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ...contract.grammar import encode_last_field
from ...mapping.images import runs_functions
from ...sagemaker import steps
from ...sagemaker.definition import FunctionArgument, FunctionCall, Step
from ...sagemaker.expressions import Expression, JsonGet, ParameterReference, parse
from ..builder import Builder, Product
from ..names import plain, reads_as_placeholder
from ..plan import CodeFile, Output, Plain, Task
from ..uses import FUNCTION_RESULT, normal
from .shared import environment, known_channels, property_name

if TYPE_CHECKING:
    from ..planner import Planner

# The SDK's scripts, the list of packages, and the user's files under the time at which the pipeline was built.
CHANNELS = r"sagemaker_remote_function_bootstrap|pre_exec_script_and_dependencies|[\d-]+"
CODE_FOLDER = "/opt/ml/code"
REQUIREMENTS_FOLDER = "requirements"
RESULT_FILE = f"{FUNCTION_RESULT}/results.json"
# How the contract reads the text of an argument, by the type of the parameter that it comes from.
FORMS = {"int": "json", "float": "json", "bool": "bool", "str": "text"}


def plan_function(planner: Planner, step: Step) -> Task:
    """A function that was decorated with `@step`: a task that calls it, if a bundle holds its source and arguments."""
    call = _known_call(planner, step)
    training = steps.training(step, planner.names)
    known_channels(planner, step, training, CHANNELS)
    options = steps.function_options(step)
    python = options.get("client_python_version", "")
    builder = Builder(planner, step, _image(planner, step, training, python), "step-function", "function")
    # without a docstring, the SDK describes a function by the path of its file on the machine that built the pipeline
    builder.component.notes = [note for note in builder.component.notes if not note.startswith("/")]
    if planner.count(training.resources) > 1:
        raise builder.not_translated("SMX662", f"{call.function} runs on several machines at once", step.pointer)
    builder.option("step", step.name)
    builder.option("function", call.file, call.function)
    builder.option("code", CODE_FOLDER)
    planner.add_code(builder.component.function, CodeFile("", call.sources, step.pointer))
    _requirements(builder, call, options)
    for argument in call.arguments:
        _argument(builder, argument)
    environment(builder, training.environment)
    _result(builder, step)
    message = f"{call.function} of {plain(call.file)} runs as it stands, with what it refers to in its module"
    planner.note("SMX663", message, step.pointer, step)
    builder.task.machine = planner.machine(training.resources, step)
    return builder.task


def _known_call(planner: Planner, step: Step) -> FunctionCall:
    call = planner.definition.functions.get(step.name)
    if call is None:
        name = plain(str(step.raw.get("DisplayName") or step.name))
        where = plain(str(step.raw.get("Description") or "a file that the definition does not name"))
        message = f"the function {name} of {where} travels as a pickle"
        raise planner.not_translated(step, "SMX335", message, step.pointer)
    if call.problems:
        message = f"{plain(call.function)}: {plain('; '.join(call.problems))}"
        raise planner.not_translated(step, "SMX662", message, step.pointer)
    return call


def _image(planner: Planner, step: Step, training: steps.Training, python: str) -> str:
    """An image with the function's version of Python, in the place of those that bring little else; else its own."""
    if runs_functions(planner.constant(training.image) or "", python):
        return planner.tool_image("function", python)
    return planner.image(training.image, step)


def _requirements(builder: Builder, call: FunctionCall, options: dict[str, str]) -> None:
    """The packages that the function asks for, in the file that the SDK uploaded."""
    try:
        file = json.loads(options.get("dependency_settings", "{}")).get("dependency_file")
    except (ValueError, AttributeError):
        file = None
    if not isinstance(file, str) or not file:
        return
    uri = f"{call.sources.rpartition('/')[0]}/pre_exec_script_and_dependencies/{file}"
    pointer = f"{builder.step.pointer}/Arguments/AlgorithmSpecification/ContainerArguments"
    builder.planner.add_code(builder.component.function, CodeFile(REQUIREMENTS_FOLDER, uri, pointer))
    builder.option("requirements", f"{REQUIREMENTS_FOLDER}/{file}")


def _argument(builder: Builder, argument: FunctionArgument) -> None:
    pointer = builder.step.pointer
    if argument.unknown:
        message = f"the argument {plain(argument.name)!r} is a {plain(argument.unknown)}, which has no form as text"
        raise builder.not_translated("SMX661", message, pointer)
    wanted = f"argument_{argument.name}" if argument.name.isdigit() else argument.name
    if not argument.is_expression:
        form, template = _literal(builder, argument.value, wanted)
        builder.option("argument", argument.name, form, last=template)
        return
    expression = parse(argument.value, builder.planner.names)
    if isinstance(expression, JsonGet) and (use := normal(expression)) and use.property_file == RESULT_FILE:
        _result_argument(builder, argument.name, wanted, use)
        return
    builder.option("argument", argument.name, _form(builder, expression), last=builder.template(expression, wanted))


def _form(builder: Builder, expression: Expression) -> str:
    if isinstance(expression, ParameterReference):
        return FORMS[builder.planner.parameters[expression.name].type]
    return "text"


def _literal(builder: Builder, value: Any, wanted: str) -> tuple[str, str]:
    """The form and the template of a plain value: a typed input, so that people can change it."""
    form = "text" if isinstance(value, str) else "json"
    text = value if isinstance(value, str) else json.dumps(value)
    if reads_as_placeholder(text):
        return form, encode_last_field(text)
    if isinstance(value, int | float) and not isinstance(value, bool):
        type_ = type(value).__name__
        return form, f"{{{builder.parameter(wanted, type_, Plain(value))}:{type_}}}"
    address = builder.planner.address(text) if form == "text" else None
    return form, f"{{{builder.parameter(wanted, 'str', address or Plain(text))}:str}}"


def _result_argument(builder: Builder, name: str, wanted: str, use: JsonGet) -> None:
    """The result of another function, or what stands in it below some keys."""
    product = builder.planner.offered(str(use.step), ("property", "OutputDataConfig.S3OutputPath"))
    keys = result_keys(use.path)
    if product is None or keys is None:
        message = f"the result of {use.step!r} has no counterpart"
        raise builder.not_translated("SMX310", message, builder.step.pointer)
    artifact = builder.artifact(wanted, product.annotation, product.output)
    fields = [name, artifact, *([json.dumps(keys)] if keys else [])]
    builder.option("result-argument", *fields[:-1], last=encode_last_field(fields[-1]))


def result_keys(path: str) -> list[str | int] | None:
    """The keys in the path of a result, such as `Result['data'][0]`; None if it is written in another way."""
    found = re.findall(r"\[(?:(-?\d+)|'(.*?)')\](?=\[|$)", path, re.DOTALL)
    keys = [int(number) if number else text for number, text in found]
    written = "".join(f"[{key}]" if isinstance(key, int) else f"['{key}']" for key in keys)
    return keys if path == f"Result{written}" else None


def _result(builder: Builder, step: Step) -> None:
    """The result, as an artifact, and the parts of it that conditions and other steps read."""
    planner = builder.planner
    name = builder.output(FUNCTION_RESULT, "Output[Artifact]")
    builder.option("output", name)
    output = Output(builder.task.variable, name)
    planner.offer(step, ("property", "OutputDataConfig.S3OutputPath"), Product(output, "artifact", "Artifact"))
    for use, type_ in planner.uses.of_json(step.name):
        if use.property_file == RESULT_FILE:
            telling = property_name(use.path)
            parameter = builder.output("value" if telling == name else telling, f"OutputPath({type_})")
            builder.option("property", parameter, last=encode_last_field(use.path))
            planner.offer(step, ("json", use), Product(Output(builder.task.variable, parameter), type_))
