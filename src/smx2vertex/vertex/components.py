"""How a step of each type becomes a task: one function a type."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..contract.grammar import encode_last_field
from ..sagemaker import steps
from ..sagemaker.definition import Step
from ..sagemaker.expressions import ExecutionVariable, Join, Literal, PropertyReference
from ..sagemaker.steps import Field, unquoted
from .builder import Builder, Product
from .errors import NotTranslated
from .names import snake_case
from .plan import CodeFile, Output, Task
from .values import flatten

if TYPE_CHECKING:
    from .planner import Planner

CODE_INPUTS = ("code", "entrypoint")
# Script mode puts the user's files here, and starts them from here (sagemaker-training-toolkit).
CODE_FOLDER = "/opt/ml/code"
# How SageMaker reads the metrics of its XGBoost algorithm (developer guide, "#011" is CloudWatch's tab).
XGBOOST_METRIC = r".*\[[0-9]+\].*#011{}:(\S+)"


def plan_processing(planner: Planner, step: Step) -> Task:
    """A Processing step: the container contract around the user's entry point."""
    processing = steps.processing(step, planner.names)
    builder = Builder(planner, step, planner.image(processing.image, step), "processing", "Processing")
    if not processing.entrypoint:
        raise builder.not_translated(
            "SMX331", "without ContainerEntrypoint the image's own entry point would run, which nobody can see",
            step.pointer + "/Arguments/AppSpecification",
        )  # fmt: skip
    builder.option("step", step.name)
    _processing_inputs(builder, processing)
    for output in processing.outputs:
        _processing_output(builder, step, output)
    _properties(builder, step)
    _environment(builder, processing.environment)
    builder.words(processing.entrypoint, processing.arguments)
    builder.task.machine = planner.machine(processing.resources, step)
    return builder.task


def _processing_inputs(builder: Builder, processing: steps.Processing) -> None:
    code = _code_inputs(processing)
    for item in processing.inputs:
        if item.uri is None or not item.local_path:
            raise builder.not_translated("SMX333", f"input {item.name!r} has no S3Uri or no LocalPath", item.pointer)
        if item.distribution == "ShardedByS3Key" and builder.planner.count(processing.resources) > 1:
            raise builder.not_translated(
                "SMX334", f"input {item.name!r} is divided among several instances", item.pointer
            )
        if item in code:
            folder = "" if len(code) == 1 else (snake_case(item.name) or "code")
            _code(builder, item.uri, item.local_path, folder)
            continue
        data = builder.data(item.uri, _input_name(item.name, item.local_path))
        if isinstance(data, str):
            builder.option("data", item.local_path, last=data)
        else:
            artifact, file = data
            builder.option("input", artifact, item.local_path, *([file] if file else []))


def _input_name(name: str, local_path: str) -> str:
    """The SDK numbers inputs that nobody named; the folder they land in says more."""
    return posixpath.basename(local_path.rstrip("/")) if name.startswith("input-") else name


def _code_inputs(processing: steps.Processing) -> list[steps.ProcessingInput]:
    """The inputs that hold the user's code: named so by the SDK, or the folder that the entry point looks into.

    Of several folders that hold the entry point the innermost one counts: data often lies above the code.
    """
    fixed = [item for item in processing.inputs if item.local_path and item.uri is not None and item.uri.text]
    found = [item for item in fixed if item.name in CODE_INPUTS]
    for word in processing.entrypoint:
        around = [item for item in fixed if (word.text or "").startswith(f"{str(item.local_path).rstrip('/')}/")]
        found += [max(around, key=lambda item: len(str(item.local_path)))] if around else []
    return [item for item in processing.inputs if item in found]


def _code(builder: Builder, uri: Field, local_path: str, folder: str) -> None:
    """Put a file or archive of the user's code where SageMaker would."""
    text = uri.text or ""
    name = posixpath.basename(text.rstrip("/"))
    fields = [local_path.rstrip("/") or "/"]
    if name.endswith(".tar.gz"):
        fields += [folder, name]
    elif folder:
        fields += [folder]
    builder.option("code", *fields)
    builder.planner.add_code(
        builder.component.function, CodeFile(folder, text, uri.pointer, unpack=name.endswith(".tar.gz"))
    )


def _processing_output(builder: Builder, step: Step, output: steps.ProcessingOutput) -> None:
    if not output.local_path:
        raise builder.not_translated("SMX333", f"output {output.name!r} has no LocalPath", output.pointer)
    files = {file.output for file in step.property_files}
    annotation = "Artifact" if output.name in files else "Dataset"
    name = builder.output(output.name, f"Output[{annotation}]")
    builder.planner.offer(
        step, ("output", output.name), Product(Output(builder.task.variable, name), "artifact", annotation)
    )
    fields = [name, output.local_path]
    destination = _destination(builder, step, output.uri, f"{output.name}_destination", output.name)
    builder.option("output", *fields, last=destination)


def _destination(builder: Builder, step: Step, uri: Field | None, wanted: str, output: str) -> str | None:
    """The template of an address that the definition fixes; None for SageMaker's own per-execution address."""
    if uri is None or _is_default_address(uri, step.name, output):
        return None
    return builder.template(uri, wanted)


def _is_default_address(uri: Field, step: str, output: str) -> bool:
    """Whether an output address is `s3://BUCKET/…/EXECUTION/STEP/output/NAME`, which the SDK writes by itself."""
    join = uri.value
    if not isinstance(join, Join) or len(join.values) < 4:
        return False
    tail = [value.value if isinstance(value, Literal) else value for value in join.values[-4:]]
    return tail == [ExecutionVariable("PipelineExecutionId"), step, "output", output]


def _properties(builder: Builder, step: Step) -> None:
    """Values of property files that other steps read become output parameters."""
    planner = builder.planner
    for use, type_ in planner.uses.of_json(step.name):
        file = planner.property_file(step, use)
        if file is None:
            continue
        output, path = file
        product = planner.offered(step.name, ("output", output))
        if product is None:
            continue
        name = builder.output(_property_name(use.path), f"OutputPath({type_})")
        builder.option("property", name, f"{product.output.name}/{path}", last=encode_last_field(use.path))
        planner.offer(step, ("json", use), Product(Output(builder.task.variable, name), type_))


def _property_name(path: str) -> str:
    """The last telling part of a JSON path: `binary_classification_metrics.accuracy.value` is `accuracy`."""
    telling = [part for part in snake_parts(path) if part not in ("value", "values")]
    return telling[-1] if telling else "value"


def snake_parts(path: str) -> list[str]:
    """The names in a JSON path, as identifiers."""
    parts = path.replace("[", ".").replace("]", "").split(".")
    return [name for name in (snake_case(part) for part in parts) if name]


def _environment(builder: Builder, environment: dict[str, Field]) -> None:
    for name, field in environment.items():
        builder.option("environment", name, last=builder.value_template(field, name))


def plan_training(planner: Planner, step: Step) -> Task:
    """A Training step: script mode, a container with an entry point, or the built-in XGBoost algorithm."""
    training = steps.training(step, planner.names)
    bootstrap = " ".join(field.text or "" for field in (*training.entrypoint, *training.arguments))
    if "job_driver.sh" in bootstrap or "amazon_sagemaker_scheduler" in bootstrap:
        raise planner.not_translated(
            step, "SMX335", "this step is a pickled Python function or a notebook job", step.pointer
        )
    algorithm = planner.algorithm(training, step)
    builder = Builder(
        planner, step, planner.image(training.image, step), "training", _training_kind(training, algorithm)
    )
    builder.option("step", step.name)
    _program(builder, training, algorithm)
    for channel in training.channels:
        _channel(builder, channel, bootstrap)
    for name, field in training.hyperparameters.items():
        _hyperparameter(builder, name, field, quoted=training.program is not None)
    _environment(builder, training.environment)
    _metrics(builder, step, training, algorithm)
    _model_output(builder, step, training)
    builder.task.machine = planner.machine(training.resources, step)
    return builder.task


def _training_kind(training: steps.Training, algorithm: str | None) -> str:
    if algorithm:
        return "Training, built-in XGBoost"
    return "Training, script mode" if training.program else "Training"


def _program(builder: Builder, training: steps.Training, algorithm: str | None) -> None:
    """What runs: the algorithm, the user's program, or the container's own entry point."""
    if algorithm:
        builder.option("algorithm", algorithm)
    elif training.program is not None:
        builder.option("program", last=encode_last_field(training.program))
        if training.submit_directory is not None:
            builder.option("code", CODE_FOLDER)
            pointer = training.hyperparameters["sagemaker_submit_directory"].pointer
            unpack = training.submit_directory.endswith(".tar.gz")
            file = CodeFile("", training.submit_directory, pointer, unpack, training.program)
            builder.planner.add_code(builder.component.function, file)
    elif training.entrypoint:
        builder.words(training.entrypoint, training.arguments)
    else:
        # SageMaker starts a training image with the argument `train`.
        builder.component.words = ["train"]
        builder.planner.note(
            "SMX336", "the image's program `train` is run by that name", builder.step.pointer, builder.step
        )


def _channel(builder: Builder, channel: steps.Channel, bootstrap: str) -> None:
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


def _hyperparameter(builder: Builder, name: str, field: Field, quoted: bool) -> None:
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


def _model_output(builder: Builder, step: Step, training: steps.Training) -> None:
    name = builder.output("model", "Output[Model]")
    destination = builder.template(training.output_path, "model_destination") if training.output_path else None
    builder.option("model", name, last=destination)
    loose = training.compression == "NONE"
    if loose:
        builder.option("compression", last="none")
    output = Output(builder.task.variable, name)
    product = Product(output, "artifact", "Model", "model" if loose else "model.tar.gz")
    builder.planner.offer(step, ("property", "ModelArtifacts.S3ModelArtifacts"), product)


def plan_model(planner: Planner, step: Step) -> Task:
    """A Model or RegisterModel step: an upload to the model registry."""
    model = steps.model(step, planner.names)
    if len(model.containers) != 1:
        raise planner.not_translated(
            step, "SMX338", f"{len(model.containers)} containers: Vertex serves a model with exactly one", step.pointer
        )
    container = model.containers[0]
    planner.image(container.image, step)
    builder = Builder(planner, step, "python", "upload-model", step.type)
    builder.option("step", step.name)
    builder.option("parent", last=_parent(builder, model))
    if container.model_data is not None:
        _model_data(builder, container.model_data)
    _serving_code(builder, container)
    builder.setting("serving-image", f"images.{planner.serving_image(container.image, step)}")
    for name, field in container.environment.items():
        if not name.startswith("SAGEMAKER_SUBMIT_DIRECTORY"):
            builder.option("environment", name, last=builder.value_template(field, name))
    if model.approval is not None:
        builder.option("approval", last=builder.value_template(model.approval, "approval_status"))
    if model.description is not None:
        builder.option("description", last=builder.value_template(model.description, "description"))
    for option, types in (("content-type", model.content_types), ("response-type", model.response_types)):
        for content_type in types:
            builder.option(option, planner.constant(content_type) or "")
    for name, field in model.metadata.items():
        builder.option("label", name, last=builder.value_template(field, name))
    for key, value in step.tags.items():
        builder.option("label", key, last=encode_last_field(value))
    _model_metrics(builder, model)
    builder.setting("project", "project")
    builder.setting("location", "region")
    _uploaded(builder, step)
    return builder.task


def _parent(builder: Builder, model: steps.Model) -> str:
    found = model.group or model.name
    if found is not None:
        return builder.value_template(found, "model_name")
    # A SageMaker model lives alone; here its versions need a parent, and the step's name is the only one it has.
    return builder.literal(builder.step.name, "model_name")


def _model_data(builder: Builder, field: Field) -> None:
    data = builder.data(field, "model")
    if isinstance(data, str):
        raise builder.not_translated("SMX322", "the address of the model is known only at run time", field.pointer)
    artifact, file = data
    builder.option("model", artifact, *([file] if file else []))


def _serving_code(builder: Builder, container: steps.Container) -> None:
    """The user's inference script, which SageMaker's framework containers fetch themselves."""
    field = container.environment.get("SAGEMAKER_SUBMIT_DIRECTORY")
    directory = unquoted(field)
    if field is not None and directory and directory.startswith("s3://"):
        builder.option("code", "code")
        program = unquoted(container.environment.get("SAGEMAKER_PROGRAM"))
        file = CodeFile("code", directory, field.pointer, directory.endswith(".tar.gz"), program)
        builder.planner.add_code(builder.component.function, file)


def _model_metrics(builder: Builder, model: steps.Model) -> None:
    for metrics in model.metrics:
        data = builder.data(metrics.uri, snake_case(metrics.kind) or "metrics")
        if isinstance(data, str):
            builder.planner.note("SMX339", f"{metrics.kind} is not carried", metrics.uri.pointer, builder.step)
            continue
        artifact, file = data
        builder.option("metrics", metrics.kind, artifact, *([file] if file else []))


def _uploaded(builder: Builder, step: Step) -> None:
    serving = builder.output("serving_model", "Output[Model]")
    resource = builder.output("resource_name", "OutputPath(str)")
    builder.option("serving-model", serving)
    builder.option("resource-name", resource)
    variable = builder.task.variable
    planner = builder.planner
    planner.offer(step, ("property", "ModelName"), Product(Output(variable, serving), "artifact", "Model"))
    planner.offer(step, ("property", "ModelPackageArn"), Product(Output(variable, resource), "str"))


def plan_transform(planner: Planner, step: Step) -> Task:
    """A Transform step: the serving code over the data, inside a component."""
    transform = steps.transform(step, planner.names)
    producer = transform.model_name.value if transform.model_name else None
    if not isinstance(producer, PropertyReference) or transform.uri is None:
        raise planner.not_translated(
            step,
            "SMX340",
            "the model is not one that a step of this pipeline makes",
            step.pointer + "/Arguments/ModelName",
        )
    product = planner.product(step, producer)
    image, algorithm, program = planner.serving(producer.step, step)
    builder = Builder(planner, step, image, "transform", "Transform")
    if isinstance(product, Literal) or product.type != "artifact":
        raise builder.not_translated("SMX340", "the model has no counterpart", step.pointer + "/Arguments/ModelName")
    builder.option("step", step.name)
    builder.option("model", builder.artifact("model", product.annotation, product.output))
    if algorithm:
        builder.option("algorithm", algorithm)
    else:
        builder.option("program", last=encode_last_field(program))
    _transform_data(builder, transform)
    for path, field in transform.request.items():
        if path != "TransformInput.CompressionType" or field.text not in (None, "None"):
            builder.option(_request_option(path), last=builder.value_template(field, path.rpartition(".")[2]))
    _environment(builder, transform.environment)
    name = builder.output("predictions", "Output[Dataset]")
    destination = builder.template(transform.output_path, "predictions_destination") if transform.output_path else None
    builder.option("output", name, last=destination)
    planner.offer(
        step,
        ("property", "TransformOutput.S3OutputPath"),
        Product(Output(builder.task.variable, name), "artifact", "Dataset"),
    )
    builder.task.machine = planner.machine(transform.resources, step)
    return builder.task


def _transform_data(builder: Builder, transform: steps.Transform) -> None:
    if transform.uri is None:
        return
    data = builder.data(transform.uri, "data")
    if isinstance(data, str):
        builder.option("data", last=data)
        return
    artifact, file = data
    builder.option("input", artifact, *([file] if file else []))


def _request_option(path: str) -> str:
    """`TransformInput.SplitType` is `--split-type`."""
    return snake_case(path.rpartition(".")[2].replace("InMB", "Mb")).replace("_", "-")


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
    for json_use, type_ in planner.uses.of_json(step.name):
        name = builder.output(_property_name(json_use.path), f"OutputPath({type_})")
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


def product_key(use: PropertyReference) -> tuple[str, object]:
    """Under which key a product for this reference is offered."""
    if use.pattern == "ProcessingOutputConfig.Outputs[].S3Output.S3Uri":
        return ("output", use.key)
    if use.key is not None:
        return ("property", use)
    return ("property", use.pattern)


PLANNERS: dict[str, Callable[[Planner, Step], Task]] = {
    "Processing": plan_processing,
    "Training": plan_training,
    "Model": plan_model,
    "RegisterModel": plan_model,
    "Transform": plan_transform,
    "Fail": plan_fail,
}
