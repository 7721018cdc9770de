"""Condition steps: the evaluator task of those that are no single comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, named_options, named_properties

if TYPE_CHECKING:
    from ..target import ContractReader


def _read_task(task: ContractReader) -> None:
    task.node.test = task.reader.evaluated(task.task.id)


CONDITION = Kind(
    "condition",
    ("Condition",),
    "condition",
    None,
    _read_task,
    named_properties({"Outcome": ("outcome",)}),
    named_options({"result": ("result",), "outcome": ("outcome",)}),
)
