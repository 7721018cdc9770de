"""Notebook jobs, which SageMaker runs as Training steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ..builder import Builder, Product
from ..plan import CodeFile, Output, Task
from .shared import environment, known_channels

if TYPE_CHECKING:
    from ..planner import Planner

CHANNEL = "sagemaker_headless_execution_pipelinestep"


def plan_notebook(planner: Planner, step: Step) -> Task:
    """A notebook job: papermill runs the notebook with its parameters."""
    training = steps.training(step, planner.names)
    channel = next((item for item in training.channels if item.name == CHANNEL), None)
    notebook = training.environment.get("SM_INPUT_NOTEBOOK_NAME")
    if channel is None or channel.uri is None or not channel.uri.text or notebook is None or not notebook.text:
        raise planner.not_translated(step, "SMX395", "the definition does not name the notebook", step.pointer)
    known_channels(planner, step, training, CHANNEL)
    builder = Builder(planner, step, planner.tool_image("notebook"), "notebook", "notebook job")
    builder.option("step", step.name)
    builder.option("code", f"/opt/ml/input/data/{CHANNEL}")
    file = CodeFile("", channel.uri.text, channel.uri.pointer, unpack=True, program=notebook.text)
    planner.add_code(builder.component.function, file)
    for name, field in training.hyperparameters.items():
        builder.option("parameter", name, last=builder.value_template(field, name))
    environment(builder, training.environment)
    name = builder.output("notebook", "Output[Artifact]")
    destination = builder.template(training.output_path, "notebook_destination") if training.output_path else None
    builder.option("output", name, last=destination)
    planner.offer(
        step,
        ("property", "OutputDataConfig.S3OutputPath"),
        Product(Output(builder.task.variable, name), "artifact", "Artifact"),
    )
    builder.task.machine = planner.machine(training.resources, step)
    return builder.task
