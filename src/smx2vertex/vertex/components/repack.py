"""Steps by which the SDK puts an inference script into a model: Training steps of SageMaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.grammar import encode_last_field
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ..builder import Builder
from ..plan import CodeFile, Task
from .shared import model_output

if TYPE_CHECKING:
    from ..planner import Planner


def plan_repack(planner: Planner, step: Step, repack: steps.Repack) -> Task:
    """The repacking of a model, which the contract does by itself: no script of the SDK is needed."""
    builder = Builder(planner, step, "python", "repack-model", "repacking of a model")
    builder.option("step", step.name)
    data = builder.data(repack.model, steps.REPACKED_CHANNEL)
    if isinstance(data, str):
        builder.option("archive-data", last=data)
    else:
        artifact, file = data
        builder.option("archive", artifact, *([file] if file else []))
    builder.option("script", last=encode_last_field(repack.script))
    builder.option("contents", "folder" if repack.whole_folder else "script")
    for name in repack.dependencies:
        builder.option("dependency", last=encode_last_field(name))
    pointer = repack.training.hyperparameters["sagemaker_submit_directory"].pointer
    code = CodeFile("", repack.training.submit_directory or "", pointer, unpack=True, program=repack.script)
    planner.add_code(builder.component.function, code)
    model_output(builder, step, repack.training)
    planner.note("SMX664", f"{repack.script} goes into the model without the SDK's script", step.pointer, step)
    builder.task.machine = planner.machine(repack.training.resources, step)
    return builder.task
