"""EndpointConfig, Endpoint and InferenceComponent steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.grammar import encode_last_field
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import Literal, ParameterReference, PropertyReference
from ...sagemaker.steps import Field
from ..builder import Builder, Product
from ..names import plain
from ..plan import Output, Plain, Task

if TYPE_CHECKING:
    from ..planner import Planner

CONFIG = ("endpoint config",)
# What the SDK calls the only variant.
ONLY_VARIANT = "AllTraffic"


def plan_endpoint_config(planner: Planner, step: Step) -> Task:
    """An EndpointConfig step: the request that the Endpoint step deploys."""
    config = steps.endpoint_config(step, planner.names)
    builder = Builder(planner, step, "python", "endpoint-config", step.type)
    builder.option("step", step.name)
    if config.name is not None:
        builder.option("name", last=builder.value_template(config.name, "config_name"))
    names = _variant_names(builder, config)
    for name, variant in zip(names, config.variants, strict=True):
        if variant.model_name is None:
            message = f"the variant {plain(name)!r} keeps machines for components, which get their own here"
            planner.note("SMX387", message, variant.pointer, step)
        else:
            _variant(builder, name, variant)
    if config.captures_data and config.sampling is not None:
        builder.option("log-percent", last=builder.value_template(config.sampling, "log_percent"))
    _labels(builder)
    request = builder.output("request", "OutputPath(str)")
    builder.option("request", request)
    planner.offer(step, (*CONFIG, None), Product(Output(builder.task.variable, request), "str"))
    return builder.task


def plan_endpoint(planner: Planner, step: Step) -> Task:
    """An Endpoint step: the deployment of what its configuration says."""
    endpoint = steps.endpoint(step, planner.names)
    builder = Builder(planner, step, "python", "deploy-model", step.type)
    builder.option("step", step.name)
    builder.option("name", last=_name(builder, endpoint.name, "endpoint_name"))
    builder.option("config", last=_config(builder, endpoint))
    _labels(builder)
    _deployed(builder, "endpoint", "EndpointName", "EndpointArn")
    return builder.task


def plan_inference_component(planner: Planner, step: Step) -> Task:
    """An InferenceComponent step: its model, on an endpoint and machines of its own."""
    component = steps.inference_component(step, planner.names)
    builder = Builder(planner, step, "python", "deploy-component", step.type)
    if component.model_name is None:
        raise builder.not_translated("SMX388", "the component names no model", f"{step.pointer}/Arguments")
    builder.option("step", step.name)
    builder.option("name", last=_name(builder, component.name, "component_name"))
    for option, field in (("endpoint", component.endpoint_name), ("variant", component.variant_name)):
        if field is not None:
            builder.option(option, last=builder.value_template(field, f"sagemaker_{option}"))
    artifact, template = _model(builder, component.model_name, "model")
    if artifact:
        builder.option("model", artifact)
    else:
        builder.option("model-name", last=template)
    for option, field in (("cpus", component.cpus), ("memory-mb", component.memory_mb), ("copies", component.copies)):
        if field is not None:
            builder.option(option, last=builder.value_template(field, option))
    _labels(builder)
    _deployed(builder, "component", "InferenceComponentName", "InferenceComponentArn")
    return builder.task


def _variant_names(builder: Builder, config: steps.EndpointConfig) -> list[str]:
    """The names of the variants, by which the options tell them apart."""
    found = []
    for variant in config.variants:
        name = ONLY_VARIANT if variant.name is None else variant.name.text
        if not name:
            raise builder.not_translated("SMX386", "the name of the variant is not plain text", variant.pointer)
        if name in found:
            raise builder.not_translated("SMX386", f"two variants are called {plain(name)!r}", variant.pointer)
        found.append(name)
    return found


def _variant(builder: Builder, name: str, variant: steps.Variant) -> None:
    wanted = f"{name}_" if name != ONLY_VARIANT else ""
    builder.option("variant", name)
    if variant.model_name is not None:
        artifact, template = _model(builder, variant.model_name, f"{wanted}model")
        if artifact:
            builder.option("model", name, artifact)
        else:
            builder.option("model-name", name, last=template)
    _machine(builder, name, variant, f"{wanted}machine_type")
    numbers = {
        "replicas": variant.instance_count,
        "min-replicas": variant.min_count,
        "max-replicas": variant.max_count,
        "weight": variant.weight,
    }
    for option, field in numbers.items():
        if field is not None:
            builder.option(option, name, last=builder.value_template(field, f"{wanted}{option}"))


def _machine(builder: Builder, name: str, variant: steps.Variant, wanted: str) -> None:
    planner, field = builder.planner, variant.instance_type
    instance_type = planner.constant(field)
    if field is None or not instance_type:
        raise builder.not_translated("SMX386", f"the variant {plain(name)!r} names no instance type", variant.pointer)
    choice = planner.correspondences.machine(instance_type)
    if choice is None:
        raise builder.not_translated("SMX243", f"no machine stands for {plain(instance_type)!r}", field.pointer)
    if "Arm -> x86" in choice.changes:
        message = f"{instance_type} has an Arm processor, {choice.target.name} has not"
        planner.note("SMX242", message, field.pointer, builder.step)
    machine = choice.target
    planner.plan.instance_types[instance_type] = machine.name
    if isinstance(field.value, ParameterReference):
        template = builder.template(field, wanted)
    else:
        template = f"{{{builder.parameter(wanted, 'str', Plain(machine.name))}:str}}"
    builder.option("machine", name, last=template)
    if machine.accelerator and machine.accelerator_count:
        if isinstance(field.value, ParameterReference):
            message = f"{field.value.name} may name another machine; the accelerators are those of its default"
            planner.note("SMX347", message, field.pointer, builder.step)
        builder.option("accelerator", name, machine.accelerator, str(machine.accelerator_count))


def _model(builder: Builder, field: Field, wanted: str) -> tuple[str, str]:
    """The model of a variant or a component: an artifact that a task made, or the template of a name."""
    if isinstance(field.value, PropertyReference):
        product = builder.planner.product(builder.step, field.value)
        if not isinstance(product, Literal) and product.type == "artifact":
            return builder.artifact(wanted, product.annotation, product.output), ""
    message = "the model is looked up in the registry by its name when the step runs"
    builder.planner.note("SMX389", message, field.pointer, builder.step)
    return "", builder.value_template(field, f"{wanted}_name")


def _name(builder: Builder, field: Field | None, wanted: str) -> str:
    """The name of an endpoint; SageMaker wants one."""
    return builder.literal(builder.step.name, wanted) if field is None else builder.value_template(field, wanted)


def _config(builder: Builder, endpoint: steps.Endpoint) -> str:
    field = endpoint.config_name
    reference = field.value if field else None
    found = (
        builder.planner.offered(reference.step, (*CONFIG, None)) if isinstance(reference, PropertyReference) else None
    )
    if found is None or not isinstance(reference, PropertyReference) or reference.pattern != "EndpointConfigName":
        message = "the configuration is not the EndpointConfigName of a step of this pipeline"
        raise builder.not_translated("SMX385", message, field.pointer if field else builder.step.pointer)
    return f"{{{builder.parameter('request', 'str', found.output)}:str}}"


def _labels(builder: Builder) -> None:
    for key, value in builder.step.tags.items():
        builder.option("label", key, last=encode_last_field(value))


def _deployed(builder: Builder, output: str, name: str, arn: str) -> None:
    """Where the endpoint is, and what others may read of it: its display name and its resource name."""
    builder.setting("project", "project")
    builder.setting("location", "region")
    for option, wanted, property_ in (("endpoint-name", output, name), ("resource-name", "resource_name", arn)):
        published = builder.output(wanted, "OutputPath(str)")
        builder.option(option, published)
        product = Product(Output(builder.task.variable, published), "str")
        builder.planner.offer(builder.step, ("property", property_), product)
