"""Brings a definition to the neutral shape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

from ..sagemaker import steps
from ..sagemaker.definition import (
    MISSING,
    Comparison,
    Condition,
    Definition,
    Membership,
    Step,
)
from ..sagemaker.definition import Not as SourceNot
from ..sagemaker.definition import Or as SourceOr
from ..sagemaker.expressions import (
    ExecutionVariable,
    Expression,
    Join,
    JsonGet,
    Literal,
    ParameterReference,
    PropertyReference,
    expressions_in,
    parse,
)
from ..sagemaker.reader import references
from ..sagemaker.steps import Field
from .neutral import (
    All,
    AnyOf,
    Compare,
    Execution,
    Fact,
    Guard,
    In,
    Node,
    Not,
    Opaque,
    Param,
    Parameter,
    Part,
    Pipeline,
    Product,
    Test,
    Unseen,
    address,
    const,
    split_guard,
    template,
)

TYPES = {"String": "str", "Integer": "int", "Float": "float", "Boolean": "bool"}
KINDS = {
    "Processing": "processing",
    "Training": "training",
    "Transform": "transform",
    "Model": "model",
    "RegisterModel": "register",
    "Condition": "condition",
    "Fail": "fail",
}
EXECUTION = {
    "PipelineExecutionId": "execution id",
    "PipelineExecutionArn": "execution name",
    "StartDateTime": "start time",
    "CurrentDateTime": "start time",
}
OPERATORS = {
    "Equals": "==",
    "GreaterThan": ">",
    "GreaterThanOrEqualTo": ">=",
    "LessThan": "<",
    "LessThanOrEqualTo": "<=",
}
PRODUCTS = {
    ("Training", "ModelArtifacts.S3ModelArtifacts"): "model",
    ("Transform", "TransformOutput.S3OutputPath"): "predictions",
    ("Model", "ModelName"): "serving model",
    ("Model", "ModelArn"): "resource name",
    ("RegisterModel", "ModelPackageArn"): "resource name",
}
MAX_ECHOES = 20


def read_source(definition: Definition) -> Pipeline:
    """A definition as nodes; steps that wait for two branches of one condition have contradictory guards."""
    return _Reader(definition).pipeline()


def never_starts(node: Node) -> bool:
    """Whether a step waits for both branches of one condition, so that it is always skipped."""
    return any((condition, not outcome) in node.branches for condition, outcome in node.branches)


class _Reader:
    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.names = definition.step_names()
        self.steps = {step.name: step for step in definition.all_steps()}
        self.branches = self.all_branches()

    def pipeline(self) -> Pipeline:
        nodes = {step.name: self.node(step) for step in self.steps.values()}
        parameters = {
            p.name: Parameter(
                p.name, TYPES[p.type], None if p.default is MISSING else p.default, p.required, p.pointer, p.allowed
            )
            for p in self.definition.parameters.values()
        }
        return Pipeline(self.definition.name, parameters, nodes, self.definition.file)

    def node(self, step: Step) -> Node:
        kind = KINDS.get(step.type, step.type or "no type")
        node = Node(step.name, kind, step.pointer, step=step.name, names=(step.name,))
        node.branches = self.branches[step.name]
        node.guards = tuple(self.guards_of(node.branches))
        node.waits = {name for name in self.dependencies(step) if name in self.names}
        node.after = {name: f"{step.pointer}/DependsOn/{index}" for index, name in enumerate(step.depends_on)}
        if step.type == "Condition":
            node.test = self.test_of(step)
            return node
        read = getattr(self, f"read_{kind}", None)
        if read is not None:
            read(node, step)
        else:
            node.visible = False
        for pointer, expression in expressions_in(step.arguments, self.names, f"{step.pointer}/Arguments"):
            node.add(("reference", pointer), self.parts(expression), pointer)
        self.settings(node, step)
        return node

    def settings(self, node: Node, step: Step) -> None:
        if step.type in ("Processing", "Training", "Transform"):
            enabled = step.cache is not None and step.cache.enabled
            node.add(("caching",), ["on" if enabled else "off"], f"{step.pointer}/CacheConfig")
        if step.retries:
            attempts = max(5 if retry.max_attempts is None else retry.max_attempts for retry in step.retries)
            node.add(("retry",), [str(attempts)], step.retries[0].pointer)

    # --- order and branches ---

    def dependencies(self, step: Step) -> list[str]:
        """The steps it waits for by its own fields; waiting for a condition is waiting for what it reads."""
        found = [name for _, name in references(step, self.names)]
        for name in step.depends_on:
            other = self.steps.get(name)
            if other is not None and other.type == "Condition":
                found.extend(self.dependencies(other))
            else:
                found.append(name)
        if step.branch:
            found.extend(self.dependencies(self.steps[step.branch.condition]))
        return [name for name in dict.fromkeys(found) if name in self.steps]

    def all_branches(self) -> dict[str, frozenset[tuple[str, bool]]]:
        """The branches around each step and around all that it waits for."""
        around = {step.name: [step.branch.condition] if step.branch else [] for step in self.steps.values()}
        before = {name: [*around[name], *self.dependencies(step)] for name, step in self.steps.items()}
        found: dict[str, frozenset[tuple[str, bool]]] = {}
        for name in TopologicalSorter(before).static_order():
            branch = self.steps[name].branch
            own = {(branch.condition, branch.name == "if")} if branch else set()
            found[name] = frozenset(own.union(*(found[other] for other in before[name])))
        return found

    def guards_of(self, branches: frozenset[tuple[str, bool]]) -> Iterator[Guard]:
        for name, outcome in sorted(branches):
            condition = self.steps[name]
            yield from split_guard(Guard(self.test_of(condition), outcome, name, self.place(condition)))

    def place(self, condition: Step) -> str:
        return f"{condition.pointer}/Arguments/Conditions" + ("/0" if len(condition.conditions) == 1 else "")

    def test_of(self, step: Step) -> Test:
        tests = tuple(self.test(condition) for condition in step.conditions)
        return tests[0] if len(tests) == 1 else All(tests)

    def test(self, condition: Condition) -> Test:
        match condition:
            case Comparison():
                left, right = self.operand(condition.left), self.operand(condition.right)
                return Compare(OPERATORS[condition.type], left, right)
            case Membership():
                return In(self.operand(condition.query), tuple(map(self.operand, condition.values)))
            case SourceNot():
                return Not(self.test(condition.condition))
            case SourceOr():
                return AnyOf(tuple(map(self.test, condition.conditions)))
        return Opaque(f"condition at {condition.pointer}")

    def operand(self, expression: Expression) -> Part:
        if isinstance(expression, Literal):
            return const(expression.value)
        parts = template(self.parts(expression))
        if len(parts) != 1:
            return const("".join(map(str, parts)))
        part = parts[0]
        if isinstance(part, Param):
            return Param(part.name)
        return const(part) if isinstance(part, str) else part

    # --- values ---

    def parts(self, expression: Expression, depth: int = 0) -> Iterator[Part]:
        match expression:
            case Literal(value):
                yield value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            case ParameterReference(name):
                parameter = self.definition.parameters.get(name)
                yield Param(name, TYPES[parameter.type] if parameter else "str")
            case ExecutionVariable(name):
                yield self.definition.name if name == "PipelineName" else Execution(EXECUTION.get(name, name))
            case Join(on, values):
                for index, value in enumerate(values):
                    yield on if index else ""
                    yield from self.parts(value, depth)
            case JsonGet():
                yield self.json_value(expression)
            case PropertyReference():
                yield from self.property(expression, depth)
            case _:
                yield Unseen(str(expression.value))

    def property(self, reference: PropertyReference, depth: int) -> Iterator[Part]:
        step = self.steps.get(reference.step)
        if step is None:
            yield Unseen(f"{reference.pattern} of {reference.step}")
            return
        echoed = _lookup(step.arguments, reference.path)
        what = self.what(step, reference)
        if what is not None:
            yield Product(step.name, what)
            if what == ("model",):
                yield "/model" if steps.training(step, self.names).compression == "NONE" else "/model.tar.gz"
        elif echoed is not None and depth < MAX_ECHOES:
            yield from self.parts(parse(echoed, self.names), depth + 1)
        else:
            yield Product(step.name, ("named", reference.key or reference.path[-1] if reference.path else ""))

    def what(self, step: Step, reference: PropertyReference) -> tuple[str, ...] | None:
        if step.type == "Processing" and reference.pattern == "ProcessingOutputConfig.Outputs[].S3Output.S3Uri":
            path = self.output_path(step, reference.key or "")
            return None if path is None else ("output", path)
        if reference.path[:1] == ("FinalMetricDataList",) and reference.key is not None:
            return ("metric", reference.key)
        found = PRODUCTS.get((step.type, reference.pattern))
        return None if found is None else (found,)

    def output_path(self, step: Step, key: str) -> str | None:
        outputs = steps.processing(step, self.names).outputs
        for index, output in enumerate(outputs):
            if key in (output.name, str(index)) and output.local_path:
                return _folder(output.local_path)
        return None

    def json_value(self, use: JsonGet) -> Part:
        path = json_path(use.path)
        if use.step is not None and use.step in self.steps:
            step = self.steps[use.step]
            found = next((entry for entry in step.property_files if entry.name == use.property_file), None)
            folder = self.output_path(step, found.output) if found else None
            if found is None or folder is None:
                return Product(step.name, ("named", use.path))
            return Product(step.name, ("value", f"{folder}/{found.path}", path))
        if use.uri is not None:
            match template(self.parts(use.uri)):
                case (Product(owner, ("output", folder)), str(file)):
                    return Product(owner, ("value", f"{folder}{file}", path))
        return Unseen(f"JsonGet {use.path}")

    def value(self, field: Field | None) -> list[Part]:
        return [] if field is None else list(self.parts(field.value))

    def note(self, node: Node, key: tuple[str, ...], field: Field | None) -> None:
        if field is not None:
            node.add(key, self.parts(field.value), field.pointer)

    # --- the steps, by kind ---

    def read_processing(self, node: Node, step: Step) -> None:
        processing = steps.processing(step, self.names)
        self.note(node, ("image",), processing.image)
        self.words(node, processing.entrypoint, processing.arguments)
        for item in processing.inputs:
            if item.uri is not None and item.local_path:
                value = address(template(self.parts(item.uri.value)))
                node.add(("input", _folder(item.local_path)), value, item.uri.pointer)
        for output in processing.outputs:
            if not output.local_path:
                continue
            path = _folder(output.local_path)
            node.add(("output", path), [output.name], output.pointer)
            if output.uri is not None:
                is_default = self.is_default(output.uri, step.name, output.name)
                key = "default destination" if is_default else "destination"
                node.add((key, path), self.address_parts(output.uri), output.uri.pointer)
        self.environment(node, processing.environment)
        self.resources(node, processing.resources)

    def read_training(self, node: Node, step: Step) -> None:
        training = steps.training(step, self.names)
        self.note(node, ("image",), training.image)
        if training.program is not None:
            node.add(("program",), [training.program], training.hyperparameters["sagemaker_program"].pointer)
        else:
            self.words(node, training.entrypoint, training.arguments)
        if training.submit_directory is not None:
            node.add(("code", "/opt/ml/code"), [], training.hyperparameters["sagemaker_submit_directory"].pointer)
        for channel in training.channels:
            if channel.uri is not None:
                node.add(("channel", channel.name), self.address_parts(channel.uri), channel.uri.pointer)
            self.note(node, ("content type", channel.name), channel.content_type)
        for name, field in training.hyperparameters.items():
            if name not in ("sagemaker_program", "sagemaker_submit_directory"):
                self.note(node, ("hyperparameter", name), field)
        at = f"{step.pointer}/Arguments/AlgorithmSpecification/MetricDefinitions"
        for name, regex in training.metric_definitions:
            node.add(("metric definition", name), [regex], at)
        node.add(("output", "model"), ["model"], f"{step.pointer}/Arguments/OutputDataConfig")
        if training.output_path is not None:
            node.add(("destination", "model"), self.address_parts(training.output_path), training.output_path.pointer)
        if training.compression == "NONE":
            node.add(("compression",), ["none"], f"{step.pointer}/Arguments/OutputDataConfig/CompressionType")
        self.environment(node, training.environment)
        self.resources(node, training.resources)

    def read_model(self, node: Node, step: Step) -> None:
        model = steps.model(step, self.names)
        for container in model.containers[:1]:
            self.note(node, ("serving image",), container.image)
            if container.model_data is not None:
                node.add(("model data",), self.address_parts(container.model_data), container.model_data.pointer)
            for name, field in container.environment.items():
                if name != "SAGEMAKER_SUBMIT_DIRECTORY":
                    self.note(node, ("environment", name), field)
                elif (steps.unquoted(field) or "").startswith("s3://"):
                    node.add(("code", "model"), [], field.pointer)
        self.note(node, ("group",), model.group or model.name)
        self.note(node, ("approval",), model.approval)
        self.note(node, ("description",), model.description)
        for what, fields in (("content types", model.content_types), ("response types", model.response_types)):
            for field in fields:
                self.note(node, (what, field.text or field.pointer), field)
        for name, field in model.metadata.items():
            self.note(node, ("label", name), field)
        for name, text in step.tags.items():
            node.add(("label", name), [text], f"{step.pointer}/Arguments/Tags")
        for metrics in model.metrics:
            node.add(("metrics", metrics.kind), self.address_parts(metrics.uri), metrics.uri.pointer)

    read_register = read_model

    def read_transform(self, node: Node, step: Step) -> None:
        transform = steps.transform(step, self.names)
        if transform.model_name is not None:
            node.add(("model data",), self.value(transform.model_name), transform.model_name.pointer)
        if transform.uri is not None:
            node.add(("data",), self.address_parts(transform.uri), transform.uri.pointer)
        for path, field in transform.request.items():
            if path != "TransformInput.CompressionType" or field.text not in (None, "None"):
                self.note(node, ("request", option_name(path)), field)
        node.add(("output", "predictions"), ["predictions"], f"{step.pointer}/Arguments/TransformOutput")
        if transform.output_path is not None:
            value = self.address_parts(transform.output_path)
            node.add(("destination", "predictions"), value, transform.output_path.pointer)
        self.environment(node, transform.environment)
        self.resources(node, transform.resources)

    def read_fail(self, node: Node, step: Step) -> None:
        self.note(node, ("message",), steps.fail_message(step, self.names))

    def words(self, node: Node, entrypoint: tuple[Field, ...], arguments: tuple[Field, ...]) -> None:
        if entrypoint:
            fields = (*entrypoint, *arguments)
            node.words = tuple(Fact(template(self.parts(field.value)), field.pointer) for field in fields)

    def environment(self, node: Node, environment: dict[str, Field]) -> None:
        for name, field in environment.items():
            self.note(node, ("environment", name), field)

    def resources(self, node: Node, resources: steps.Resources) -> None:
        self.note(node, ("machine",), resources.instance_type)
        self.note(node, ("count",), resources.instance_count)
        self.note(node, ("disk",), resources.volume_gb)
        self.note(node, ("timeout",), resources.max_runtime_s)

    def address_parts(self, field: Field) -> tuple[Part, ...]:
        return address(template(self.parts(field.value)))

    def is_default(self, uri: Field, step: str, output: str) -> bool:
        """Whether it is the address of the execution's own that the SDK writes: `…/EXECUTION/STEP/output/NAME`."""
        parts = template(self.parts(uri.value))
        return parts[-2:] == (Execution("execution id"), f"/{step}/output/{output}")


def option_name(path: str) -> str:
    """A field of a batch request as the contract's option: `TransformInput.SplitType` is `split-type`."""
    name = path.rpartition(".")[2].replace("InMB", "Mb")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def json_path(path: str) -> str:
    """A JSON path with dots alone: `a['b'][0]` is `a.b.0`."""
    found = re.findall(r"[^.\[\]'\"]+", path.removeprefix("$"))
    return ".".join(found)


def _folder(path: str) -> str:
    return path.rstrip("/") or "/"


def _lookup(value: Any, path: tuple[str, ...]) -> Any:
    """The plain value or expression of the request that a property repeats; None if it is no such property."""
    for part in path:
        key = part[1:-1].strip("'\"") if part.startswith("[") else part
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            value = value.get(key) if isinstance(value, dict) else None
    is_plain = isinstance(value, str) or (isinstance(value, dict) and len(value) == 1)
    return value if is_plain else None
