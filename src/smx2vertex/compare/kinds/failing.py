"""Fail steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ..neutral import Node
from .kind import Kind

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader


def _read_step(reader: SourceReader, node: Node, step: Step) -> None:
    reader.note(node, ("message",), steps.fail_message(step, reader.names))


def _read_task(task: ContractReader) -> None:
    task.texts(message="message")


FAIL = Kind("fail", ("Fail",), "fail", _read_step, _read_task)
