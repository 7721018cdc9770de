"""Condition steps: the evaluator task of those that are no single comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, named_options

if TYPE_CHECKING:
    from ..target import ContractReader


def _read_task(task: ContractReader) -> None:
    task.node.test = task.reader.evaluated(task.task.id)


CONDITION = Kind(
    "condition", ("Condition",), "condition", None, _read_task, task_product=named_options({"result": ("result",)})
)
