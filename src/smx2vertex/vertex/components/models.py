"""Model and RegisterModel steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.grammar import encode_last_field
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.steps import Field, unquoted
from ..builder import Builder, Product
from ..names import snake_case
from ..plan import CodeFile, Output, Task

if TYPE_CHECKING:
    from ..planner import Planner


def plan_model(planner: Planner, step: Step) -> Task:
    """A Model or RegisterModel step: an upload to the model registry."""
    model = steps.model(step, planner.names)
    if len(model.containers) != 1:
        raise planner.not_translated(
            step, "SMX338", f"{len(model.containers)} containers: Vertex serves a model with exactly one", step.pointer
        )
    container = model.containers[0]
    builder = Builder(planner, step, "python", "upload-model", step.type)
    builder.option("step", step.name)
    builder.option("parent", last=_parent(builder, model))
    if container.model_data is not None:
        _model_data(builder, container.model_data)
    _serving_code(builder, container)
    builder.setting("serving-image", f"images.{planner.serving_image(container.image, step)}")
    for name, field in container.environment.items():
        if not name.startswith("SAGEMAKER_SUBMIT_DIRECTORY"):
            builder.option("environment", name, last=builder.value_template(field, name))
    if model.approval is not None:
        builder.option("approval", last=builder.value_template(model.approval, "approval_status"))
    if model.description is not None:
        builder.option("description", last=builder.value_template(model.description, "description"))
    for option, types in (("content-type", model.content_types), ("response-type", model.response_types)):
        for content_type in types:
            builder.option(option, planner.constant(content_type) or "")
    for name, field in model.metadata.items():
        builder.option("label", name, last=builder.value_template(field, name))
    for key, value in step.tags.items():
        builder.option("label", key, last=encode_last_field(value))
    _model_metrics(builder, model)
    builder.setting("project", "project")
    builder.setting("location", "region")
    _uploaded(builder, step)
    return builder.task


def _parent(builder: Builder, model: steps.Model) -> str:
    found = model.group or model.name
    if found is not None:
        return builder.value_template(found, "model_name")
    # A SageMaker model lives alone; here its versions need a parent, and the step's name is the only one it has.
    return builder.literal(builder.step.name, "model_name")


def _model_data(builder: Builder, field: Field) -> None:
    data = builder.data(field, "model")
    if isinstance(data, str):
        raise builder.not_translated("SMX322", "the address of the model is known only at run time", field.pointer)
    artifact, file = data
    builder.option("model", artifact, *([file] if file else []))


def _serving_code(builder: Builder, container: steps.Container) -> None:
    """The user's inference script, which SageMaker's framework containers fetch themselves."""
    field = container.environment.get("SAGEMAKER_SUBMIT_DIRECTORY")
    directory = unquoted(field)
    if field is not None and directory and directory.startswith("s3://"):
        builder.option("code", "code")
        program = unquoted(container.environment.get("SAGEMAKER_PROGRAM"))
        file = CodeFile("code", directory, field.pointer, directory.endswith(".tar.gz"), program)
        builder.planner.add_code(builder.component.function, file)


def _model_metrics(builder: Builder, model: steps.Model) -> None:
    for metrics in model.metrics:
        data = builder.data(metrics.uri, snake_case(metrics.kind) or "metrics")
        if isinstance(data, str):
            builder.planner.note("SMX339", f"{metrics.kind} is not carried", metrics.uri.pointer, builder.step)
            continue
        artifact, file = data
        builder.option("metrics", metrics.kind, artifact, *([file] if file else []))


def _uploaded(builder: Builder, step: Step) -> None:
    serving = builder.output("serving_model", "Output[Model]")
    resource = builder.output("resource_name", "OutputPath(str)")
    builder.option("serving-model", serving)
    builder.option("resource-name", resource)
    variable = builder.task.variable
    planner = builder.planner
    planner.offer(step, ("property", "ModelName"), Product(Output(variable, serving), "artifact", "Model"))
    planner.offer(step, ("property", "ModelPackageArn"), Product(Output(variable, resource), "str"))
