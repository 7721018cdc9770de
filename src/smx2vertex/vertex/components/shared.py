"""What components of several kinds have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import ExecutionVariable, Join, Literal, PropertyReference
from ...sagemaker.steps import Field
from ..builder import Builder, Product
from ..names import plain, snake_case
from ..plan import Output

if TYPE_CHECKING:
    from ..planner import Planner


def fixed_destination(builder: Builder, step: Step, uri: Field | None, wanted: str, output: str) -> str | None:
    """The template of an address that the definition fixes; None for SageMaker's own per-execution address."""
    if uri is None or _is_default_address(uri, step.name, output):
        return None
    return builder.template(uri, wanted)


def _is_default_address(uri: Field, step: str, output: str) -> bool:
    """Whether an output address is `s3://BUCKET/…/EXECUTION/STEP/output/NAME`, which the SDK writes by itself."""
    join = uri.value
    if not isinstance(join, Join) or len(join.values) < 4:
        return False
    tail = [value.value if isinstance(value, Literal) else value for value in join.values[-4:]]
    return tail == [ExecutionVariable("PipelineExecutionId"), step, "output", output]


def property_name(path: str) -> str:
    """The last telling part of a JSON path: `binary_classification_metrics.accuracy.value` is `accuracy`."""
    telling = [part for part in snake_parts(path) if part not in ("value", "values")]
    return telling[-1] if telling else "value"


def snake_parts(path: str) -> list[str]:
    """The names in a JSON path, as identifiers."""
    parts = path.replace("[", ".").replace("]", "").split(".")
    return [name for name in (snake_case(part) for part in parts) if name]


def environment(builder: Builder, variables: dict[str, Field]) -> None:
    """The environment variables of a container, each a typed input."""
    for name, field in variables.items():
        builder.option("environment", name, last=builder.value_template(field, name))


def known_channels(planner: Planner, step: Step, training: steps.Training, pattern: str) -> None:
    """Refuse a step with an input channel whose name does not match the pattern: what runs would not find it.

    Raises:
        NotTranslated: there is such a channel.
    """
    for channel in training.channels:
        if not re.fullmatch(pattern, channel.name):
            message = f"nothing reads the channel {plain(channel.name)!r}"
            raise planner.not_translated(step, "SMX227", message, channel.pointer)


def product_key(use: PropertyReference) -> tuple[str, object]:
    """Under which key a product for this reference is offered."""
    if use.pattern == "ProcessingOutputConfig.Outputs[].S3Output.S3Uri":
        return ("output", use.key)
    if use.key is not None:
        return ("property", use)
    return ("property", use.pattern)


def model_output(builder: Builder, step: Step, training: steps.Training) -> None:
    """The model of a training job, and its copy at an address that the definition fixes."""
    name = builder.output("model", "Output[Model]")
    destination = builder.template(training.output_path, "model_destination") if training.output_path else None
    builder.option("model", name, last=destination)
    loose = training.compression == "NONE"
    if loose:
        builder.option("compression", last="none")
    output = Output(builder.task.variable, name)
    product = Product(output, "artifact", "Model", "model" if loose else "model.tar.gz")
    builder.planner.offer(step, ("property", "ModelArtifacts.S3ModelArtifacts"), product)
