"""Cleanup steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import PropertyReference
from ...sagemaker.steps import Field
from ..neutral import Node
from .kind import Kind

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader


def _read_step(reader: SourceReader, node: Node, step: Step) -> None:
    named = [field for _, field in steps.cleanup(step, reader.names).addresses]
    for number, field in enumerate(each for one in named for each in (one, *_copies(reader, one))):
        node.add(("request", f"address {number}"), reader.address_parts(field), field.pointer)


def _copies(reader: SourceReader, field: Field) -> Iterator[Field]:
    """The fixed address of an output: a translation keeps a copy there."""
    reference = field.value
    step = reader.steps.get(reference.step) if isinstance(reference, PropertyReference) else None
    if not isinstance(reference, PropertyReference) or step is None or step.type != "Processing":
        return
    for output in steps.processing(step, reader.names).outputs:
        uri = output.uri
        if output.name == reference.key and uri is not None and not reader.is_default(uri, step.name, output.name):
            yield uri


def _read_task(task: ContractReader) -> None:
    for number, option in enumerate(task.line.of("uri")):
        task.node.add(("request", f"address {number}"), task.address(option.template))


CLEANUP = Kind("cleanup", ("Cleanup",), "delete-objects", _read_step, _read_task)
