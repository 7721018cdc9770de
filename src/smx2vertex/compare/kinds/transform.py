"""Transform steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import PropertyReference
from ...sagemaker.steps import Field
from ..names import option_name
from ..neutral import Node
from .kind import Kind, named_options, named_properties

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader

REQUEST = (
    "content-type",
    "accept",
    "compression-type",
    "split-type",
    "assemble-with",
    "batch-strategy",
    "max-payload-mb",
    "input-filter",
    "output-filter",
    "join-source",
)


def _read_step(reader: SourceReader, node: Node, step: Step) -> None:
    transform = steps.transform(step, reader.names)
    if transform.model_name is not None:
        node.add(("model data",), reader.value(transform.model_name), transform.model_name.pointer)
        _serving_code(reader, node, transform.model_name)
    if transform.uri is not None:
        node.add(("data",), reader.address_parts(transform.uri), transform.uri.pointer)
    for path, field in transform.request.items():
        if path != "TransformInput.CompressionType" or field.text != "None":
            reader.note(node, ("request", option_name(path)), field)
    node.add(("output", "predictions"), ["predictions"], f"{step.pointer}/Arguments/TransformOutput")
    if transform.output_path is not None:
        value = reader.address_parts(transform.output_path)
        node.add(("destination", "predictions"), value, transform.output_path.pointer)
    reader.environment(node, transform.environment)
    reader.resources(node, transform.resources)


def _serving_code(reader: SourceReader, node: Node, model_name: Field) -> None:
    """What serves: the script or the algorithm in the image of the model that another step makes."""
    reference = model_name.value
    producer = reader.steps.get(reference.step) if isinstance(reference, PropertyReference) else None
    if producer is None or producer.type != "Model":
        return
    for container in steps.model(producer, reader.names).containers[:1]:
        reader.note(node, ("image",), container.image)
        program = steps.unquoted(container.environment.get("SAGEMAKER_PROGRAM"))
        if program:
            node.add(("program",), [program], container.environment["SAGEMAKER_PROGRAM"].pointer)


def _read_task(task: ContractReader) -> None:
    task.texts(program="program", algorithm="algorithm")
    for option in task.line.of("model"):
        task.node.add(("model data",), task.artifact(option.fields[0]))
    for option in task.line.of("input"):
        task.node.add(("data",), task.artifact(*option.fields))
    for option in task.line.of("data"):
        task.node.add(("data",), task.address(option.template))
    for name in REQUEST:
        for option in task.line.of(name):
            task.node.add(("request", name), task.parts(option.template))
    for option in task.line.of("output"):
        task.outputs("predictions", option.fields[0], option.template)


TRANSFORM = Kind(
    "transform",
    ("Transform",),
    "transform",
    _read_step,
    _read_task,
    named_properties({"TransformOutput.S3OutputPath": ("predictions",)}),
    named_options({"output": ("predictions",)}),
)
