"""Transform steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.grammar import encode_last_field
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import Literal, PropertyReference
from ..builder import Builder, Product
from ..names import snake_case
from ..plan import Output, Task
from .shared import environment

if TYPE_CHECKING:
    from ..planner import Planner


def plan_transform(planner: Planner, step: Step) -> Task:
    """A Transform step: the serving code over the data, inside a component."""
    transform = steps.transform(step, planner.names)
    producer = transform.model_name.value if transform.model_name else None
    if not isinstance(producer, PropertyReference) or transform.uri is None:
        raise planner.not_translated(
            step,
            "SMX340",
            "the model is not one that a step of this pipeline makes",
            step.pointer + "/Arguments/ModelName",
        )
    product = planner.product(step, producer)
    image, algorithm, program = planner.serving(producer.step, step)
    builder = Builder(planner, step, image, "transform", "Transform")
    if isinstance(product, Literal) or product.type != "artifact":
        raise builder.not_translated("SMX340", "the model has no counterpart", step.pointer + "/Arguments/ModelName")
    builder.option("step", step.name)
    builder.option("model", builder.artifact("model", product.annotation, product.output))
    if algorithm:
        builder.option("algorithm", algorithm)
    else:
        builder.option("program", last=encode_last_field(program))
    _transform_data(builder, transform)
    split = transform.request.get("TransformInput.SplitType")
    if planner.constant(split) in ("RecordIO", "TFRecord"):
        message = f"records of the format {planner.constant(split)} are not taken apart"
        raise builder.not_translated("SMX390", message, split.pointer if split else step.pointer)
    for path, field in transform.request.items():
        if path != "TransformInput.CompressionType" or field.text != "None":
            builder.option(_request_option(path), last=builder.value_template(field, path.rpartition(".")[2]))
    environment(builder, transform.environment)
    name = builder.output("predictions", "Output[Dataset]")
    destination = builder.template(transform.output_path, "predictions_destination") if transform.output_path else None
    builder.option("output", name, last=destination)
    planner.offer(
        step,
        ("property", "TransformOutput.S3OutputPath"),
        Product(Output(builder.task.variable, name), "artifact", "Dataset"),
    )
    builder.task.machine = planner.machine(transform.resources, step)
    return builder.task


def _transform_data(builder: Builder, transform: steps.Transform) -> None:
    if transform.uri is None:
        return
    data = builder.data(transform.uri, "data")
    if isinstance(data, str):
        builder.option("data", last=data)
        return
    artifact, file = data
    builder.option("input", artifact, *([file] if file else []))


def _request_option(path: str) -> str:
    """`TransformInput.SplitType` is `--split-type`."""
    return snake_case(path.rpartition(".")[2].replace("InMB", "Mb")).replace("_", "-")
