"""Processing steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import PropertyReference
from ..commandline import CommandLine
from ..names import folder, json_path
from ..neutral import Node
from . import datasets, spark
from .kind import Kind, What

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader

DIVIDED = "ShardedByS3Key"


def _read_step(reader: SourceReader, node: Node, step: Step) -> None:
    if spark.read_processing(reader, node, step):
        return
    processing = steps.processing(step, reader.names)
    reader.note(node, ("image",), processing.image)
    reader.words(node, processing.entrypoint, processing.arguments)
    datasets.read_queries(reader, node, processing)
    for item in processing.inputs:
        if item.uri is not None and item.local_path:
            node.add(("input", folder(item.local_path)), reader.address_parts(item.uri), item.uri.pointer)
            if reader.known(item.distribution) == DIVIDED:
                node.add(("divided", folder(item.local_path)), ["among the machines"], item.pointer)
    for output in processing.outputs:
        if not output.local_path:
            continue
        path = folder(output.local_path)
        node.add(("output", path), [output.name], output.pointer)
        if output.uri is not None:
            is_default = reader.is_default(output.uri, step.name, output.name)
            key = "default destination" if is_default else "destination"
            node.add((key, path), reader.address_parts(output.uri), output.uri.pointer)
    reader.environment(node, processing.environment)
    reader.resources(node, processing.resources)


def _read_task(task: ContractReader) -> None:
    for option in task.line.of("input"):
        artifact, path, file = option.fields
        if artifact in task.task.artifacts:
            task.node.add(("input", folder(path)), task.artifact(artifact, file))
        else:
            task.node.add(("code", folder(path)), [])
    for option in task.line.of("data"):
        task.node.add(("input", folder(option.fields[0])), task.address(option.template))
    note_divided(task)
    for option in task.line.of("output"):
        task.outputs(folder(option.fields[1]), option.fields[0], option.template)


def note_divided(task: ContractReader) -> None:
    """Note which inputs are divided among the machines of a job."""
    for option in task.line.of("shard"):
        task.node.add(("divided", folder(option.fields[0])), ["among the machines"])


def _step_product(reader: SourceReader, step: Step, reference: PropertyReference) -> What | None:
    if reference.pattern != "ProcessingOutputConfig.Outputs[].S3Output.S3Uri":
        return None
    path = reader.output_path(step, reference.key or "")
    return None if path is None else ("output", path)


def _task_product(line: CommandLine, key: str) -> What | None:
    folders = {o.fields[0]: folder(o.fields[1]) for o in line.of("output") if len(o.fields) > 1}
    if key in folders:
        return ("output", folders[key])
    for option in line.of("property"):
        parameter, place, path = option.fields
        if parameter == key:
            artifact, _, file = place.partition("/")
            return ("value", f"{folders.get(artifact, artifact)}/{file}", json_path(path))
    return None


PROCESSING = Kind("processing", ("Processing",), "processing", _read_step, _read_task, _step_product, _task_product)
