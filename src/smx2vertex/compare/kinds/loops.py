"""ForEach steps: the task that makes the items ready, and the task for what the copies leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import PropertyReference, expressions_in, parts
from ..commandline import CommandLine
from ..neutral import Node, template
from .kind import Kind, What, named_options

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader

_COUNTS = {"Status"} | {f"{what}StepCount" for what in ("Total", "Succeeded", "Failed", "Stopped")} | {"InputItemCount"}


def _read_step(reader: SourceReader, node: Node, step: Step) -> None:
    loop = steps.for_each(step, reader.names)
    reader.note(node, ("request", "IterableItems"), loop.items)
    read = [found for use in _uses(reader, step) if (found := steps.repeated(step, use.path)) is not None]
    for repeated in read:
        _collect(reader, node, repeated.property)
    picked = steps.selected_by(step, reader.names)
    if picked is not None and any(repeated.copy == "selected" for repeated in read):
        node.add(("selector",), [f"{loop.pick} {picked.written}"])
        _collect(reader, node, picked)


def _collect(reader: SourceReader, node: Node, wanted: PropertyReference) -> None:
    """What all copies give of a property, without the file that it means: that is the readers' concern."""
    node.add(("collected", wanted.written), template(reader.parts(wanted))[:1])


def _uses(reader: SourceReader, step: Step) -> list[PropertyReference]:
    """What other steps read of a ForEach."""
    found = [part for _, outer in expressions_in(reader.definition.raw, reader.names) for part in parts(outer)]
    return [part for part in found if isinstance(part, PropertyReference) and part.step == step.name]


def _read_task(task: ContractReader) -> None:
    for option in task.line.of("items"):
        task.node.add(("request", "IterableItems"), task.parts(option.template))


def _read_results(task: ContractReader) -> None:
    for option in task.line.of("collected"):
        name, source = option.fields
        task.node.add(("collected", name), task.input(source, "str"))
    collected = {option.fields[0] for option in task.line.of("collected")}
    picks = [option for option in task.line.of("pick") if option.fields[1] in collected]
    if any(option.fields[1] == "selected" for option in task.line.of("output")):
        task.node.add(("selector",), [" ".join(picks[0].fields) if picks else "nothing"])


def _step_product(reader: SourceReader, step: Step, reference: PropertyReference) -> What | None:
    if reference.pattern in _COUNTS:
        return ("count", reference.pattern)
    repeated = steps.repeated(step, reference.path)
    return None if repeated is None else ("copy", repeated.copy, repeated.property.written)


def _task_product(line: CommandLine, key: str) -> What | None:
    for option in line.of("count"):
        if option.fields[0] == key and line.of("items"):
            return ("count", option.fields[1])
    collected = {option.fields[0] for option in line.of("collected")}
    for option in line.of("output"):
        if option.fields[0] == key and option.fields[2] in collected:
            return ("copy", *option.fields[1:])
    return None


LOOP = Kind(
    "loop", ("ForEach",), "loop-items", _read_step, _read_task, _step_product, named_options({"result": ("items",)})
)
RESULTS = Kind("loop results", (), "loop-results", None, _read_results, task_product=_task_product)
