"""Tasks that fail: Fail steps, and steps without counterpart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.grammar import encode_last_field
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import PropertyReference
from ..builder import Builder, Product
from ..errors import NotTranslated
from ..plan import Output, Task
from ..trials import ranks_read
from .shared import product_key, property_name

if TYPE_CHECKING:
    from ..planner import Planner


def plan_fail(planner: Planner, step: Step) -> Task:
    """A Fail step: a task that prints the message and fails."""
    builder = Builder(planner, step, "python", "fail", "Fail")
    builder.option("step", step.name)
    message = steps.fail_message(step, planner.names)
    template = builder.template(message, "message") if message is not None else ""
    builder.option("message", last=template)
    return builder.task


def plan_not_translated(planner: Planner, step: Step, error: NotTranslated) -> Task:
    """A step without counterpart: a task that fails, with the outputs that other steps read."""
    builder = Builder(planner, step, "python", "not-translated", step.type or "no type")
    finding = error.finding
    builder.option("step", step.name)
    builder.option("code", finding.code)
    builder.option("message", last=encode_last_field(finding.message))
    builder.component.notes.append(f"{finding.code}: {finding.message}")
    for use in planner.uses.of_properties(step.name):
        _placeholder_output(builder, step, use)
    if step.type == "Tuning":
        for rank in ranks_read(planner, step):
            output = Output(builder.task.variable, builder.output(f"model_{rank + 1}", "Output[Artifact]"))
            product = Product(output, "artifact", "Artifact", "model.tar.gz")
            planner.offer(step, ("model of trial", rank), product)
    for json_use, type_ in planner.uses.of_json(step.name):
        name = builder.output(property_name(json_use.path), f"OutputPath({type_})")
        planner.offer(step, ("json", json_use), Product(Output(builder.task.variable, name), type_))
    return builder.task


def _placeholder_output(builder: Builder, step: Step, use: PropertyReference) -> None:
    kind = product_key(use)
    if builder.planner.offered(step.name, kind) is not None:
        return
    is_address = use.pattern.endswith(("S3Uri", "S3ModelArtifacts", "S3OutputPath", "ModelName"))
    name = builder.output(
        use.key or use.path[-1] if use.path else "result", "Output[Artifact]" if is_address else "OutputPath(str)"
    )
    product = Product(Output(builder.task.variable, name), "artifact" if is_address else "str", "Artifact")
    builder.planner.offer(step, kind, product)
