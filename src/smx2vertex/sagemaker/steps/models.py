"""Steps that make, register or serve a model."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..definition import Step
from .fields import Field, Look, arguments


@dataclass(frozen=True, slots=True)
class Container:
    """A serving container of a Model or RegisterModel step."""

    image: Field | None
    model_data: Field | None
    environment: dict[str, Field]
    pointer: str


@dataclass(frozen=True, slots=True)
class Metrics:
    """A file of model metrics: `ModelQuality.Statistics`, `DriftCheckBaselines.ModelDataQuality.Statistics`, …."""

    kind: str
    uri: Field


@dataclass(frozen=True, slots=True)
class Model:
    """The arguments of a Model or RegisterModel step.

    Attributes:
        group: the model package group.
        name: `ModelPackageName` or `ModelName`, of a model that belongs to no group.
    """

    containers: tuple[Container, ...]
    group: Field | None
    name: Field | None
    approval: Field | None
    description: Field | None
    metrics: tuple[Metrics, ...]
    metadata: dict[str, Field]
    content_types: tuple[Field, ...]
    response_types: tuple[Field, ...]


def model(step: Step, names: Collection[str] = ()) -> Model:
    """What a Model or RegisterModel step says; `names` are the names of all steps."""
    look = arguments(step, names)
    return Model(
        containers=tuple(_containers(look)),
        group=look.field("ModelPackageGroupName"),
        name=look.field("ModelPackageName") or look.field("ModelName"),
        approval=look.field("ModelApprovalStatus"),
        description=look.field("ModelPackageDescription"),
        metrics=(*_metrics(look, "ModelMetrics", ""), *_metrics(look, "DriftCheckBaselines", "DriftCheckBaselines.")),
        metadata=look.mapping("CustomerMetadataProperties"),
        content_types=look.fields("InferenceSpecification.SupportedContentTypes"),
        response_types=look.fields("InferenceSpecification.SupportedResponseMIMETypes"),
    )


def _metrics(look: Look, key: str, prefix: str) -> Iterator[Metrics]:
    """The files of model metrics, or of the baselines that drift checks use."""
    found = look.at(key)
    for quality, entry in found.value.items() if isinstance(found.value, dict) else ():
        for kind in entry if isinstance(entry, dict) else ():
            uri = found.field(f"{quality}.{kind}.S3Uri")
            if uri is not None:
                yield Metrics(f"{prefix}{quality}.{kind}", uri)


def _containers(look: Look) -> Iterator[Container]:
    primary = look.at("PrimaryContainer")
    if isinstance(primary.value, dict):
        yield _container(primary)
    for item in (*look.each("Containers"), *look.each("InferenceSpecification.Containers")):
        yield _container(item)


def _container(look: Look, data: str = "ModelDataUrl") -> Container:
    return Container(
        image=look.field("Image"),
        model_data=look.field(data) or look.field("ModelDataSource.S3DataSource.S3Uri"),
        environment=look.mapping("Environment"),
        pointer=look.pointer,
    )


@dataclass(frozen=True, slots=True)
class Variant:
    """A production variant of an endpoint.

    Attributes:
        model_name: None where the machines serve inference components.
        min_count, max_count: the bounds of managed scaling, None without it.
    """

    name: Field | None
    model_name: Field | None
    instance_type: Field | None
    instance_count: Field | None
    min_count: Field | None
    max_count: Field | None
    weight: Field | None
    pointer: str


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """The arguments of an EndpointConfig step.

    Attributes:
        sampling: how many of a hundred requests are captured.
    """

    name: Field | None
    variants: tuple[Variant, ...]
    captures_data: bool
    sampling: Field | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The arguments of an Endpoint step."""

    name: Field | None
    config_name: Field | None


@dataclass(frozen=True, slots=True)
class InferenceComponent:
    """The arguments of an InferenceComponent step; memory in MB."""

    name: Field | None
    endpoint_name: Field | None
    variant_name: Field | None
    model_name: Field | None
    container: Container | None
    copies: Field | None
    cpus: Field | None
    accelerators: Field | None
    memory_mb: Field | None


def endpoint_config(step: Step, names: Collection[str] = ()) -> EndpointConfig:
    """What an EndpointConfig step says; `names` are the names of all steps."""
    look = arguments(step, names)
    return EndpointConfig(
        name=look.field("EndpointConfigName"),
        variants=tuple(map(_variant, look.each("ProductionVariants"))),
        captures_data=look.raw("DataCaptureConfig.EnableCapture") is True,
        sampling=look.field("DataCaptureConfig.InitialSamplingPercentage"),
    )


def _variant(look: Look) -> Variant:
    scales = look.raw("ManagedInstanceScaling.Status") != "DISABLED"
    return Variant(
        name=look.field("VariantName"),
        model_name=look.field("ModelName"),
        instance_type=look.field("InstanceType"),
        instance_count=look.field("InitialInstanceCount"),
        min_count=look.field("ManagedInstanceScaling.MinInstanceCount") if scales else None,
        max_count=look.field("ManagedInstanceScaling.MaxInstanceCount") if scales else None,
        weight=look.field("InitialVariantWeight"),
        pointer=look.pointer,
    )


def endpoint(step: Step, names: Collection[str] = ()) -> Endpoint:
    """What an Endpoint step says; `names` are the names of all steps."""
    look = arguments(step, names)
    return Endpoint(name=look.field("EndpointName"), config_name=look.field("EndpointConfigName"))


def inference_component(step: Step, names: Collection[str] = ()) -> InferenceComponent:
    """What an InferenceComponent step says; `names` are the names of all steps."""
    look = arguments(step, names)
    container = look.at("Specification.Container")
    needs = look.at("Specification.ComputeResourceRequirements")
    return InferenceComponent(
        name=look.field("InferenceComponentName"),
        endpoint_name=look.field("EndpointName"),
        variant_name=look.field("VariantName"),
        model_name=look.field("Specification.ModelName"),
        container=_container(container, "ArtifactUrl") if isinstance(container.value, dict) else None,
        copies=look.field("RuntimeConfig.CopyCount"),
        cpus=needs.field("NumberOfCpuCoresRequired"),
        accelerators=needs.field("NumberOfAcceleratorDevicesRequired"),
        memory_mb=needs.field("MinMemoryRequiredInMb"),
    )
