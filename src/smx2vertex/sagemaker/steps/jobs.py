"""Steps that run one job: Processing, Training and Transform."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..definition import Step
from .fields import Field, Look, Resources, arguments, unquoted


@dataclass(frozen=True, slots=True)
class DatasetQuery:
    """A query whose rows become files of an input.

    Attributes:
        dialect: `redshift` or `athena`.
        destination: where SageMaker lets the rows be written.
        format, compression: as SageMaker calls them: `PARQUET`, `GZIP`.
    """

    dialect: str
    sql: Field
    destination: Field | None
    format: str
    compression: str
    distribution: Field | None


@dataclass(frozen=True, slots=True)
class ProcessingInput:
    """An input of a Processing step: from S3, or a dataset that the service makes by a query."""

    name: str
    uri: Field | None
    local_path: str | None
    mode: str | None
    distribution: Field | None
    compression: str | None
    query: DatasetQuery | None
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
    distribution: Field | None
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
        checkpoints: the address that keeps the checkpoints; `checkpoint_folder` is where the script writes them.
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
    checkpoints: Field | None = None
    checkpoint_folder: str = "/opt/ml/checkpoints"

    @property
    def program(self) -> str | None:
        return unquoted(self.hyperparameters.get("sagemaker_program"))

    @property
    def submit_directory(self) -> str | None:
        return unquoted(self.hyperparameters.get("sagemaker_submit_directory"))


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


def processing(step: Step, names: Collection[str] = ()) -> Processing:
    """What a Processing step says; `names` are the names of all steps."""
    look = arguments(step, names)
    return Processing(
        image=look.field("AppSpecification.ImageUri"),
        entrypoint=look.fields("AppSpecification.ContainerEntrypoint"),
        arguments=look.fields("AppSpecification.ContainerArguments"),
        inputs=tuple(
            ProcessingInput(
                name=item.text("InputName") or f"input-{number}",
                uri=item.field("S3Input.S3Uri"),
                local_path=item.text("S3Input.LocalPath") or item.text("DatasetDefinition.LocalPath"),
                mode=item.text("S3Input.S3InputMode"),
                distribution=item.field("S3Input.S3DataDistributionType"),
                compression=item.text("S3Input.S3CompressionType"),
                query=_dataset_query(item),
                pointer=item.pointer,
            )
            for number, item in enumerate(look.each("ProcessingInputs"), 1)
        ),
        outputs=tuple(
            ProcessingOutput(
                name=item.text("OutputName") or f"output-{number}",
                uri=item.field("S3Output.S3Uri"),
                local_path=item.text("S3Output.LocalPath"),
                pointer=item.pointer,
            )
            for number, item in enumerate(look.each("ProcessingOutputConfig.Outputs"), 1)
        ),
        environment=look.mapping("Environment"),
        resources=look.resources("ProcessingResources.ClusterConfig"),
    )


def _dataset_query(item: Look) -> DatasetQuery | None:
    for dialect, path in (("redshift", "RedshiftDatasetDefinition"), ("athena", "AthenaDatasetDefinition")):
        sql = item.field(f"DatasetDefinition.{path}.QueryString")
        if sql is not None:
            return DatasetQuery(
                dialect=dialect,
                sql=sql,
                destination=item.field(f"DatasetDefinition.{path}.OutputS3Uri"),
                format=item.text(f"DatasetDefinition.{path}.OutputFormat") or "",
                compression=item.text(f"DatasetDefinition.{path}.OutputCompression") or "None",
                distribution=item.field("DatasetDefinition.DataDistributionType"),
            )
    return None


def training(step: Step, names: Collection[str] = ()) -> Training:
    """What a Training step says; `names` are the names of all steps."""
    look = arguments(step, names)
    return Training(
        image=look.field("AlgorithmSpecification.TrainingImage"),
        entrypoint=look.fields("AlgorithmSpecification.ContainerEntrypoint"),
        arguments=look.fields("AlgorithmSpecification.ContainerArguments"),
        channels=channels(look),
        hyperparameters=look.mapping("HyperParameters"),
        environment=look.mapping("Environment"),
        output_path=look.field("OutputDataConfig.S3OutputPath"),
        compression=look.text("OutputDataConfig.CompressionType"),
        metric_definitions=metric_definitions(look),
        resources=look.resources("ResourceConfig", spot=step.arguments.get("EnableManagedSpotTraining") is True),
        checkpoints=look.field("CheckpointConfig.S3Uri"),
        checkpoint_folder=look.text("CheckpointConfig.LocalPath") or "/opt/ml/checkpoints",
    )


def transform(step: Step, names: Collection[str] = ()) -> Transform:
    """What a Transform step says; `names` are the names of all steps."""
    look = arguments(step, names)
    request = ((path, look.field(path)) for path in REQUEST_FIELDS)
    return Transform(
        model_name=look.field("ModelName"),
        uri=look.field("TransformInput.DataSource.S3DataSource.S3Uri"),
        output_path=look.field("TransformOutput.S3OutputPath"),
        request={path: field for path, field in request if field is not None},
        environment=look.mapping("Environment"),
        resources=look.resources("TransformResources"),
    )


def channels(look: Look) -> tuple[Channel, ...]:
    """The channels of a training job, or of one that a tuning job starts."""
    return tuple(
        Channel(
            name=item.text("ChannelName") or f"channel-{number}",
            uri=item.field("DataSource.S3DataSource.S3Uri"),
            content_type=item.field("ContentType"),
            mode=item.text("InputMode") or look.text("AlgorithmSpecification.TrainingInputMode"),
            distribution=item.field("DataSource.S3DataSource.S3DataDistributionType"),
            data_type=item.text("DataSource.S3DataSource.S3DataType"),
            pointer=item.pointer,
        )
        for number, item in enumerate(look.each("InputDataConfig"), 1)
    )


def metric_definitions(look: Look) -> tuple[tuple[str, str], ...]:
    """The metrics that such a job prints: name and regular expression."""
    found = ((item.text("Name"), item.text("Regex")) for item in look.each("AlgorithmSpecification.MetricDefinitions"))
    return tuple((name, regex) for name, regex in found if name is not None and regex is not None)
