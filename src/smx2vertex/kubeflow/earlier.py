"""What an earlier run can spare a new one: the results of tasks that would do the same again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..findings import Finding, InputError
from .graph import Graph, Task
from .origins import Origin, PipelineParameter, origins_in
from .tasks import TaskRun

INDEX = "index.json"


def newest(folder: Path, pipeline: str) -> Path:
    """The newest run of a pipeline among the folders of runs.

    Raises:
        InputError: there is none (SMX616).
    """
    runs = sorted(folder.glob(f"*/{INDEX}"), key=lambda path: path.stat().st_mtime, reverse=True)
    found = next((path.parent for path in runs if _index(path).get("pipeline") == pipeline), None)
    if found is None:
        raise InputError(Finding("SMX616", f"{folder} holds no earlier run of {pipeline}"))
    return found


def spared(earlier: Path, graph: Graph, start: str, values: Mapping[str, Any]) -> dict[str, TaskRun]:
    """The runs that need no repetition, by task id.

    A task runs again if it is `start`, failed before, reads a parameter whose value changed, or waits for such a task.

    Args:
        earlier: folder of the earlier run.
        graph: the pipeline.
        start: id of the task to start from.
        values: the values of the pipeline's parameters now.

    Raises:
        InputError: there is no task `start`, or the earlier run cannot be read (SMX616).
    """
    if start not in graph.tasks:
        names = ", ".join(sorted(graph.tasks))
        raise InputError(Finding("SMX616", f"{graph.name} has no task {start!r}; it has: {names}"))
    index = _index(earlier / INDEX)
    try:
        before = index["parameters"]
        runs = {entry["id"]: TaskRun(**entry | {"kept": True}) for entry in index["tasks"]}
    except (KeyError, TypeError):
        raise InputError(Finding("SMX616", f"{earlier / INDEX} describes no run")) from None
    changed = {name for name in graph.parameters if values.get(name) != before.get(name)}
    again: set[str] = set()
    for task in graph.order():
        reads_changed = not changed.isdisjoint(_parameters_read(task))
        if task.id == start or reads_changed or not again.isdisjoint(task.waits):
            again.add(task.id)
    return {run.id: run for run in runs.values() if run.state == "succeeded" and run.id.split("[")[0] not in again}


def _parameters_read(task: Task) -> Iterator[str]:
    origins: list[Origin | None] = [*task.parameters.values(), *task.env.values(), *task.command, *task.args]
    origins += [task.importer.uri if task.importer else None, *(loop.items for loop in task.loops)]
    for origin in origins:
        for found in origins_in(origin) if origin is not None else ():
            if isinstance(found, PipelineParameter):
                yield found.name


def _index(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
