"""Training steps: script mode, a container with an entry point, the built-in XGBoost algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.grammar import encode_last_field
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import flatten
from ...sagemaker.steps import Field
from ..builder import Builder, Product
from ..names import plain, snake_case
from ..plan import CodeFile, Output, Task
from .functions import plan_function
from .notebooks import plan_notebook
from .repack import plan_repack
from .shared import environment, model_output

if TYPE_CHECKING:
    from ..planner import Planner

# Script mode puts the user's files here, and starts them from here (sagemaker-training-toolkit).
CODE_FOLDER = "/opt/ml/code"


# How SageMaker reads the metrics of its XGBoost algorithm (developer guide, "#011" is CloudWatch's tab).
XGBOOST_METRIC = r".*\[[0-9]+\].*#011{}:(\S+)"


def plan_training(planner: Planner, step: Step) -> Task:
    """A Training step: script mode, a container with an entry point, or the built-in XGBoost algorithm."""
    training = steps.training(step, planner.names)
    bootstrap = " ".join(field.text or "" for field in (*training.entrypoint, *training.arguments))
    match steps.disguise(step):
        case "notebook job":
            return plan_notebook(planner, step)
        case "function":
            return plan_function(planner, step)
    repack = steps.repack(step, planner.names)
    if repack is not None:
        return plan_repack(planner, step, repack)
    algorithm = planner.algorithm(training, step)
    builder = Builder(
        planner, step, planner.image(training.image, step), "training", _training_kind(training, algorithm)
    )
    builder.option("step", step.name)
    program(builder, training, algorithm)
    for item in training.channels:
        channel(builder, item, bootstrap)
    for name, field in training.hyperparameters.items():
        hyperparameter(builder, name, field, quoted=training.program is not None)
    environment(builder, training.environment)
    _metrics(builder, step, training, algorithm)
    model_output(builder, step, training)
    _checkpoints(builder, training)
    builder.task.machine = planner.machine(training.resources, step)
    return builder.task


def _checkpoints(builder: Builder, training: steps.Training) -> None:
    """What the script writes there survives an interruption: it lies in the bucket at once."""
    if training.checkpoints is None:
        return
    folder = training.checkpoint_folder
    if not folder.startswith("/opt/ml/"):
        message = f"checkpoints in {plain(folder)}, outside of /opt/ml, are not kept"
        builder.planner.note("SMX218", message, training.checkpoints.pointer, builder.step)
        return
    builder.option("checkpoints", folder, last=builder.template(training.checkpoints, "checkpoints"))


def _training_kind(training: steps.Training, algorithm: str | None) -> str:
    if algorithm:
        return "Training, built-in XGBoost"
    return "Training, script mode" if training.program else "Training"


def program(builder: Builder, training: steps.Training, algorithm: str | None, folder: str = "") -> None:
    """What runs: the algorithm, the user's program from this code folder, or the container's own entry point."""
    if algorithm:
        builder.option("algorithm", algorithm)
    elif training.program is not None:
        builder.option("program", last=encode_last_field(training.program))
        if training.submit_directory is not None:
            builder.option("code", CODE_FOLDER, *([folder] if folder else []))
            pointer = training.hyperparameters["sagemaker_submit_directory"].pointer
            unpack = training.submit_directory.endswith(".tar.gz")
            file = CodeFile(folder, training.submit_directory, pointer, unpack, training.program)
            builder.planner.add_code(builder.component.function, file)
    elif training.entrypoint:
        builder.words(training.entrypoint, training.arguments)
    else:
        # SageMaker starts a training image with the argument `train`.
        builder.component.words = ["train"]
        builder.planner.note(
            "SMX336", "the image's program `train` is run by that name", builder.step.pointer, builder.step
        )


def channel(builder: Builder, channel: steps.Channel, bootstrap: str) -> None:
    """An input channel: an artifact, an address that is known at run time only, or the user's code."""
    if channel.uri is None:
        raise builder.not_translated("SMX333", f"channel {channel.name!r} has no S3Uri", channel.pointer)
    if f"/opt/ml/input/data/{channel.name}/" in bootstrap or _is_submitted_code(channel, bootstrap):
        folder = snake_case(channel.name) or "code"
        builder.option("channel-code", channel.name, folder)
        builder.planner.add_code(
            builder.component.function, CodeFile(folder, channel.uri.text or "", channel.uri.pointer)
        )
        return
    content_type = builder.planner.constant(channel.content_type) or ""
    if builder.planner.divides(channel.distribution):
        builder.option("shard", f"/opt/ml/input/data/{channel.name}")
    data = builder.data(channel.uri, channel.name)
    if isinstance(data, str):
        builder.option("channel-data", channel.name, content_type, last=data)
        return
    artifact, file = data
    fields = [channel.name, content_type]
    if artifact != channel.name or file:
        fields.append(artifact)
    builder.option("channel", *fields, *([file] if file else []))


def _is_submitted_code(channel: steps.Channel, bootstrap: str) -> bool:
    """SDK v3 sends the user's files in a channel `code`, beside its own drivers in `sm_drivers`."""
    return channel.name == "code" and "sm_drivers" in bootstrap and (channel.uri is not None and bool(channel.uri.text))


def hyperparameter(builder: Builder, name: str, field: Field, quoted: bool) -> None:
    """A hyperparameter as a typed input; `quoted` if strings may have JSON quotes, as in script mode."""
    if name in ("sagemaker_program", "sagemaker_submit_directory"):
        return
    if name.startswith("sagemaker_"):
        pieces = flatten(field.value)
        if all(isinstance(piece, str) for piece in pieces):
            builder.option("hyperparameter", name, last=encode_last_field("".join(map(str, pieces))))
            return
    builder.option("hyperparameter", name, last=builder.value_template(field, name, quoted))


def _metrics(builder: Builder, step: Step, training: steps.Training, algorithm: str | None) -> None:
    """The definitions of metrics, and the metrics that other steps read."""
    definitions = dict(training.metric_definitions)
    for use in builder.planner.uses.of_properties(step.name):
        if use.path[:1] != ("FinalMetricDataList",) or use.key is None:
            continue
        if algorithm == "xgboost" and use.key not in definitions:
            definitions[use.key] = XGBOOST_METRIC.format(use.key.replace(":", "-", 1))
        name = builder.output(use.key, "OutputPath(float)")
        builder.option("metric", name, last=encode_last_field(use.key))
        builder.planner.offer(step, ("property", use), Product(Output(builder.task.variable, name), "float"))
    for name, regex in definitions.items():
        builder.option("metric-definition", name, last=encode_last_field(regex))
