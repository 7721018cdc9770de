"""What the steps of each type say, read from their raw arguments: every value an expression, every place a pointer.

Definitions in the wild leave fields out or give them another type, so nothing here raises: a field that is not there
is None, or empty.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from .definition import Step
from .expressions import Expression, Literal, parse, pointer_token


@dataclass(frozen=True, slots=True)
class Field:
    """An expression and its place."""

    value: Expression
    pointer: str

    @property
    def text(self) -> str | None:
        """The value, where it is plain text."""
        value = self.value.value if isinstance(self.value, Literal) else None
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Resources:
    """What a step runs on."""

    instance_type: Field | None
    instance_count: Field | None
    volume_gb: Field | None
    max_runtime_s: Field | None
    spot: bool = False


@dataclass(frozen=True, slots=True)
class ProcessingInput:
    """An input of a Processing step: from S3, or a dataset that the service makes by a query."""

    name: str
    uri: Field | None
    local_path: str | None
    mode: str | None
    distribution: str | None
    compression: str | None
    dataset: dict[str, Any] | None
    pointer: str


@dataclass(frozen=True, slots=True)
class ProcessingOutput:
    """An output of a Processing step."""

    name: str
    uri: Field | None
    local_path: str | None
    pointer: str


@dataclass(frozen=True, slots=True)
class Processing:
    """The arguments of a Processing step."""

    image: Field | None
    entrypoint: tuple[Field, ...]
    arguments: tuple[Field, ...]
    inputs: tuple[ProcessingInput, ...]
    outputs: tuple[ProcessingOutput, ...]
    environment: dict[str, Field]
    resources: Resources


@dataclass(frozen=True, slots=True)
class Channel:
    """An input channel of a Training step."""

    name: str
    uri: Field | None
    content_type: Field | None
    mode: str | None
    distribution: str | None
    data_type: str | None
    pointer: str


@dataclass(frozen=True, slots=True)
class Training:
    """The arguments of a Training step.

    Attributes:
        program: `sagemaker_program`, without the JSON quotes of framework estimators.
        submit_directory: `sagemaker_submit_directory`, likewise.
        hyperparameters: all of them, those with the prefix `sagemaker_` too.
        metric_definitions: name and regular expression.
    """

    image: Field | None
    entrypoint: tuple[Field, ...]
    arguments: tuple[Field, ...]
    channels: tuple[Channel, ...]
    hyperparameters: dict[str, Field]
    environment: dict[str, Field]
    output_path: Field | None
    compression: str | None
    metric_definitions: tuple[tuple[str, str], ...]
    resources: Resources

    @property
    def program(self) -> str | None:
        return unquoted(self.hyperparameters.get("sagemaker_program"))

    @property
    def submit_directory(self) -> str | None:
        return unquoted(self.hyperparameters.get("sagemaker_submit_directory"))


@dataclass(frozen=True, slots=True)
class Container:
    """A serving container of a Model or RegisterModel step."""

    image: Field | None
    model_data: Field | None
    environment: dict[str, Field]
    pointer: str


@dataclass(frozen=True, slots=True)
class Metrics:
    """A file of model metrics, such as `ModelQuality.Statistics`."""

    kind: str
    uri: Field


@dataclass(frozen=True, slots=True)
class Model:
    """The arguments of a Model or RegisterModel step."""

    containers: tuple[Container, ...]
    group: Field | None
    approval: Field | None
    description: Field | None
    metrics: tuple[Metrics, ...]
    metadata: dict[str, Field]
    content_types: tuple[Field, ...]
    response_types: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Transform:
    """The arguments of a Transform step; `request` has its other fields by path, such as `TransformInput.SplitType`."""

    model_name: Field | None
    uri: Field | None
    output_path: Field | None
    request: dict[str, Field]
    environment: dict[str, Field]
    resources: Resources


REQUEST_FIELDS = (
    "TransformInput.ContentType",
    "TransformInput.SplitType",
    "TransformInput.CompressionType",
    "TransformOutput.Accept",
    "TransformOutput.AssembleWith",
    "BatchStrategy",
    "MaxPayloadInMB",
    "DataProcessing.InputFilter",
    "DataProcessing.OutputFilter",
    "DataProcessing.JoinSource",
)


def unquoted(field: Field | None) -> str | None:
    """The text of a field, without the JSON quotes that framework estimators put around it."""
    text = field.text if field else None
    if text is None or not text.startswith('"'):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


class _Arguments:
    """Looks into the raw arguments of a step."""

    def __init__(self, step: Step, names: Collection[str]) -> None:
        self.step = step
        self.names = names

    def raw(self, path: str, below: Any = None) -> Any:
        value = self.step.arguments if below is None else below
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def field(self, path: str, below: Any = None, pointer: str | None = None) -> Field | None:
        value = self.raw(path, below)
        at = (pointer or f"{self.step.pointer}/Arguments") + "/" + path.replace(".", "/")
        return None if value is None else Field(parse(value, self.names), at)

    def fields(self, path: str) -> tuple[Field, ...]:
        """The elements of a list; a bare value counts as a list of one."""
        at = f"{self.step.pointer}/Arguments/{path.replace('.', '/')}"
        value = self.raw(path)
        if value is None:
            return ()
        if not isinstance(value, list):
            return (Field(parse(value, self.names), at),)
        return tuple(Field(parse(item, self.names), f"{at}/{index}") for index, item in enumerate(value))

    def mapping(self, path: str, below: Any = None, pointer: str | None = None) -> dict[str, Field]:
        value = self.raw(path, below)
        at = (pointer or f"{self.step.pointer}/Arguments") + "/" + path.replace(".", "/")
        if not isinstance(value, dict):
            return {}
        return {str(key): Field(parse(item, self.names), f"{at}/{pointer_token(key)}") for key, item in value.items()}

    def items(self, path: str) -> Iterator[tuple[dict[str, Any], str]]:
        """The objects of a list, each with its pointer."""
        value = self.raw(path)
        for index, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, dict):
                yield item, f"{self.step.pointer}/Arguments/{path.replace('.', '/')}/{index}"

    def resources(self, path: str, spot: bool = False) -> Resources:
        return Resources(
            instance_type=self.field(f"{path}.InstanceType"),
            instance_count=self.field(f"{path}.InstanceCount"),
            volume_gb=self.field(f"{path}.VolumeSizeInGB"),
            max_runtime_s=self.field("StoppingCondition.MaxRuntimeInSeconds"),
            spot=spot,
        )


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def processing(step: Step, names: Collection[str] = ()) -> Processing:
    """What a Processing step says; `names` are the names of all steps."""
    look = _Arguments(step, names)
    return Processing(
        image=look.field("AppSpecification.ImageUri"),
        entrypoint=look.fields("AppSpecification.ContainerEntrypoint"),
        arguments=look.fields("AppSpecification.ContainerArguments"),
        inputs=tuple(
            ProcessingInput(
                name=_string(item.get("InputName")) or f"input-{number}",
                uri=look.field("S3Input.S3Uri", item, pointer),
                local_path=_string(
                    look.raw("S3Input.LocalPath", item) or look.raw("DatasetDefinition.LocalPath", item)
                ),
                mode=_string(look.raw("S3Input.S3InputMode", item)),
                distribution=_string(look.raw("S3Input.S3DataDistributionType", item)),
                compression=_string(look.raw("S3Input.S3CompressionType", item)),
                dataset=item["DatasetDefinition"] if isinstance(item.get("DatasetDefinition"), dict) else None,
                pointer=pointer,
            )
            for number, (item, pointer) in enumerate(look.items("ProcessingInputs"), 1)
        ),
        outputs=tuple(
            ProcessingOutput(
                name=_string(item.get("OutputName")) or f"output-{number}",
                uri=look.field("S3Output.S3Uri", item, pointer),
                local_path=_string(look.raw("S3Output.LocalPath", item)),
                pointer=pointer,
            )
            for number, (item, pointer) in enumerate(look.items("ProcessingOutputConfig.Outputs"), 1)
        ),
        environment=look.mapping("Environment"),
        resources=look.resources("ProcessingResources.ClusterConfig"),
    )


def training(step: Step, names: Collection[str] = ()) -> Training:
    """What a Training step says; `names` are the names of all steps."""
    look = _Arguments(step, names)
    definitions = (item for item, _ in look.items("AlgorithmSpecification.MetricDefinitions"))
    return Training(
        image=look.field("AlgorithmSpecification.TrainingImage"),
        entrypoint=look.fields("AlgorithmSpecification.ContainerEntrypoint"),
        arguments=look.fields("AlgorithmSpecification.ContainerArguments"),
        channels=tuple(
            Channel(
                name=_string(item.get("ChannelName")) or f"channel-{number}",
                uri=look.field("DataSource.S3DataSource.S3Uri", item, pointer),
                content_type=look.field("ContentType", item, pointer),
                mode=_string(item.get("InputMode")) or _string(look.raw("AlgorithmSpecification.TrainingInputMode")),
                distribution=_string(look.raw("DataSource.S3DataSource.S3DataDistributionType", item)),
                data_type=_string(look.raw("DataSource.S3DataSource.S3DataType", item)),
                pointer=pointer,
            )
            for number, (item, pointer) in enumerate(look.items("InputDataConfig"), 1)
        ),
        hyperparameters=look.mapping("HyperParameters"),
        environment=look.mapping("Environment"),
        output_path=look.field("OutputDataConfig.S3OutputPath"),
        compression=_string(look.raw("OutputDataConfig.CompressionType")),
        metric_definitions=tuple(
            (item["Name"], item["Regex"])
            for item in definitions
            if isinstance(item.get("Name"), str) and isinstance(item.get("Regex"), str)
        ),
        resources=look.resources("ResourceConfig", spot=step.arguments.get("EnableManagedSpotTraining") is True),
    )


def model(step: Step, names: Collection[str] = ()) -> Model:
    """What a Model or RegisterModel step says; `names` are the names of all steps."""
    look = _Arguments(step, names)
    metrics = look.raw("ModelMetrics")
    kinds = (
        (
            f"{quality}.{kind}",
            look.field(f"{quality}.{kind}.S3Uri", metrics, f"{step.pointer}/Arguments/ModelMetrics"),
        )
        for quality, entry in (metrics.items() if isinstance(metrics, dict) else ())
        for kind in (entry if isinstance(entry, dict) else ())
    )
    return Model(
        containers=tuple(_containers(look)),
        group=look.field("ModelPackageGroupName"),
        approval=look.field("ModelApprovalStatus"),
        description=look.field("ModelPackageDescription"),
        metrics=tuple(Metrics(kind, uri) for kind, uri in kinds if uri is not None),
        metadata=look.mapping("CustomerMetadataProperties"),
        content_types=look.fields("InferenceSpecification.SupportedContentTypes"),
        response_types=look.fields("InferenceSpecification.SupportedResponseMIMETypes"),
    )


def _containers(look: _Arguments) -> Iterator[Container]:
    primary = look.raw("PrimaryContainer")
    entries = [(primary, f"{look.step.pointer}/Arguments/PrimaryContainer")] if isinstance(primary, dict) else []
    entries += [*look.items("Containers"), *look.items("InferenceSpecification.Containers")]
    for item, pointer in entries:
        yield Container(
            image=look.field("Image", item, pointer),
            model_data=look.field("ModelDataUrl", item, pointer),
            environment=look.mapping("Environment", item, pointer),
            pointer=pointer,
        )


def transform(step: Step, names: Collection[str] = ()) -> Transform:
    """What a Transform step says; `names` are the names of all steps."""
    look = _Arguments(step, names)
    request = ((path, look.field(path)) for path in REQUEST_FIELDS)
    return Transform(
        model_name=look.field("ModelName"),
        uri=look.field("TransformInput.DataSource.S3DataSource.S3Uri"),
        output_path=look.field("TransformOutput.S3OutputPath"),
        request={path: field for path, field in request if field is not None},
        environment=look.mapping("Environment"),
        resources=look.resources("TransformResources"),
    )


def fail_message(step: Step, names: Collection[str] = ()) -> Field | None:
    """The message of a Fail step."""
    return _Arguments(step, names).field("ErrorMessage")
