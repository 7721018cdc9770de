"""Builds one component and its task: gives names to inputs and outputs, and puts values into templates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..contract.grammar import encode_field, encode_last_field, encode_word
from ..findings import Finding
from ..sagemaker.definition import Step
from ..sagemaker.expressions import (
    ExecutionVariable,
    Expression,
    Literal,
    LoopReference,
    ParameterReference,
    Part,
    PropertyReference,
    Reference,
    flatten,
)
from ..sagemaker.steps import Field
from .errors import NotTranslated
from .names import CUSTOM_JOB_NAMES, Names, plain, reads_as_placeholder, snake_case
from .plan import (
    Code,
    Component,
    Data,
    Option,
    Output,
    Parameter,
    Placeholder,
    Plain,
    Port,
    Setting,
    Task,
    Value,
)
from .trials import model_of_trial
from .values import EXECUTION_PLACEHOLDERS, as_s3, names_aws, python_type, typed

if TYPE_CHECKING:
    from .planner import Planner

# Names that the source of a component uses itself, or kfp in calling it.
_USED_IN_COMPONENTS = {
    *("code", "dsl", "images", "region", "functions", "topics", "spark", "service_account", "encryption_key", "self"),
    *("Artifact", "Dataset", "Input", "Model", "Output", "OutputPath"),
}


# The names that kfp gives to importers, and to the groups that it makes of branches and loops.
_NAMED_BY_KFP = re.compile(r"importer(_\d+)?|(condition|condition_branches|exit_handler|for_loop)_\d+")
# The inputs that take what the engine knows; all others are times.
EXECUTION_INPUTS = {"PipelineExecutionId": "execution_id", "PipelineExecutionArn": "execution_name"}


class Builder:
    """Collects the inputs, outputs and options of one component.

    Attributes:
        component: the component being built.
        task: the task that calls it.
    """

    def __init__(self, planner: Planner, step: Step, image: str, verb: str, kind: str, part: str = "") -> None:
        """Begin the component of a step; `kind` says in its title what the step is, `part` names one of several."""
        self.planner = planner
        self.step = step
        wanted = "_".join(filter(None, [_function_name(step.name), part]))
        function = planner.functions.take(wanted, "step", "step")
        self.component = Component(function, f"Step `{step.name}` ({kind}).", image, verb)
        description = step.raw.get("Description")
        if isinstance(description, str) and description:
            self.component.notes.append(description)
        variable = planner.functions.take(f"{function}_task", "task", "task")
        self.task = Task(step.name, variable, self.component)
        self.names = Names(_USED_IN_COMPONENTS | CUSTOM_JOB_NAMES)
        self._given: dict[tuple[Value, str, str], str] = {}
        self.component.inputs.append(Port("code", "Input[Artifact]"))
        self.task.inputs["code"] = Code(function)

    # --- inputs and outputs ---

    def parameter(self, wanted: str, type_: str, value: Value) -> str:
        """An input parameter with this value; a reference that is used twice is one input."""
        key = (value, type_, wanted if isinstance(value, Plain) else "")
        if key not in self._given:
            name = self.names.take(snake_case(wanted), "value")
            self.component.inputs.append(Port(name, type_))
            self.task.inputs[name] = value
            self._given[key] = name
        return self._given[key]

    def artifact(self, wanted: str, annotation: str, value: Value) -> str:
        """An input artifact with this value."""
        key = (value, "artifact", "")
        if key not in self._given:
            name = self.names.take(snake_case(wanted), "data", "input")
            self.component.inputs.append(Port(name, f"Input[{annotation}]"))
            self.task.inputs[name] = value
            self._given[key] = name
        return self._given[key]

    def output(self, wanted: str, annotation: str) -> str:
        """An output, with its annotation: `Output[Dataset]`, `OutputPath(float)`."""
        name = self.names.take(snake_case(wanted), "result", "output")
        self.component.outputs.append(Port(name, annotation))
        return name

    # --- the command line ---

    def option(self, name: str, *fields: str, last: str | None = None) -> None:
        """Add an option with these texts as fields; `last` is a last field that is encoded already."""
        encoded = [encode_field(text) for text in fields]
        if last is not None:
            encoded.append(last)
        self.component.options.append(Option(name, tuple(encoded)))

    def setting(self, name: str, setting: str) -> None:
        """Add an option whose value stands in settings.py."""
        self.component.options.append(Option(name, (Setting(setting),)))

    def template(self, field: Field | Expression, wanted: str) -> str:
        """The template of an expression; what it refers to becomes typed inputs."""
        expression = field.value if isinstance(field, Field) else field
        pieces = flatten(expression)
        if pieces[:1] == ["s3://"] and isinstance(pieces[1], ParameterReference):
            message = f"{pieces[1].name} names the bucket of {wanted}: a run must name one of Google Cloud"
            self.planner.note("SMX353", message, self.step.pointer, self.step)
        return "".join(self._piece(piece, wanted, first=index == 0) for index, piece in enumerate(pieces))

    def value_template(self, field: Field, wanted: str, quoted: bool = False) -> str:
        """As `template`, but a plain value becomes a typed input too, so that it stands in pipeline.py."""
        pieces = flatten(field.value)
        if not pieces:
            pieces = [""]
        if len(pieces) > 1 or not isinstance(pieces[0], str):
            return self.template(field, wanted)
        if names_aws(pieces[0]):
            self.planner.note("SMX352", f"{wanted} keeps the text {plain(pieces[0])!r}", field.pointer, self.step)
        return self.literal(pieces[0], wanted, quoted)

    def literal(self, text: str, wanted: str, quoted: bool = False) -> str:
        """A plain text as a typed input, or as it is where Kubeflow would read a placeholder in it."""
        if reads_as_placeholder(text):
            return encode_last_field(text)
        type_, value = typed(text, quoted)
        address = self.planner.address(value) if isinstance(value, str) else None
        name = self.parameter(wanted, python_type(type_), address or Plain(value))
        return f"{{{name}:{type_}}}"

    def _piece(self, piece: Part, wanted: str, first: bool) -> str:
        if isinstance(piece, str):
            if first and piece.startswith("s3:/"):
                return self._beginning_of_address(piece, wanted)
            return encode_last_field(piece)
        return self._reference(piece, wanted)

    def _beginning_of_address(self, text: str, wanted: str) -> str:
        address = self.planner.address(text)
        if address is None or reads_as_placeholder(text):  # the bucket itself comes from a reference
            return encode_last_field("gs" + text.removeprefix("s3"))
        return f"{{{self.parameter(wanted, 'str', address)}:str}}"

    def _reference(self, reference: Reference, wanted: str) -> str:
        if isinstance(reference, ParameterReference):
            parameter = self.planner.parameters[reference.name]
            name = self.parameter(reference.name, parameter.type, Parameter(parameter.name))
            return f"{{{name}:{parameter.type}}}"
        if isinstance(reference, ExecutionVariable):
            return self._execution_variable(reference)
        if isinstance(reference, LoopReference):
            item = self.planner.item(self.step, reference)
            return f"{{{self.parameter(item.part, 'str', item)}:str}}"
        product = self.planner.product(self.step, reference)
        if isinstance(product, Literal):
            return self.template(product, wanted)
        if product.type == "artifact":
            name = self.artifact(product.output.name, product.annotation, product.output)
            suffix = encode_last_field(f"/{product.file}") if product.file else ""
            return f"{{{name}:uri}}{suffix}"
        name = self.parameter(product.output.name, product.type, product.output)
        return f"{{{name}:{product.type}}}"

    def _execution_variable(self, variable: ExecutionVariable) -> str:
        if variable.name == "PipelineName":
            return encode_last_field(self.planner.definition.name)
        constant = EXECUTION_PLACEHOLDERS.get(variable.name)
        if constant is None:
            raise self.not_translated(
                "SMX311", f"the execution variable {variable.name!r} has no counterpart", self.step.pointer
            )
        name = self.parameter(EXECUTION_INPUTS.get(variable.name, "start_time"), "str", Placeholder(constant))
        return f"{{{name}:str}}"

    # --- data ---

    def data(self, field: Field, wanted: str) -> tuple[str, str] | str:
        """Where an S3 address leads: an input artifact and the file in it ("" for all), or a template.

        A template stands for an address that only the running task can know.
        """
        pieces = flatten(field.value)
        trained = model_of_trial(self.planner, pieces)
        if trained is not None:
            return self.artifact(wanted, trained.annotation, trained.output), trained.file
        head, rest = (pieces[0], pieces[1:]) if pieces else ("", [])
        texts = [piece for piece in rest if isinstance(piece, str)]
        suffix = "".join(texts) if len(texts) == len(rest) else None
        if isinstance(head, str) and not rest:
            return self._constant_data(head, wanted, field.pointer), ""
        if isinstance(head, ParameterReference) and suffix is not None and suffix[:1] in ("", "/"):
            parameter = self.planner.parameters[head.name]
            return self.artifact(wanted, "Dataset", Data(Parameter(parameter.name))), suffix.strip("/")
        if isinstance(head, PropertyReference) and suffix is not None and suffix[:1] in ("", "/"):
            product = self.planner.product(self.step, head)
            if not isinstance(product, Literal) and product.type == "artifact":
                file = "/".join(part for part in (product.file, suffix.strip("/")) if part)
                return self.artifact(wanted, product.annotation, product.output), file
        self.planner.note("SMX321", "the address of this input is known only at run time", field.pointer, self.step)
        return self.template(field, wanted)

    def _constant_data(self, uri: str, wanted: str, pointer: str) -> str:
        address = self.planner.address(as_s3(uri))
        if address is None or reads_as_placeholder(uri):
            raise self.not_translated("SMX322", f"{uri!r} is no address of data that can be brought in", pointer)
        if not uri.endswith("/") and "." not in uri.rpartition("/")[2]:
            self.planner.note(
                "SMX320", f"{uri} is a prefix: SageMaker also takes what only begins like it", pointer, self.step
            )
        return self.artifact(wanted, "Dataset", Data(address))

    def not_translated(self, code: str, message: str, pointer: str) -> NotTranslated:
        """The error that makes this step a task that fails."""
        return NotTranslated(Finding(code, message, pointer, self.step.name, self.planner.definition.file))

    # --- the entry point ---

    def words(self, entrypoint: tuple[Field, ...], arguments: tuple[Field, ...]) -> None:
        """The user's entry point; the values of its options become typed inputs."""
        words = [self.word(field) for field in entrypoint]
        shell = bool(entrypoint) and (entrypoint[0].text or "").rpartition("/")[2] in ("sh", "bash")
        flag: str | None = None
        for field in arguments:
            text = field.text
            is_flag = text is not None and text.startswith("-") and typed(text)[0] == "str"
            if flag is not None and not is_flag:
                words.append(self.value_template(field, flag))
                flag = None
            elif is_flag and text is not None and text.startswith("--") and "=" in text:
                option, _, value = text.partition("=")
                words.append(f"{encode_word(option)}={self.literal(value, option)}")
                flag = None
            else:
                words.append(self.word(field))
                flag = text.lstrip("-") if is_flag and text is not None and not shell else None
        self.component.words = [*words]

    def word(self, field: Field) -> str:
        """One word of the entry point."""
        return encode_word(field.text) if field.text is not None else self.template(field, "argument")


def _function_name(step: str) -> str:
    """A step's name as a function's; the SDK makes `RegisterModel-RegisterModel` of `RegisterModel`."""
    name = snake_case(step)
    half = name[: len(name) // 2]
    if name == f"{half}_{half}":
        return half
    return f"{name}_step" if _NAMED_BY_KFP.fullmatch(name) else name


class Product:
    """What a task offers of a property of its step.

    Attributes:
        output: the task's output.
        type: `artifact`, or the type of an output parameter.
        annotation: of an artifact: its class.
        file: of an artifact: the file or folder in it that the property means.
    """

    __slots__ = ("annotation", "file", "output", "type")

    def __init__(self, output: Output, type_: str, annotation: str = "", file: str = "") -> None:
        """Describe the output."""
        self.output = output
        self.type = type_
        self.annotation = annotation
        self.file = file
