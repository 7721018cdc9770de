"""Datasets of Processing steps: queries, and the tasks that export their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ..commandline import CommandLine
from ..names import folder
from ..neutral import Node, Product
from .kind import Kind, What

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader


def read_queries(reader: SourceReader, node: Node, processing: steps.Processing) -> None:
    """Note the queries of a Processing step, by the folders that take their rows."""
    for item in processing.inputs:
        if item.query is None or not item.local_path:
            continue
        path, query = folder(item.local_path), item.query
        node.add(("input", path), [Product(node.name, ("rows", path))], query.sql.pointer)
        reader.note(node, ("query", path), query.sql)
        node.add(("dialect", path), [query.dialect])
        node.add(("request", f"format of {path}"), [query.format], query.sql.pointer)
        node.add(("request", f"compression of {path}"), [query.compression], query.sql.pointer)


def _read_task(task: ContractReader) -> None:
    path = folder(task.line.one("path") or "")
    for option in task.line.of("sql"):
        task.node.add(("query", path), task.parts(option.template))
    for name in ("format", "compression"):
        task.node.add(("request", f"{name} of {path}"), [task.line.one(name) or ""])


def _task_product(line: CommandLine, key: str) -> What | None:
    return ("rows", folder(line.one("path") or "")) if line.one("output") == key else None


ROWS = Kind("rows", (), "query", None, _read_task, task_product=_task_product)
