"""QualityCheck and ClarifyCheck steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.steps import Field
from ..builder import Builder, Product
from ..plan import Output, Task
from .shared import environment, fixed_destination

if TYPE_CHECKING:
    from ..planner import Planner

CONFIG_INPUT = "analysis_config"
# Settings of the container that say where it finds and leaves its files, and which report to CloudWatch.
PLACES = ("dataset_source", "output_path", "publish_cloudwatch_metrics")
SCRIPTS = ("record_preprocessor_script", "post_analytics_processor_script")
# What each kind that has no faithful counterpart is nearest to.
NEAREST = {
    "MODEL_BIAS": "send the data to the model with a batch prediction, and work the metrics out in a script",
    "MODEL_EXPLAINABILITY": "upload the model with an explanation spec, and let a batch prediction explain",
}


def plan_quality_check(planner: Planner, step: Step) -> Task:
    """A QualityCheck step: statistics of the data or metrics of the model, compared with a baseline."""
    check = steps.check(step, planner.names)
    if check.kind not in ("DATA_QUALITY", "MODEL_QUALITY"):
        raise _no_counterpart(planner, step, check)
    scripts = [name for name in SCRIPTS if name in check.job.environment]
    if scripts:
        field = check.job.environment[scripts[0]]
        message = f"{scripts[0]} is called by SageMaker's own container, record by record"
        raise planner.not_translated(step, "SMX276", message, field.pointer)
    layout = check.job.environment.get("dataset_format")
    if layout is not None and "sagemakerCaptureJson" in (layout.text or ""):
        message = "the data was captured at an endpoint of SageMaker; give it as CSV, JSON lines or Parquet"
        raise planner.not_translated(step, "SMX275", message, layout.pointer)
    builder = _check(planner, step, check, "quality-check", ("statistics", "constraints"))
    settings = {name: field for name, field in check.job.environment.items() if name not in PLACES}
    environment(builder, settings)
    return builder.task


def plan_clarify_check(planner: Planner, step: Step) -> Task:
    """A ClarifyCheck step: the metrics of bias in the data, compared with a baseline."""
    check = steps.check(step, planner.names)
    if check.kind != "DATA_BIAS":
        raise _no_counterpart(planner, step, check)
    config = next((item for item in check.job.inputs if item.name == CONFIG_INPUT), None)
    if config is None or config.uri is None:
        raise planner.not_translated(step, "SMX275", f"there is no input {CONFIG_INPUT}", step.pointer + "/Arguments")
    builder = _check(planner, step, check, "bias-check", ("constraints",))
    found = builder.data(config.uri, CONFIG_INPUT)
    if isinstance(found, str):
        raise builder.not_translated("SMX322", "the address of the analysis is known only at run time", config.pointer)
    artifact, file = found
    builder.option("analysis-config", artifact, *([file] if file else []))
    return builder.task


def _no_counterpart(planner: Planner, step: Step, check: steps.Check) -> Exception:
    kind = check.kind or "none"
    message = f"a check of the kind {kind} needs the model's answers: {NEAREST.get(kind, 'write a component for it')}"
    return planner.not_translated(step, "SMX275", message, f"{step.pointer}/CheckType")


def _check(planner: Planner, step: Step, check: steps.Check, verb: str, files: tuple[str, ...]) -> Builder:
    """What both have in common; `files` are the files of a baseline."""
    builder = Builder(planner, step, planner.tool_image("checks"), verb, f"{step.type}, {check.kind}")
    builder.option("step", step.name)
    builder.option("kind", check.kind or "")
    _dataset(builder, check)
    for option, field in (
        ("skip-check", check.skip),
        ("fail-on-violation", check.fail_on_violation),
        ("register-new-baseline", check.register_new_baseline),
    ):
        if field is not None:
            builder.option(option, last=builder.value_template(field, option))
    supplied = {"statistics": check.statistics, "constraints": check.constraints}
    for kind in files:
        field = supplied[kind]
        if field is not None:  # an address that a run may leave empty, so that it can be no input artifact
            builder.option("baseline", file_of(verb, kind), last=builder.value_template(field, f"baseline_{kind}"))
    _group(builder, check, [supplied[kind] for kind in files])
    _outputs(builder, step, check, verb, files)
    builder.task.machine = planner.machine(check.job.resources, step)
    return builder


def file_of(verb: str, kind: str) -> str:
    """The file of a baseline: Clarify's constraints are its whole analysis."""
    return "analysis.json" if verb == "bias-check" else f"{kind}.json"


def _dataset(builder: Builder, check: steps.Check) -> None:
    items = [item for item in check.job.inputs if item.name != CONFIG_INPUT]
    if len(items) != 1 or items[0].uri is None:
        raise builder.not_translated("SMX275", "the check has no single dataset", builder.step.pointer + "/Arguments")
    data = builder.data(items[0].uri, "dataset")
    if isinstance(data, str):
        builder.option("data", last=data)
    else:
        artifact, file = data
        builder.option("input", artifact, *([file] if file else []))


def _group(builder: Builder, check: steps.Check, supplied: list[Field | None]) -> None:
    """The model package group whose newest approved version holds the baseline that was not supplied."""
    if check.group is None or all(field is not None and field.text for field in supplied):
        return
    builder.option("group", last=builder.value_template(check.group, "model_package_group"))
    builder.setting("project", "project")
    builder.setting("location", "region")
    message = "the baseline is that of the newest approved version that a pipeline here registered with one"
    builder.planner.note("SMX277", message, check.group.pointer, builder.step)


def _outputs(builder: Builder, step: Step, check: steps.Check, verb: str, files: tuple[str, ...]) -> None:
    planner, variable = builder.planner, builder.task.variable
    if len(check.job.outputs) != 1:
        raise builder.not_translated("SMX275", "the check has no single output", step.pointer + "/Arguments")
    (output,) = check.job.outputs
    report = builder.output(output.name, "Output[Artifact]")
    destination = fixed_destination(builder, step, output.uri, f"{output.name}_destination", output.name)
    builder.option("output", report, last=destination)
    used = builder.output("baseline_used", "Output[Artifact]")
    builder.option("baseline-used", used)
    for kind in files:
        for prefix, name in (("CalculatedBaseline", report), ("BaselineUsedForDriftCheck", used)):
            product = Product(Output(variable, name), "artifact", "Artifact", file_of(verb, kind))
            planner.offer(step, ("property", f"{prefix}{kind.title()}"), product)
