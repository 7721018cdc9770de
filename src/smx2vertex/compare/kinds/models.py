"""Model and RegisterModel steps: versions of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ..neutral import Node
from .kind import Kind, named_options, named_properties

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader


OUTPUTS = {"serving-model": "serving model", "resource-name": "resource name"}


def _read_step(reader: SourceReader, node: Node, step: Step) -> None:
    model = steps.model(step, reader.names)
    for container in model.containers[:1]:
        reader.note(node, ("serving image",), container.image)
        if container.model_data is not None:
            node.add(("model data",), reader.address_parts(container.model_data), container.model_data.pointer)
        for name, field in container.environment.items():
            if name != "SAGEMAKER_SUBMIT_DIRECTORY":
                reader.note(node, ("environment", name), field)
            elif (steps.unquoted(field) or "").startswith("s3://"):
                node.add(("code", "model"), [], field.pointer)
    reader.note(node, ("group",), model.group or model.name)
    reader.note(node, ("approval",), model.approval)
    reader.note(node, ("description",), model.description)
    for what, fields in (("content types", model.content_types), ("response types", model.response_types)):
        for field in fields:
            reader.note(node, (what, field.text or field.pointer), field)
    for name, field in model.metadata.items():
        reader.note(node, ("label", name), field)
    for name, text in step.tags.items():
        node.add(("label", name), [text], f"{step.pointer}/Arguments/Tags")
    for metrics in model.metrics:
        node.add(("metrics", metrics.kind), reader.address_parts(metrics.uri), metrics.uri.pointer)
    for output in OUTPUTS.values():
        node.add(("output", output), [output])


def _read_task(task: ContractReader) -> None:
    for option in task.line.of("model"):
        task.node.add(("model data",), task.artifact(*option.fields))
    task.texts(parent="group", approval="approval", description="description", serving_image="serving image")
    for name, what in (("content-type", "content types"), ("response-type", "response types")):
        for option in task.line.of(name):
            task.node.add((what, option.fields[0]), option.fields)
    task.named("label", "label")
    for option in task.line.of("metrics"):
        kind, artifact, file = option.fields
        task.node.add(("metrics", kind), task.artifact(artifact, file))
    for name, output in OUTPUTS.items():
        for option in task.line.of(name):
            task.outputs(output, option.fields[0], None)


MODEL = Kind(
    "model",
    ("Model",),
    None,
    _read_step,
    None,
    named_properties({"ModelName": ("serving model",), "ModelArn": ("resource name",)}),
)
REGISTER = Kind(
    "register",
    ("RegisterModel",),
    "upload-model",
    _read_step,
    _read_task,
    named_properties({"ModelPackageArn": ("resource name",)}),
    named_options({name: (output,) for name, output in OUTPUTS.items()}),
)
