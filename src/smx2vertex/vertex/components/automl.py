"""AutoML steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.grammar import encode_last_field
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ..builder import Builder, Product
from ..plan import Output, Task

if TYPE_CHECKING:
    from ..planner import Planner

TABULAR = (None, "BinaryClassification", "MulticlassClassification", "Regression", "TabularJobConfig")
# The metrics that an objective of Vertex AI ranks models by in the same order.
SAME_ORDER = ("AUC", "RMSE", "MSE", "R2", "MAE")
NEAREST = {
    "TimeSeriesForecastingJobConfig": "AutoMLForecastingTrainingJobRunOp of Vertex AI forecasts from a table",
    "ImageClassificationJobConfig": "AutoMLImageTrainingJobRunOp of Vertex AI learns from an image dataset",
    "TextClassificationJobConfig": "tune a foundation model of Vertex AI",
    "TextGenerationJobConfig": "tune a foundation model of Vertex AI Model Garden",
}


def plan_automl(planner: Planner, step: Step) -> Task:
    """An AutoML step on a table: a dataset and a training pipeline of Vertex AI."""
    automl = steps.automl(step, planner.names)
    pointer = f"{step.pointer}/Arguments"
    if automl.problem_type not in TABULAR:
        message = f"{automl.problem_type}: {NEAREST.get(automl.problem_type or '', 'Vertex AI has no counterpart')}"
        raise planner.not_translated(step, "SMX397", message, pointer)
    if automl.target is None:
        raise planner.not_translated(step, "SMX397", "the step names no target column", pointer)
    builder = Builder(planner, step, "python", "automl-tabular", "AutoML")
    builder.option("step", step.name)
    for kind, uri in automl.channels:
        if uri is None:
            raise builder.not_translated("SMX333", f"channel {kind!r} has no S3Uri", pointer)
        data = builder.data(uri, kind)
        if isinstance(data, str):
            builder.option("channel-data", kind, last=data)
        else:
            artifact, file = data
            builder.option("channel", kind, artifact, *([file] if file else []))
    for option, field in (
        ("target", automl.target),
        ("weight", automl.weight),
        ("problem", automl.prediction),
        ("objective", automl.objective),
        ("runtime", automl.runtime_s),
        ("validation-fraction", automl.validation_fraction),
    ):
        if field is not None:
            builder.option(option, last=builder.value_template(field, option))
    _features(builder, automl)
    for key, value in step.tags.items():
        builder.option("label", key, last=encode_last_field(value))
    _notes(builder, automl, pointer)
    _outputs(builder, step)
    return builder.task


def _features(builder: Builder, automl: steps.AutoML) -> None:
    if automl.features is None:
        return
    found = builder.data(automl.features, "features")
    if isinstance(found, str):
        raise builder.not_translated(
            "SMX322", "the address of the feature specification is known only at run time", automl.features.pointer
        )
    artifact, file = found
    builder.option("features", artifact, *([file] if file else []))


def _notes(builder: Builder, automl: steps.AutoML, pointer: str) -> None:
    """What differs from SageMaker in any case."""
    note, step = builder.planner.note, builder.step
    if automl.prediction is None:
        message = "the kind of problem is not named: a target of more than 20 different numbers is taken for regression"
        note("SMX398", message, pointer, step)
    objective = None if automl.objective is None else builder.planner.constant(automl.objective)
    if objective is not None and objective not in SAME_ORDER:
        message = f"no objective of Vertex AI ranks models by {objective}: its own default is taken"
        note("SMX398", message, automl.objective.pointer if automl.objective else pointer, step)
    if any(kind == "validation" for kind, _ in automl.channels):
        note(
            "SMX398", "every other row of the validation data is kept for the test that Vertex AI wants", pointer, step
        )


def _outputs(builder: Builder, step: Step) -> None:
    planner, variable = builder.planner, builder.task.variable
    dataset = builder.output("dataset", "Output[Dataset]")
    model = builder.output("model", "Output[Model]")
    resource = builder.output("resource_name", "OutputPath(str)")
    builder.option("dataset", dataset)
    builder.option("model", model)
    builder.option("resource-name", resource)
    builder.setting("project", "project")
    builder.setting("location", "region")
    product = Product(Output(variable, resource), "str")
    planner.offer(step, ("property", "BestCandidate.CandidateName"), product)
