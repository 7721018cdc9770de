"""Processing steps."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...contract.grammar import encode_last_field
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.steps import Field
from ...sagemaker.steps.spark import spark_of_processing
from ..builder import Builder, Product
from ..names import snake_case
from ..plan import CodeFile, Output, Task
from ..start_script import ARCHIVE, NAME
from .datasets import plan_query
from .shared import environment, fixed_destination, property_name
from .spark import plan_spark_processing

if TYPE_CHECKING:
    from ..planner import Planner
CODE_INPUTS = ("code", "entrypoint")


def plan_processing(planner: Planner, step: Step) -> Task:
    """A Processing step: the container contract around the user's entry point."""
    processing = steps.processing(step, planner.names)
    if spark_of_processing(processing) is not None:
        return plan_spark_processing(planner, step, processing)
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
    environment(builder, processing.environment)
    builder.words(processing.entrypoint, processing.arguments)
    builder.task.machine = planner.machine(processing.resources, step)
    return builder.task


def _processing_inputs(builder: Builder, processing: steps.Processing) -> None:
    code = _code_inputs(processing)
    for item in processing.inputs:
        if item.query is not None and item.local_path:
            artifact = plan_query(builder, item, item.query, processing)
            builder.option("input", artifact, item.local_path)
            continue
        if item.uri is None or not item.local_path:
            raise builder.not_translated("SMX333", f"input {item.name!r} has no S3Uri or no LocalPath", item.pointer)
        if item in code:
            folders = {} if len(code) == 1 else {each.pointer: snake_case(each.name) or "code" for each in code}
            _code(builder, item.uri, item.local_path, folders.get(item.pointer, ""), _sources(code, folders))
            continue
        if builder.planner.divides(item.distribution):
            builder.option("shard", item.local_path)
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


def _sources(code: list[steps.ProcessingInput], folders: Mapping[str, str]) -> tuple[str, str] | None:
    """Of a framework processor: the folder of its sources among the step's code, and the place of their archive."""
    for item in code:
        if item.uri is not None and posixpath.basename(item.uri.text or "") == ARCHIVE:
            return folders.get(item.pointer, ""), str(item.local_path).rstrip("/")
    return None


def _code(builder: Builder, uri: Field, local_path: str, folder: str, sources: tuple[str, str] | None) -> None:
    """Put a file or archive of the user's code where SageMaker would."""
    text = uri.text or ""
    name = posixpath.basename(text.rstrip("/"))
    fields = [local_path.rstrip("/") or "/"]
    if name.endswith(".tar.gz"):
        fields += [folder, name]
    elif folder:
        fields += [folder]
    builder.option("code", *fields)
    file = CodeFile(folder, text, uri.pointer, name.endswith(".tar.gz"), starts=sources if name == NAME else None)
    builder.planner.add_code(builder.component.function, file)


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
    destination = fixed_destination(builder, step, output.uri, f"{output.name}_destination", output.name)
    builder.option("output", *fields, last=destination)


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
        name = builder.output(property_name(use.path), f"OutputPath({type_})")
        builder.option("property", name, f"{product.output.name}/{path}", last=encode_last_field(use.path))
        planner.offer(step, ("json", use), Product(Output(builder.task.variable, name), type_))
