"""Spark programs: EMR and EMRServerless steps, and Processing steps with SageMaker's Spark container."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...contract.grammar import encode_last_field, encode_word
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.steps import Field, spark
from ..builder import Builder
from ..names import plain
from ..plan import CodeFile, Task
from .shared import environment

if TYPE_CHECKING:
    from ..planner import Planner

# How many processors a driver or an executor of a batch may have (docs/facts.md).
CORES = ("4", "8", "16")


def plan_emr(planner: Planner, step: Step) -> Task:
    """An EMR step: a batch that runs what spark-submit runs on the cluster."""
    emr = steps.emr(step, planner.names)
    submit = spark.spark_of_emr(emr)
    if submit is None:
        words = " ".join(field.text or "…" for field in (*([emr.jar] if emr.jar else []), *emr.arguments[:1]))
        message = f"{plain(words) or 'the step'} is no call of spark-submit"
        raise planner.not_translated(step, "SMX380", message, f"{step.pointer}/Arguments/StepConfig")
    builder = _begin(planner, step, submit, "EMR")
    _program(builder, submit)
    place = f"{step.pointer}/Arguments/ClusterConfig/Configurations"
    _properties(builder, submit, [((emr.cluster or {}).get("Configurations"), place)])
    return _end(builder, submit)


def plan_emr_serverless(planner: Planner, step: Step) -> Task:
    """An EMRServerless step: a batch that runs its Spark job."""
    job = steps.emr_serverless(step, planner.names)
    submit = spark.spark_of_emr_serverless(job)
    if submit is None:
        message = "the job runs Hive, and a batch runs Spark"
        raise planner.not_translated(step, "SMX380", message, f"{step.pointer}/Arguments/JobConfig")
    builder = _begin(planner, step, submit, "EMR Serverless")
    _program(builder, submit)
    _properties(builder, submit, spark.configurations_of_job(job, step))
    for name, field in spark.tags_of_job(step).items():
        builder.option("label", name, last=builder.value_template(field, name))
    seconds = spark.timeout_of_job(step)
    if seconds is not None:
        builder.option("timeout", last=str(seconds))
    return _end(builder, submit)


def plan_spark_processing(planner: Planner, step: Step, processing: steps.Processing) -> Task:
    """A Processing step whose container runs smspark-submit: a batch, unless the program needs files of the machine."""
    submit = spark.spark_of_processing(processing)
    assert submit is not None
    builder = _begin(planner, step, submit, "Processing, Spark")
    used = _local_program(builder, submit, processing)
    _local_inputs(builder, processing, used)
    _local_outputs(builder, submit, processing)
    environment(builder, processing.environment)
    _properties(builder, submit, [])
    if processing.resources.max_runtime_s is not None:
        builder.option("timeout", last=builder.value_template(processing.resources.max_runtime_s, "timeout"))
    for name, text in step.tags.items():
        builder.option("label", name, last=encode_last_field(text))
    return _end(builder, submit)


def _begin(planner: Planner, step: Step, submit: spark.SparkSubmit, kind: str) -> Builder:
    builder = Builder(planner, step, "python", "spark-batch", kind)
    builder.option("step", step.name)
    if submit.program is None:
        raise builder.not_translated("SMX380", "no program is named", step.pointer)
    for field in submit.unknown:
        message = f"a batch has nothing like the option {plain(field.text or '…')!r}"
        raise builder.not_translated("SMX381", message, field.pointer)
    for field in submit.of_the_cluster:
        message = f"{plain(field.text or '…')} means something on a cluster only"
        planner.note("SMX382", message, field.pointer, step)
    if submit.main_class is not None:
        builder.option("class", last=builder.value_template(submit.main_class, "main_class"))
    return builder


def _end(builder: Builder, submit: spark.SparkSubmit) -> Task:
    builder.words((), submit.arguments)
    _addresses(builder, submit.arguments)
    for option, setting in (
        ("runtime", "spark.runtime"),
        ("subnetwork", "spark.subnetwork"),
        ("service-account", "service_account"),
        ("encryption-key", "encryption_key"),
        ("project", "project"),
        ("location", "region"),
    ):
        builder.setting(option, setting)
    builder.planner.plan.spark = True
    return builder.task


def _addresses(builder: Builder, arguments: tuple[Field, ...]) -> None:
    """Arguments that are addresses lead to Cloud Storage, also those that follow no option."""
    words = builder.component.words
    assert words is not None
    for index, field in enumerate(arguments):
        if field.text is not None and words[index] == encode_word(field.text) and builder.planner.address(field.text):
            words[index] = builder.literal(field.text, "argument")


# --- files that EMR reads from S3 ---


def _program(builder: Builder, submit: spark.SparkSubmit) -> None:
    """The program comes from the code artifact where its address is fixed; further files stay in their bucket."""
    assert submit.program is not None
    uri = submit.program.text
    if uri is not None and builder.planner.address(uri) is not None:
        builder.option("program", last=encode_last_field(uri.rpartition("/")[2]))
        builder.planner.add_code(builder.component.function, CodeFile("", uri, submit.program.pointer))
    else:
        builder.option("program", last=_address(builder, submit.program, "program"))
    for kind, fields in submit.files.items():
        for field in fields:
            builder.option(kind, last=_address(builder, field, kind))


def _address(builder: Builder, field: Field, wanted: str) -> str:
    """The address of a file, which must not lie on the cluster's own disks."""
    text = field.text
    if text is not None and builder.planner.address(text) is None:
        message = f"{plain(text)!r} lies on the cluster, not in S3"
        raise builder.not_translated("SMX380", message, field.pointer)
    return builder.value_template(field, wanted)


# --- files that SageMaker lays into its Spark container ---


def _local_program(
    builder: Builder, submit: spark.SparkSubmit, processing: steps.Processing
) -> list[steps.ProcessingInput]:
    """The program and its files, which inputs bring in; returns those inputs."""
    assert submit.program is not None
    used = []
    named = [("program", submit.program), *((kind, field) for kind, fields in submit.files.items() for field in fields)]
    for kind, field in named:
        found = spark.local_file(processing, field)
        if found is None:
            builder.option(kind, last=_address(builder, field, kind))
            continue
        name, item = found
        uri = item.uri.text if item.uri is not None else None
        if uri is None or builder.planner.address(uri) is None:
            raise builder.not_translated("SMX380", f"the address of {plain(name)!r} comes from the run", item.pointer)
        folder = name if field.text == item.local_path and kind != "program" else ""
        builder.option(kind, last=encode_last_field(name))
        builder.planner.add_code(builder.component.function, CodeFile(folder, uri, item.pointer))
        used.append(item)
    return used


def _local_inputs(builder: Builder, processing: steps.Processing, used: list[steps.ProcessingInput]) -> None:
    for item in processing.inputs:
        if item in used:
            continue
        if item.local_path != spark.CONFIGURATION or item.uri is None:
            message = (
                f"the program reads the input {plain(item.name)!r} as files of its machine; a batch has no such files"
            )
            raise builder.not_translated("SMX380", message, item.pointer)
        data = builder.data(item.uri, "configuration")
        if isinstance(data, str):
            raise builder.not_translated("SMX380", "the address of the configuration comes from the run", item.pointer)
        artifact, file = data
        builder.option("configuration", artifact, *([file] if file else []))


def _local_outputs(builder: Builder, submit: spark.SparkSubmit, processing: steps.Processing) -> None:
    """Event logs are dropped, since a batch has a history of its own; no other file of the machine can be kept."""
    keeps_events = any(field.text == "--local-spark-event-logs-dir" for field in submit.of_the_cluster)
    for output in processing.outputs:
        if not (keeps_events and "spark-events" in (output.local_path or "")):
            message = (
                f"the program writes the output {plain(output.name)!r} on its machine; a batch keeps no such files"
            )
            raise builder.not_translated("SMX380", message, output.pointer)
        message = f"the output {plain(output.name)!r} holds Spark's event log, which a batch keeps by itself"
        builder.planner.note("SMX382", message, output.pointer, builder.step)


# --- properties ---


def _properties(builder: Builder, submit: spark.SparkSubmit, configurations: Iterable[tuple[Any, str]]) -> None:
    """The properties of the configurations, each with its place, and over them those of the command."""
    planner, step = builder.planner, builder.step
    defaults: dict[str, Field] = {}
    for found, place in configurations:
        properties, others = spark.spark_defaults(found, planner.names, place)
        defaults |= properties
        for name, pointer in others:
            planner.note("SMX382", f"the configuration {plain(name)} belongs to a cluster", pointer, step)
    for name, field in (defaults | submit.properties).items():
        if name in ("spark.driver.cores", "spark.executor.cores") and field.text not in (None, *CORES):
            message = f"{name} is {field.text}; a batch takes {', '.join(CORES)}"
            planner.note("SMX384", message, field.pointer, step)
        builder.option("property", name, last=builder.value_template(field, name.rpartition(".")[2]))
