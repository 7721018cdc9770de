"""Steps that tidy up or keep records: Cleanup, Lineage and Job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import PropertyReference
from ...sagemaker.steps.fields import arguments
from ..builder import Builder
from ..plan import Task
from ..values import S3_ADDRESS
from .shared import fixed_destination

if TYPE_CHECKING:
    from ..planner import Planner


def plan_cleanup(planner: Planner, step: Step) -> Task:
    """A Cleanup step: the objects that it names are deleted, in the pipeline root and at fixed addresses."""
    builder = Builder(planner, step, "python", "delete-objects", "Cleanup")
    builder.option("step", step.name)
    for entry in arguments(step, planner.names).each("Resources.S3"):
        if not entry.fields("S3Uris"):
            message = "an entry names no addresses: which objects SageMaker deletes for it is not documented"
            raise builder.not_translated("SMX278", message, entry.pointer)
    for _, field in steps.cleanup(step, planner.names).addresses:
        if field.text is not None and not S3_ADDRESS.fullmatch(field.text):
            message = f"{field.text!r} is no address: which objects SageMaker deletes for it is not documented"
            raise builder.not_translated("SMX278", message, field.pointer)
        builder.option("uri", last=builder.value_template(field, "uri"))
        if isinstance(field.value, PropertyReference):
            _copy(builder, field.value)
    return builder.task


def _copy(builder: Builder, reference: PropertyReference) -> None:
    """Of an output with a fixed address, there are two: the artifact, and the copy at that address."""
    producer = builder.planner.steps[reference.step]
    if producer.cache is not None and producer.cache.enabled:
        message = f"{producer.name!r} is cached: whoever reads its results in a later run finds nothing"
        builder.planner.note("SMX279", message, builder.step.pointer, builder.step)
    if producer.type != "Processing":
        return
    for output in steps.processing(producer, builder.planner.names).outputs:
        if output.name == reference.key:
            destination = fixed_destination(builder, producer, output.uri, f"{output.name}_copy", output.name)
            if destination is not None:
                builder.option("uri", last=destination)


def plan_lineage(planner: Planner, step: Step) -> Task:
    """A Lineage step: not translated, as its entities and their links are of other kinds in Vertex ML Metadata."""
    message = "Vertex AI records what tasks read and write by itself; entities of one's own need a component"
    raise planner.not_translated(step, "SMX399", message, f"{step.pointer}/Arguments")


def plan_job(planner: Planner, step: Step) -> Task:
    """A Job step: not translated, as SageMaker alone understands its document."""
    message = "the document of the job is understood by SageMaker alone; tuning of open models on Vertex AI is nearest"
    raise planner.not_translated(step, "SMX660", message, f"{step.pointer}/Arguments")
