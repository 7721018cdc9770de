"""Spark programs: EMR and EMRServerless steps, and Processing steps with SageMaker's Spark container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.steps import Field, spark
from ..neutral import Fact, Node, template
from .kind import Kind

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader

NAME = "spark"
FILES = ("python-file", "jar", "file", "archive")


def _read_emr(reader: SourceReader, node: Node, step: Step) -> None:
    emr = steps.emr(step, reader.names)
    submit = spark.spark_of_emr(emr)
    if submit is not None:
        defaults = spark.spark_defaults((emr.cluster or {}).get("Configurations"), reader.names, node.at)[0]
        _read_submit(reader, node, submit, defaults)


def _read_emr_serverless(reader: SourceReader, node: Node, step: Step) -> None:
    job = steps.emr_serverless(step, reader.names)
    submit = spark.spark_of_emr_serverless(job)
    if submit is None:
        return
    defaults: dict[str, Field] = {}
    for configurations, place in spark.configurations_of_job(job, step):
        defaults |= spark.spark_defaults(configurations, reader.names, place)[0]
    _read_submit(reader, node, submit, defaults)
    for name, field in spark.tags_of_job(step).items():
        reader.note(node, ("label", name), field)
    seconds = spark.timeout_of_job(step)
    if seconds is not None:
        node.add(("request", "timeout"), [str(seconds)], node.at)


def read_processing(reader: SourceReader, node: Node, step: Step) -> bool:
    """Read a Processing step whose container runs Spark; False if another program runs."""
    processing = steps.processing(step, reader.names)
    submit = spark.spark_of_processing(processing)
    if submit is None:
        return False
    node.kind = NAME
    _read_submit(reader, node, submit, {}, processing)
    for item in processing.inputs:
        if item.local_path == spark.CONFIGURATION and item.uri is not None:
            node.add(("request", "configuration"), reader.address_parts(item.uri), item.pointer)
    reader.environment(node, processing.environment)
    reader.note(node, ("request", "timeout"), processing.resources.max_runtime_s)
    for name, text in step.tags.items():
        node.add(("label", name), [text], node.at)
    return True


def _read_submit(
    reader: SourceReader,
    node: Node,
    submit: spark.SparkSubmit,
    defaults: dict[str, Field],
    processing: steps.Processing | None = None,
) -> None:
    if submit.program is not None:
        _file(reader, node, ("program",), submit.program, processing)
    for kind, fields in submit.files.items():
        for index, field in enumerate(fields):
            _file(reader, node, ("request", f"{kind} {index}"), field, processing)
    reader.note(node, ("request", "class"), submit.main_class)
    for name, field in (defaults | submit.properties).items():
        reader.note(node, ("request", f"property {name}"), field)
    node.words = tuple(Fact(template(reader.parts(field.value)), field.pointer) for field in submit.arguments)


def _file(
    reader: SourceReader, node: Node, key: tuple[str, ...], field: Field, processing: steps.Processing | None
) -> None:
    """A file by its name where it travels with the code, else by its address."""
    local = spark.local_file(processing, field) if processing is not None else None
    if local is not None:
        node.add(key, [local[0]], field.pointer)
    elif key == ("program",) and (field.text or "").startswith("s3"):
        node.add(key, [(field.text or "").rpartition("/")[2]], field.pointer)
    else:
        node.add(key, reader.address_parts(field), field.pointer)


def _read_batch(task: ContractReader) -> None:
    for option in task.line.of("program"):
        task.node.add(("program",), task.address(option.template))
    for kind in FILES:
        for index, option in enumerate(task.line.of(kind)):
            task.node.add(("request", f"{kind} {index}"), task.address(option.template))
    for name in ("class", "timeout"):
        for option in task.line.of(name):
            task.node.add(("request", name), task.parts(option.template))
    for option in task.line.of("property"):
        task.node.add(("request", f"property {option.fields[0]}"), task.parts(option.template))
    for option in task.line.of("configuration"):
        task.node.add(("request", "configuration"), task.artifact(*option.fields))
    task.named("label", "label")


EMR = Kind(NAME, ("EMR",), "spark-batch", _read_emr, _read_batch)
EMR_SERVERLESS = Kind(NAME, ("EMRServerless",), None, _read_emr_serverless, None)
