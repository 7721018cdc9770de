"""EndpointConfig, Endpoint and InferenceComponent steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import PropertyReference
from ...sagemaker.steps import Field
from ..neutral import Node, Product
from .kind import Kind, named_options, named_properties

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader

REQUEST = ("endpoint config",)
OF_VARIANTS = ("replicas", "min-replicas", "max-replicas", "weight")
OF_COMPONENTS = ("endpoint", "variant", "cpus", "memory-mb", "copies")


def _note(reader: SourceReader, node: Node, facts: dict[str, Field | None]) -> None:
    for name, field in facts.items():
        reader.note(node, ("request", name), field)


def _tags(node: Node, step: Step) -> None:
    for name, text in step.tags.items():
        node.add(("label", name), [text], f"{step.pointer}/Arguments/Tags")


def _read_config_step(reader: SourceReader, node: Node, step: Step) -> None:
    config = steps.endpoint_config(step, reader.names)
    _note(reader, node, {"name": config.name, "log-percent": config.sampling if config.captures_data else None})
    for variant in config.variants:
        if variant.model_name is None:
            continue
        name = (variant.name.text if variant.name else None) or "AllTraffic"
        node.add(("request", f"variant {name}"), [name], variant.pointer)
        reader.note(node, ("request", f"model of {name}"), variant.model_name)
        reader.note(node, ("serving machine", name), variant.instance_type)
        numbers = (variant.instance_count, variant.min_count, variant.max_count, variant.weight)
        _note(reader, node, {f"{what} of {name}": field for what, field in zip(OF_VARIANTS, numbers, strict=True)})
    _tags(node, step)


def _read_config_task(task: ContractReader) -> None:
    for what in ("name", "log-percent"):
        for option in task.line.of(what):
            task.node.add(("request", what), task.parts(option.template))
    for option in task.line.of("variant"):
        task.node.add(("request", f"variant {option.fields[0]}"), option.fields)
    for option in task.line.of("model"):
        task.node.add(("request", f"model of {option.fields[0]}"), task.input(option.fields[1], "uri"))
    for option in task.line.of("model-name"):
        task.node.add(("request", f"model of {option.fields[0]}"), task.parts(option.template))
    task.named("machine", "serving machine")
    for option in task.line.of("accelerator"):
        name, type_, count = option.fields
        task.node.add(("serving accelerator", name), [f"{count} {type_}"])
    for what in OF_VARIANTS:
        for option in task.line.of(what):
            task.node.add(("request", f"{what} of {option.fields[0]}"), task.parts(option.template))
    task.named("label", "label")


def _read_endpoint_step(reader: SourceReader, node: Node, step: Step) -> None:
    endpoint = steps.endpoint(step, reader.names)
    reader.note(node, ("request", "name"), endpoint.name)
    if endpoint.config_name is not None:
        reference = endpoint.config_name.value
        value = reader.value(endpoint.config_name)
        if isinstance(reference, PropertyReference) and reference.pattern == "EndpointConfigName":
            value = [Product(reference.step, REQUEST)]
        node.add(("request", "config"), value, endpoint.config_name.pointer)
    _tags(node, step)


def _read_component_step(reader: SourceReader, node: Node, step: Step) -> None:
    component = steps.inference_component(step, reader.names)
    asked = (
        component.endpoint_name,
        component.variant_name,
        component.cpus,
        component.memory_mb,
        component.copies,
    )
    _note(reader, node, {"name": component.name, "model": component.model_name})
    _note(reader, node, dict(zip(OF_COMPONENTS, asked, strict=True)))
    _tags(node, step)


def _read_deployment(task: ContractReader) -> None:
    for what in ("name", "config", *OF_COMPONENTS):
        for option in task.line.of(what):
            task.node.add(("request", what), task.parts(option.template))
    for option in task.line.of("model"):
        task.node.add(("request", "model"), task.input(option.fields[0], "uri"))
    for option in task.line.of("model-name"):
        task.node.add(("request", "model"), task.parts(option.template))
    task.named("label", "label")


PUBLISHED = named_options({"endpoint-name": ("endpoint name",), "resource-name": ("resource name",)})

ENDPOINT_CONFIG = Kind(
    "endpoint configuration",
    ("EndpointConfig",),
    "endpoint-config",
    _read_config_step,
    _read_config_task,
    task_product=named_options({"request": REQUEST}),
)
ENDPOINT = Kind(
    "endpoint",
    ("Endpoint",),
    "deploy-model",
    _read_endpoint_step,
    _read_deployment,
    named_properties({"EndpointName": ("endpoint name",), "EndpointArn": ("resource name",)}),
    PUBLISHED,
)
INFERENCE_COMPONENT = Kind(
    "inference component",
    ("InferenceComponent",),
    "deploy-component",
    _read_component_step,
    _read_deployment,
    named_properties({"InferenceComponentName": ("endpoint name",), "InferenceComponentArn": ("resource name",)}),
    PUBLISHED,
)
