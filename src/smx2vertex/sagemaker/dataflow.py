"""Who produces what for whom: the steps of a definition in the order in which they can run, with what flows between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any

from . import steps
from .definition import Definition, Parameter, Step
from .expressions import (
    Expression,
    JsonGet,
    Literal,
    ParameterReference,
    PropertyReference,
    Unknown,
    expressions_in,
    parts,
)
from .reader import own_expressions
from .steps import Disguise, Field, Resources
from .wording import condition_text, expression_text, path_text


@dataclass(frozen=True, slots=True)
class Consumed:
    """What a step takes from another.

    Attributes:
        step: the producer.
        path: the property of the producer in full; of a property file `PropertyFiles.NAME`.
        field: the field of the consumer that it goes into.
        json_path: the place inside the property file, or None.
        by_address: whether no reference says so: the one writes to the address that the other reads.
    """

    step: str
    path: str
    field: str
    json_path: str | None = None
    by_address: bool = False


@dataclass(frozen=True, slots=True)
class Produced:
    """What a step gives to others: name, property path in full, and the names of the steps that take it."""

    name: str
    path: str
    consumers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParameterUse:
    """Where a parameter is used: in a field of a step; with no step, in a field of the definition itself."""

    step: str | None
    field: str


@dataclass(frozen=True, slots=True)
class Input:
    """Data that a step reads: the channel or input by name, and the address as text."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class StepFlow:
    """A step and what flows into and out of it.

    Attributes:
        disguise: what a step is in truth, where its type says something else.
        loop: the ForEach that repeats it, or None.
        waits_for: all steps that must come before it: producers, dependencies, and the condition or ForEach around it.
        images: container images as text.
        compute: one entry for each kind of machine; several only in tuning jobs and endpoints.
    """

    step: Step
    disguise: Disguise | None
    loop: str | None
    consumes: tuple[Consumed, ...]
    produces: tuple[Produced, ...]
    parameters: tuple[str, ...]
    inputs: tuple[Input, ...]
    images: tuple[str, ...]
    compute: tuple[Resources, ...]
    waits_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dataflow:
    """A definition with its steps in an order in which they can run, and the uses of its parameters by name."""

    definition: Definition
    steps: tuple[StepFlow, ...]
    uses: dict[str, tuple[ParameterUse, ...]]

    def parameters(self) -> list[tuple[Parameter, tuple[ParameterUse, ...]]]:
        """The parameters in the order of the document, each with its uses."""
        return [(parameter, self.uses.get(name, ())) for name, parameter in self.definition.parameters.items()]


# What the properties of a step hold for others, by type [facts of the SDK's Properties and of the Describe answers].
_PRODUCTS = {
    "Training": (("model", "ModelArtifacts.S3ModelArtifacts"),),
    "Tuning": (("best training job", "BestTrainingJob.TrainingJobName"),),
    "Transform": (("predictions", "TransformOutput.S3OutputPath"),),
    "Model": (("model", "ModelName"),),
    "RegisterModel": (("model package", "ModelPackageArn"),),
    "AutoML": (("best candidate", "BestCandidate.CandidateName"),),
    "QualityCheck": (
        ("statistics", "CalculatedBaselineStatistics"),
        ("constraints", "CalculatedBaselineConstraints"),
    ),
    "ClarifyCheck": (("constraints", "CalculatedBaselineConstraints"),),
    "EndpointConfig": (("endpoint configuration", "EndpointConfigName"),),
    "Endpoint": (("endpoint", "EndpointArn"),),
    "InferenceComponent": (("inference component", "InferenceComponentArn"),),
}
_DISGUISED_PRODUCTS = {
    "function": (("result", "OutputDataConfig.S3OutputPath"),),
    "notebook job": (("notebook", "OutputDataConfig.S3OutputPath"),),
}
# The field by which the items of a list are known.
_NAME_KEYS = ("InputName", "OutputName", "ChannelName", "VariantName", "DefinitionName", "PropertyFileName")


def dataflow(definition: Definition) -> Dataflow:
    """What flows between the steps of a definition.

    Args:
        definition: any that was read; a broken one too: dangling references are left out, and the steps of a cycle
            stand last.
    """
    names = definition.step_names()
    found = list(definition.all_steps(bodies=True))
    expressions = {step.pointer: list(own_expressions(step, body=False)) for step in found}
    consumed = {step.pointer: _consumed(step, expressions[step.pointer], names) for step in found}
    _add_addresses(found, consumed, names)
    consumers: dict[tuple[str, str], list[str]] = defaultdict(list)
    for step in found:
        for taken in consumed[step.pointer]:
            consumers[taken.step, taken.path].append(step.name)
    loops = {inner.pointer: step.name for step in found for inner in step.body}
    flows = [
        StepFlow(
            step=step,
            disguise=steps.disguise(step),
            loop=loops.get(step.pointer),
            consumes=tuple(consumed[step.pointer]),
            produces=tuple(_produced(step, consumers)),
            parameters=_unique(
                part.name for _, part in expressions[step.pointer] if isinstance(part, ParameterReference)
            ),
            inputs=tuple(_inputs(step, names)),
            images=_unique(expression_text(image.value) for image in _images(step, names) if image is not None),
            compute=tuple(_compute(step, names)),
            waits_for=_waits_for(step, consumed[step.pointer], loops.get(step.pointer), names),
        )
        for step in found
    ]
    return Dataflow(definition, tuple(_ordered(flows)), _uses(definition, found, expressions))


def field_path(value: Any, pointer: str) -> str:
    """A JSON pointer as people write it: list items by their names, without `Arguments`.

    Args:
        value: the JSON value that the pointer is about, such as a step.
        pointer: below that value, such as `/Arguments/ProcessingInputs/0/S3Input/S3Uri`.
    """
    path: list[str] = []
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
            names = (value.get(name) for name in _NAME_KEYS) if isinstance(value, dict) else ()
            name = next((name for name in names if isinstance(name, str)), None)
            path.append(f"[{key}]" if name is None else f"['{name}']")
        else:
            value = value.get(key) if isinstance(value, dict) else None
            path.append(key)
    return path_text(tuple(path[1:] if path[:1] == ["Arguments"] and len(path) > 1 else path))


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _own_field(step: Step, pointer: str) -> str:
    return field_path(step.raw, pointer.removeprefix(step.pointer))


def _consumed(step: Step, expressions: list[tuple[str, Expression]], names: frozenset[str]) -> list[Consumed]:
    found = []
    for pointer, part in expressions:
        if isinstance(part, PropertyReference) and part.step in names:
            found.append(Consumed(part.step, path_text(part.path), _own_field(step, pointer)))
        elif isinstance(part, JsonGet) and part.step in names:
            path = f"PropertyFiles.{part.property_file}"
            found.append(Consumed(part.step, path, _own_field(step, pointer), part.path))
    return list(dict.fromkeys(found))


def _add_addresses(found: list[Step], consumed: dict[str, list[Consumed]], names: frozenset[str]) -> None:
    """What a step reads at the very address that another writes to, without a reference."""
    writers: dict[Expression, tuple[str, str]] = {}
    for step in found:
        for path, field in _written(step, names):
            if _hashable(field.value):
                writers.setdefault(field.value, (step.name, path))
    for step in found:
        for _, field in _read_fields(step, names):
            writer = writers.get(field.value) if _hashable(field.value) else None
            if writer is not None and writer[0] != step.name:
                consumed[step.pointer].append(Consumed(*writer, _own_field(step, field.pointer), by_address=True))


def _hashable(expression: Expression) -> bool:
    """Whether an address can be looked up: it may hold a list or an object."""
    return all(isinstance(part.value, str) for part in parts(expression) if isinstance(part, Literal | Unknown))


def _written(step: Step, names: frozenset[str]) -> Iterator[tuple[str, Field]]:
    """The addresses that a step writes to, each with the property that repeats it."""
    if step.type == "Processing":
        for output in steps.processing(step, names).outputs:
            if output.uri is not None:
                yield _output_path(output.name), output.uri
    elif step.type == "Transform" and (path := steps.transform(step, names).output_path) is not None:
        yield "TransformOutput.S3OutputPath", path


def _read_fields(step: Step, names: frozenset[str]) -> Iterator[tuple[str, Field]]:
    """The addresses that a step reads, by the names of its inputs."""
    entries: Iterable[tuple[str, Field | None]] = ()
    if step.type == "Processing":
        entries = ((each.name, each.uri) for each in steps.processing(step, names).inputs)
    elif step.type in ("QualityCheck", "ClarifyCheck"):
        entries = ((each.name, each.uri) for each in steps.check(step, names).job.inputs)
    elif step.type == "Training":
        entries = ((each.name, each.uri) for each in steps.training(step, names).channels)
    elif step.type == "Tuning":
        entries = ((each.name, each.uri) for job in steps.tuning(step, names).jobs for each in job.channels)
    elif step.type == "Transform":
        entries = [("data", steps.transform(step, names).uri)]
    elif step.type == "AutoML":
        entries = steps.automl(step, names).channels
    return ((name, field) for name, field in entries if field is not None)


def _inputs(step: Step, names: frozenset[str]) -> Iterator[Input]:
    for name, field in _read_fields(step, names):
        yield Input(name, expression_text(field.value))


def _output_path(name: str) -> str:
    return f"ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"


def _declared(step: Step) -> Iterator[tuple[str, str]]:
    """Name and path of what a step gives, whether someone takes it or not."""
    if step.type == "Processing":
        yield from ((output.name, _output_path(output.name)) for output in steps.processing(step).outputs)
    disguise = steps.disguise(step)
    yield from _DISGUISED_PRODUCTS.get(disguise or "", _PRODUCTS.get(step.type, ()))
    if step.type in ("Lambda", "Callback"):
        outputs = (steps.lambda_ if step.type == "Lambda" else steps.callback)(step).outputs
        yield from ((output.name, f"OutputParameters['{output.name}']") for output in outputs)
    yield from ((file.name, f"PropertyFiles.{file.name}") for file in step.property_files)


def _produced(step: Step, consumers: dict[tuple[str, str], list[str]]) -> Iterator[Produced]:
    declared = {path: name for name, path in _declared(step)}
    taken = [path for producer, path in consumers if producer == step.name and path not in declared]
    for path in (*declared, *taken):
        name = declared.get(path) or path.rpartition(".")[2] or "everything"
        yield Produced(name, path, _unique(consumers.get((step.name, path), ())))


def _images(step: Step, names: frozenset[str]) -> list[Field | None]:
    match step.type:
        case "Processing":
            return [steps.processing(step, names).image]
        case "QualityCheck" | "ClarifyCheck":
            return [steps.check(step, names).job.image]
        case "Training":
            return [steps.training(step, names).image]
        case "Tuning":
            return [job.image for job in steps.tuning(step, names).jobs]
        case "Model" | "RegisterModel":
            return [container.image for container in steps.model(step, names).containers]
        case "InferenceComponent":
            container = steps.inference_component(step, names).container
            return [container.image] if container is not None else []
    return []


def _compute(step: Step, names: frozenset[str]) -> list[Resources]:
    match step.type:
        case "Processing" | "QualityCheck" | "ClarifyCheck":
            found = [steps.processing(step, names).resources]
        case "Training":
            found = [steps.training(step, names).resources]
        case "Transform":
            found = [steps.transform(step, names).resources]
        case "Tuning":
            found = [job.resources for job in steps.tuning(step, names).jobs]
        case "EndpointConfig":
            variants = steps.endpoint_config(step, names).variants
            found = [Resources(each.instance_type, each.instance_count, None, None) for each in variants]
        case _:
            found = []
    return [each for each in found if each.instance_type is not None or each.groups]


def _waits_for(step: Step, consumed: list[Consumed], loop: str | None, names: frozenset[str]) -> tuple[str, ...]:
    around = [step.branch.condition] if step.branch is not None else [loop] if loop is not None else []
    data = (taken.step for taken in consumed if not taken.by_address)
    return _unique(name for name in (*around, *data, *step.depends_on) if name in names and name != step.name)


def _ordered(flows: list[StepFlow]) -> Iterator[StepFlow]:
    """Each step after those it waits for, else in the order of the document; the steps of a cycle stand last."""
    known = {flow.step.name for flow in flows}
    waiting = {flow.step.pointer: {name for name in flow.waits_for if name in known} for flow in flows}
    followers: dict[str, list[StepFlow]] = defaultdict(list)
    for flow in flows:
        for name in waiting[flow.step.pointer]:
            followers[name].append(flow)
    place = {flow.step.pointer: index for index, flow in enumerate(flows)}
    ready = [place[pointer] for pointer, names in waiting.items() if not names]
    done: set[str] = set()
    heapify(ready)
    while ready:
        flow = flows[heappop(ready)]
        done.add(flow.step.pointer)
        yield flow
        for follower in followers.pop(flow.step.name, ()):
            waiting[follower.step.pointer].discard(flow.step.name)
            if not waiting[follower.step.pointer]:
                heappush(ready, place[follower.step.pointer])
    yield from (flow for flow in flows if flow.step.pointer not in done)


def _uses(
    definition: Definition, found: list[Step], expressions: dict[str, list[tuple[str, Expression]]]
) -> dict[str, tuple[ParameterUse, ...]]:
    uses: dict[str, dict[ParameterUse, None]] = defaultdict(dict)
    outside = {key: value for key, value in definition.raw.items() if key != "Steps"}
    for pointer, outer in expressions_in(outside):
        for part in parts(outer):
            if isinstance(part, ParameterReference):
                uses[part.name][ParameterUse(None, field_path(outside, pointer))] = None
    for step in found:
        for pointer, part in expressions[step.pointer]:
            if isinstance(part, ParameterReference):
                uses[part.name][ParameterUse(step.name, _own_field(step, pointer))] = None
    return {name: tuple(places) for name, places in uses.items()}


# What a step of each type is for.
PURPOSES = {
    "Processing": "runs a script or container over data",
    "Training": "trains a model",
    "Tuning": "searches for the best hyperparameters by many training jobs",
    "AutoML": "lets the service find a model for a table",
    "Transform": "predicts for a whole data set",
    "Model": "makes a model that can be served",
    "RegisterModel": "registers a version of a model for approval",
    "Condition": "chooses between branches",
    "Fail": "ends the execution as failed",
    "Lambda": "calls a Lambda function",
    "Callback": "sends a message to a queue and waits for the answer",
    "QualityCheck": "compares data or predictions with a baseline",
    "ClarifyCheck": "checks data or a model for bias, or explains predictions",
    "EMR": "runs a job on a Spark cluster",
    "EMRServerless": "runs a Spark or Hive job without a cluster of one's own",
    "EndpointConfig": "describes an endpoint",
    "Endpoint": "serves a model online",
    "InferenceComponent": "places a model on an endpoint",
    "Lineage": "records where artifacts come from",
    "Cleanup": "deletes what earlier steps wrote",
    "ForEach": "repeats a step for each item of a list",
    "Job": "runs the job that a document describes",
}
_DISGUISED_PURPOSES: dict[Disguise, str] = {
    "function": "runs a Python function",
    "notebook job": "runs a notebook",
    "repack": "packs a model together with its serving code",
    "spark program": "runs a Spark program",
}


def purpose(flow: StepFlow) -> str:
    """What a step is for; "" for a type that is not known."""
    return _DISGUISED_PURPOSES[flow.disguise] if flow.disguise else PURPOSES.get(flow.step.type, "")


def to_dict(flow: Dataflow) -> dict[str, Any]:
    """The data flow as plain data, as `inspect --format json` prints it."""
    definition = flow.definition
    return {
        "pipeline": definition.name,
        "kind": "sagemaker",
        "parameters": [
            {
                "name": parameter.name,
                "type": parameter.type,
                "default": None if parameter.required else parameter.default,
                "required": parameter.required,
                "allowed": None if parameter.allowed is None else list(parameter.allowed),
                "declared": parameter.declared,
                "used_by": [{"step": use.step, "field": use.field} for use in uses],
            }
            for parameter, uses in flow.parameters()
        ],
        "steps": [_step_to_dict(each) for each in flow.steps],
        "findings": [finding.to_dict() for finding in definition.findings],
    }


def _step_to_dict(flow: StepFlow) -> dict[str, Any]:
    step = flow.step
    return {
        "name": step.name,
        "type": step.type,
        "disguise": flow.disguise,
        "purpose": purpose(flow),
        "branch": None if step.branch is None else {"condition": step.branch.condition, "name": step.branch.name},
        "loop": flow.loop,
        "conditions": [condition_text(condition) for condition in step.conditions],
        "consumes": [
            {
                "step": taken.step,
                "path": taken.path,
                "json_path": taken.json_path,
                "field": taken.field,
                "by_address": taken.by_address,
            }
            for taken in flow.consumes
        ],
        "produces": [{"name": made.name, "path": made.path, "for": list(made.consumers)} for made in flow.produces],
        "depends_on": list(step.depends_on),
        "triggers": {each.step: each.trigger for each in step.dependencies if each.trigger != "Completed"},
        "waits_for": list(flow.waits_for),
        "parameters": list(flow.parameters),
        "inputs": [{"name": each.name, "source": each.source} for each in flow.inputs],
        "images": list(flow.images),
        "compute": [_resources_to_dict(each) for each in flow.compute],
        "retry": [
            {
                "exceptions": list(retry.exceptions),
                "interval_seconds": retry.interval,
                "backoff_rate": retry.backoff,
                "max_attempts": retry.max_attempts,
                "expire_after_minutes": retry.expire_after,
            }
            for retry in step.retries
        ],
        "cache": None
        if step.cache is None
        else {"enabled": step.cache.enabled, "expire_after": step.cache.expire_after},
        "pointer": step.pointer,
    }


def _resources_to_dict(found: Resources) -> dict[str, Any]:
    return {
        "instance_type": _plain(found.instance_type),
        "instance_count": _plain(found.instance_count),
        "volume_gb": _plain(found.volume_gb),
        "max_runtime_seconds": _plain(found.max_runtime_s),
        "spot": found.spot,
        "groups": [{"instance_type": _plain(kind), "instance_count": _plain(count)} for kind, count in found.groups],
    }


def _plain(field: Field | None) -> Any:
    """A plain value as it is, an expression as text."""
    if field is None:
        return None
    return field.value.value if isinstance(field.value, Literal) else expression_text(field.value)
