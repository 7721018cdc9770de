"""Steps that search for the best of many training jobs: Tuning and AutoML."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..definition import Step
from ..expressions import PropertyReference, bracket_key
from .fields import Field, Look, Resources, arguments
from .jobs import Channel, Training, channels, metric_definitions


@dataclass(frozen=True, slots=True)
class Range:
    """What a hyperparameter may be: `integer` or `continuous` between two ends, or one of the `categorical` values."""

    name: str
    kind: str
    low: Field | None
    high: Field | None
    values: tuple[Field, ...]
    scaling: str | None
    pointer: str


@dataclass(frozen=True, slots=True)
class TunedJob:
    """A kind of training job that a Tuning step starts.

    Attributes:
        name: its name where there are several kinds.
        objective: the metric and whether it is to `Maximize` or `Minimize`.
        hyperparameters: those that stay the same.
    """

    name: str | None
    objective: tuple[Field | None, str | None]
    image: Field | None
    channels: tuple[Channel, ...]
    hyperparameters: dict[str, Field]
    ranges: tuple[Range, ...]
    environment: dict[str, Field]
    metric_definitions: tuple[tuple[str, str], ...]
    output_path: Field | None
    resources: Resources
    pointer: str
    compression: str | None = None

    @property
    def training(self) -> Training:
        """The training job without what is tuned; the image's own program runs where no script is named."""
        return Training(
            image=self.image,
            entrypoint=(),
            arguments=(),
            channels=self.channels,
            hyperparameters=self.hyperparameters,
            environment=self.environment,
            output_path=self.output_path,
            compression=self.compression,
            metric_definitions=self.metric_definitions,
            resources=self.resources,
        )


@dataclass(frozen=True, slots=True)
class Tuning:
    """The arguments of a Tuning step.

    Attributes:
        max_runtime_s, max_stale_jobs, target_value: what else ends the search: seconds, training jobs without
            progress, a value of the objective.
        parents: the tuning jobs whose results it starts from.
    """

    strategy: str | None
    max_jobs: Field | None
    max_parallel_jobs: Field | None
    early_stopping: str | None
    jobs: tuple[TunedJob, ...]
    parents: tuple[Field, ...]
    max_runtime_s: Field | None = None
    max_stale_jobs: Field | None = None
    target_value: Field | None = None
    random_seed: Field | None = None


@dataclass(frozen=True, slots=True)
class AutoML:
    """The arguments of an AutoML step.

    Attributes:
        version: 1 or 2, the API whose request it is.
        problem_type: such as `BinaryClassification`; in version 2 such as `TabularJobConfig`.
        channels: the type of each (`training`, `validation`) and where its data are.
        prediction: `BinaryClassification`, `MulticlassClassification` or `Regression`; None if SageMaker finds out.
        features: where the specification of the columns is.
    """

    version: int
    problem_type: str | None
    prediction: Field | None
    target: Field | None
    weight: Field | None
    features: Field | None
    runtime_s: Field | None
    validation_fraction: Field | None
    objective: Field | None
    mode: str | None
    channels: tuple[tuple[str, Field | None], ...]
    output_path: Field | None


_RANGES = (
    ("IntegerParameterRanges", "integer"),
    ("ContinuousParameterRanges", "continuous"),
    ("CategoricalParameterRanges", "categorical"),
)
_CRITERIA = "TuningJobCompletionCriteria"


def tuning(step: Step, names: Collection[str] = ()) -> Tuning:
    """What a Tuning step says, with one job definition or several; `names` are the names of all steps."""
    look = arguments(step, names)
    config = look.at("HyperParameterTuningJobConfig")
    single = look.at("TrainingJobDefinition")
    jobs = [single] if isinstance(single.value, dict) else list(look.each("TrainingJobDefinitions"))
    parents = look.each("WarmStartConfig.ParentHyperParameterTuningJobs")
    return Tuning(
        strategy=config.text("Strategy"),
        max_jobs=config.field("ResourceLimits.MaxNumberOfTrainingJobs"),
        max_parallel_jobs=config.field("ResourceLimits.MaxParallelTrainingJobs"),
        early_stopping=config.text("TrainingJobEarlyStoppingType"),
        jobs=tuple(_job(job, config) for job in jobs),
        parents=tuple(name for parent in parents if (name := parent.field("HyperParameterTuningJobName")) is not None),
        max_runtime_s=config.field("ResourceLimits.MaxRuntimeInSeconds"),
        max_stale_jobs=config.field(f"{_CRITERIA}.BestObjectiveNotImproving.MaxNumberOfTrainingJobsNotImproving"),
        target_value=config.field(f"{_CRITERIA}.TargetObjectiveMetricValue"),
        random_seed=config.field("RandomSeed"),
    )


def _job(job: Look, config: Look) -> TunedJob:
    """Objective and ranges stand in the job definition where there are several, else in the configuration."""
    objective = job.at("TuningObjective")
    if objective.value is None:
        objective = config.at("HyperParameterTuningJobObjective")
    ranges = job.at("HyperParameterRanges")
    if ranges.value is None:
        ranges = config.at("ParameterRanges")
    place = "ResourceConfig" if job.raw("ResourceConfig") is not None else "HyperParameterTuningResourceConfig"
    return TunedJob(
        name=job.text("DefinitionName"),
        objective=(objective.field("MetricName"), objective.text("Type")),
        image=job.field("AlgorithmSpecification.TrainingImage"),
        channels=channels(job),
        hyperparameters=job.mapping("StaticHyperParameters"),
        ranges=tuple(_ranges(ranges)),
        environment=job.mapping("Environment"),
        metric_definitions=metric_definitions(job),
        output_path=job.field("OutputDataConfig.S3OutputPath"),
        resources=job.resources(place, spot=job.raw("EnableManagedSpotTraining") is True),
        pointer=job.pointer,
        compression=job.text("OutputDataConfig.CompressionType"),
    )


def _ranges(look: Look) -> Iterator[Range]:
    for key, kind in _RANGES:
        for item in look.each(key):
            if (name := item.text("Name")) is not None:
                yield Range(
                    name=name,
                    kind=kind,
                    low=item.field("MinValue"),
                    high=item.field("MaxValue"),
                    values=item.fields("Values"),
                    scaling=item.text("ScalingType"),
                    pointer=item.pointer,
                )


def ranked(reference: PropertyReference) -> tuple[int, tuple[str, ...]] | None:
    """Which training job of a tuning job a property is about, 0 for the best one, and which property of it.

    SageMaker sorts `TrainingJobSummaries` by the objective, the best one first.
    """
    match reference.path:
        case ("BestTrainingJob", *rest):
            return 0, tuple(rest)
        case ("TrainingJobSummaries", index, *rest) if bracket_key(index).isdigit():
            return int(bracket_key(index)), tuple(rest)
    return None


def automl(step: Step, names: Collection[str] = ()) -> AutoML:
    """What an AutoML step says, of either version of the API; `names` are the names of all steps."""
    look = arguments(step, names)
    problem = look.raw("AutoMLProblemTypeConfig")
    kind: str | None
    if isinstance(problem, dict) and problem:
        kind = str(next(iter(problem)))
        config = look.at(f"AutoMLProblemTypeConfig.{kind}")
        version, channel_key = 2, "AutoMLJobInputDataConfig"
        target, weight = config.field("TargetAttributeName"), config.field("SampleWeightAttributeName")
        prediction, fraction = config.field("ProblemType"), look.field("DataSplitConfig.ValidationFraction")
        features = config.field("FeatureSpecificationS3Uri")
    else:
        version, channel_key = 1, "InputDataConfig"
        config = look.at("AutoMLJobConfig")
        found = list(look.each(channel_key))
        kind = look.text("ProblemType")
        target = found[0].field("TargetAttributeName") if found else None
        weight = found[0].field("SampleWeightAttributeName") if found else None
        prediction, fraction = look.field("ProblemType"), config.field("DataSplitConfig.ValidationFraction")
        features = config.field("CandidateGenerationConfig.FeatureSpecificationS3Uri")
    return AutoML(
        version=version,
        problem_type=kind,
        prediction=prediction,
        target=target,
        weight=weight,
        features=features,
        runtime_s=config.field("CompletionCriteria.MaxAutoMLJobRuntimeInSeconds"),
        validation_fraction=fraction,
        objective=look.field("AutoMLJobObjective.MetricName"),
        mode=config.text("Mode"),
        channels=tuple(
            (item.text("ChannelType") or "training", item.field("DataSource.S3DataSource.S3Uri"))
            for item in look.each(channel_key)
        ),
        output_path=look.field("OutputDataConfig.S3OutputPath"),
    )
