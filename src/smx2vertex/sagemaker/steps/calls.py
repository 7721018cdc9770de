"""Steps that call what is not SageMaker's own: Lambda, Callback, EMR, EMRServerless; and Job, a document of its own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ..definition import Step
from .fields import Field, OutputParameter, arguments, output_parameters, whole


@dataclass(frozen=True, slots=True)
class Lambda:
    """A Lambda step; the function is an ARN, or an expression that gives one."""

    function: Field | None
    inputs: dict[str, Field]
    outputs: tuple[OutputParameter, ...]


@dataclass(frozen=True, slots=True)
class Callback:
    """A Callback step: a message in a queue; whoever takes it answers with the outputs."""

    queue: Field | None
    inputs: dict[str, Field]
    outputs: tuple[OutputParameter, ...]


@dataclass(frozen=True, slots=True)
class EMR:
    """The arguments of an EMR step: a cluster that runs already, or the request for one."""

    cluster_id: Field | None
    cluster: dict[str, Any] | None
    jar: Field | None
    main_class: Field | None
    arguments: tuple[Field, ...]
    properties: dict[str, Field]


@dataclass(frozen=True, slots=True)
class EMRServerless:
    """The arguments of an EMRServerless step: an application that exists, or the request for one."""

    application: dict[str, Any] | None
    role: Field | None
    entry_point: Field | None
    arguments: tuple[Field, ...]
    spark_parameters: Field | None
    query: Field | None


@dataclass(frozen=True, slots=True)
class Job:
    """The arguments of a Job step, whose document (text, or an object) says everything."""

    name: Field | None
    role: Field | None
    document: Field | None


def lambda_(step: Step, names: Collection[str] = ()) -> Lambda:
    """What a Lambda step says; `names` are the names of all steps."""
    return Lambda(whole(step, names).field("FunctionArn"), arguments(step, names).entries(), output_parameters(step))


def callback(step: Step, names: Collection[str] = ()) -> Callback:
    """What a Callback step says; `names` are the names of all steps."""
    return Callback(whole(step, names).field("SqsQueueUrl"), arguments(step, names).entries(), output_parameters(step))


def emr(step: Step, names: Collection[str] = ()) -> EMR:
    """What an EMR step says; `names` are the names of all steps."""
    look = arguments(step, names)
    cluster = look.raw("ClusterConfig")
    jar = look.at("StepConfig.HadoopJarStep")
    pairs = ((item.text("Key"), item.field("Value")) for item in jar.each("Properties"))
    return EMR(
        cluster_id=look.field("ClusterId"),
        cluster=cluster if isinstance(cluster, dict) else None,
        jar=jar.field("Jar"),
        main_class=jar.field("MainClass"),
        arguments=jar.fields("Args"),
        properties={key: value for key, value in pairs if key is not None and value is not None},
    )


def emr_serverless(step: Step, names: Collection[str] = ()) -> EMRServerless:
    """What an EMRServerless step says; `names` are the names of all steps."""
    look = arguments(step, names)
    application = look.raw("ApplicationConfig")
    job = look.at("JobConfig")
    spark = job.at("jobDriver.sparkSubmit")
    return EMRServerless(
        application=application if isinstance(application, dict) else None,
        role=look.field("ExecutionRoleArn") or job.field("executionRoleArn"),
        entry_point=spark.field("entryPoint"),
        arguments=spark.fields("entryPointArguments"),
        spark_parameters=spark.field("sparkSubmitParameters"),
        query=job.field("jobDriver.hive.query"),
    )


def job(step: Step, names: Collection[str] = ()) -> Job:
    """What a Job step says; `names` are the names of all steps."""
    look = arguments(step, names)
    return Job(look.field("JobName"), look.field("RoleArn"), look.field("JobConfigDocument"))
