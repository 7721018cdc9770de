"""QualityCheck and ClarifyCheck steps."""

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

# Settings of SageMaker's container that say where it finds and leaves its files, and which report to CloudWatch.
PLACES = ("dataset_source", "output_path", "publish_cloudwatch_metrics")
FLAGS = ("skip-check", "fail-on-violation", "register-new-baseline")
PRODUCED = {"CalculatedBaseline": "report", "BaselineUsedForDriftCheck": "baseline"}


def _read_step(reader: SourceReader, node: Node, step: Step) -> None:
    check = steps.check(step, reader.names)
    node.add(("request", "kind"), [check.kind or ""], f"{step.pointer}/CheckType")
    for item in check.job.inputs:
        if item.uri is not None:
            key = ("request", "analysis config") if item.name == "analysis_config" else ("data",)
            node.add(key, reader.address_parts(item.uri), item.uri.pointer)
    for flag, field in zip(FLAGS, (check.skip, check.fail_on_violation, check.register_new_baseline), strict=True):
        reader.note(node, ("request", flag), field)
    is_bias = step.type == "ClarifyCheck"
    if check.statistics is not None and not is_bias:
        reader.note(node, ("request", "baseline statistics.json"), check.statistics)
    if check.constraints is not None:
        name = "analysis.json" if is_bias else "constraints.json"
        reader.note(node, ("request", f"baseline {name}"), check.constraints)
    supplied = [check.constraints] if is_bias else [check.statistics, check.constraints]
    if not all(field is not None and field.text for field in supplied):
        reader.note(node, ("group",), check.group)
    reader.environment(node, {name: field for name, field in check.job.environment.items() if name not in PLACES})
    for output in check.job.outputs:
        node.add(("output", "report"), [output.name], output.pointer)
        if output.uri is not None:
            is_default = reader.is_default(output.uri, step.name, output.name)
            key = ("default destination" if is_default else "destination", "report")
            node.add(key, reader.address_parts(output.uri), output.uri.pointer)
    reader.resources(node, check.job.resources)


def _read_task(task: ContractReader) -> None:
    task.node.add(("request", "kind"), [task.line.one("kind") or ""])
    for option in task.line.of("input"):
        task.node.add(("data",), task.artifact(*option.fields))
    for option in task.line.of("data"):
        task.node.add(("data",), task.address(option.template))
    for option in task.line.of("analysis-config"):
        task.node.add(("request", "analysis config"), task.artifact(*option.fields))
    for flag in FLAGS:
        for option in task.line.of(flag):
            task.node.add(("request", flag), task.parts(option.template))
    for option in task.line.of("baseline"):
        task.node.add(("request", f"baseline {option.fields[0]}"), task.parts(option.template))
    task.texts(group="group")
    for option in task.line.of("output"):
        task.outputs("report", option.fields[0], option.template)


def _step_product(reader: SourceReader, step: Step, reference: PropertyReference) -> What | None:
    for prefix, what in PRODUCED.items():
        if reference.pattern in (f"{prefix}Statistics", f"{prefix}Constraints"):
            kind = reference.pattern.removeprefix(prefix).lower()
            file = "analysis.json" if step.type == "ClarifyCheck" else f"{kind}.json"
            return ("output", what, file)
    return None


_task_product = named_options({"output": ("output", "report"), "baseline-used": ("output", "baseline")})

QUALITY_CHECK = Kind(
    "quality check", ("QualityCheck",), "quality-check", _read_step, _read_task, _step_product, _task_product
)
BIAS_CHECK = Kind("bias check", ("ClarifyCheck",), "bias-check", _read_step, _read_task, _step_product, _task_product)
