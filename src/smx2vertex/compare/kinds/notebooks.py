"""Notebook jobs, which SageMaker runs as Training steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import PropertyReference
from ..neutral import Node
from .kind import Kind, What, named_options

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader

CHANNEL = "sagemaker_headless_execution_pipelinestep"
NAME = "notebook"


def note_notebook(reader: SourceReader, node: Node, step: Step) -> None:
    """What reaches a Training step that runs a notebook."""
    node.kind = NAME
    training = steps.training(step, reader.names)
    for channel in training.channels:
        if channel.uri is not None:
            node.add(("code", f"/opt/ml/input/data/{channel.name}"), [], channel.uri.pointer)
    for name, field in training.hyperparameters.items():
        reader.note(node, ("hyperparameter", name), field)
    reader.environment(node, training.environment)
    node.add(("output", NAME), [NAME], f"{step.pointer}/Arguments/OutputDataConfig")
    if training.output_path is not None:
        node.add(("destination", NAME), reader.address_parts(training.output_path), training.output_path.pointer)
    reader.resources(node, training.resources)


def notebook_product(reference: PropertyReference) -> What | None:
    """What a property of such a step is, if the task makes it."""
    return ("output", NAME) if reference.pattern == "OutputDataConfig.S3OutputPath" else None


def _read_task(task: ContractReader) -> None:
    task.named("parameter", "hyperparameter")
    for option in task.line.of("output"):
        task.outputs(NAME, option.fields[0], option.template)


NOTEBOOK = Kind(NAME, (), "notebook", None, _read_task, task_product=named_options({"output": ("output", NAME)}))
