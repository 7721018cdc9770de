"""Steps by which the SDK puts an inference script into a model: Training steps of SageMaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ..neutral import Node
from .kind import Kind, named_options

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader

NAME = "repack"


def note_repack(reader: SourceReader, node: Node, step: Step, repack: steps.Repack) -> None:
    """What reaches a step that repacks a model."""
    node.kind = NAME
    parameters = f"{step.pointer}/Arguments/HyperParameters"
    node.add(("model data",), reader.address_parts(repack.model), repack.model.pointer)
    node.add(("program",), [repack.script], f"{parameters}/inference_script")
    node.add(("request", "contents"), ["folder" if repack.whole_folder else "script"], f"{parameters}/source_dir")
    node.add(("request", "dependencies"), [" ".join(repack.dependencies)], f"{parameters}/dependencies")
    node.add(("output", "model"), ["model"], f"{step.pointer}/Arguments/OutputDataConfig")
    output = repack.training.output_path
    if output is not None:
        node.add(("destination", "model"), reader.address_parts(output), output.pointer)
    reader.resources(node, repack.training.resources)


def _read_task(task: ContractReader) -> None:
    for option in task.line.of("archive"):
        artifact, file = option.fields
        task.node.add(("model data",), task.artifact(artifact, file))
    for option in task.line.of("archive-data"):
        task.node.add(("model data",), task.address(option.template))
    for option in task.line.of("script"):
        task.node.add(("program",), [option.fields[0]])
    for option in task.line.of("contents"):
        task.node.add(("request", "contents"), [option.fields[0]])
    names = [option.fields[0] for option in task.line.of("dependency")]
    task.node.add(("request", "dependencies"), [" ".join(names)])
    for option in task.line.of("model"):
        task.outputs("model", option.fields[0], option.template)


REPACK = Kind(NAME, (), "repack-model", None, _read_task, task_product=named_options({"model": ("model",)}))
