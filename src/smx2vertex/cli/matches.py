"""Which tasks stand for which step, as a person says: `--match STEP=TASK`, and a file to edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ..compare import Comparison
    from ..kubeflow.graph import Graph

_HEAD = """\
# Which tasks stand for which step. Correct what is wrong, remove what you don't want to say, and give this file to
# `smx2vertex validate --match-file`. An empty list says nothing: the step's tasks are looked for.
"""


def matches(options: Iterable[str], file: Path | None) -> dict[str, list[str]]:
    """Tasks by step; an option counts more than the file. A step's name may hold an equals sign, a task's never does.

    Raises:
        typer.BadParameter: an option or the file is of another form.
    """
    given: dict[str, list[str]] = {}
    for option in options:
        step, separator, task = option.rpartition("=")
        if not (separator and step and task):
            raise typer.BadParameter(f"{option!r} is not of the form STEP=TASK", param_hint="--match")
        given.setdefault(step, []).append(task)
    return (_read(file) if file else {}) | given


def _read(file: Path) -> dict[str, list[str]]:
    import yaml

    try:
        document: Any = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}", param_hint="--match-file") from error
    entries = document if isinstance(document, dict) else None
    if document is not None and entries is None:
        raise typer.BadParameter(f"{file} does not hold tasks by step", param_hint="--match-file")
    found: dict[str, list[str]] = {}
    for step, tasks in (entries or {}).items():
        tasks = [tasks] if isinstance(tasks, str) else tasks or []
        if not (isinstance(step, str) and isinstance(tasks, list) and all(isinstance(task, str) for task in tasks)):
            raise typer.BadParameter(f"{file}: {step!r} has no list of tasks", param_hint="--match-file")
        if tasks:
            found[step] = tasks
    return found


def write(file: Path, comparison: Comparison, graph: Graph) -> None:
    """Write the alignment for editing; importers follow their tasks by themselves.

    Raises:
        typer.BadParameter: the file is there already, or cannot be written.
    """
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(_text(comparison, graph))
    except FileExistsError as error:
        raise typer.BadParameter(f"{file} is there already", param_hint="--write-match") from error
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}", param_hint="--write-match") from error


def _text(comparison: Comparison, graph: Graph) -> str:
    programs = {task.id: task.at for task in graph.tasks.values() if task.importer is None}
    lines = [_HEAD]
    taken: set[str] = set()
    for entry in comparison.alignment:
        tasks = [task for task in entry.tasks if task in programs]
        taken.update(tasks)
        lines.append(f"{_yaml({entry.step: tasks})}  # {entry.how}\n")
    if free := {task: at for task, at in programs.items() if task not in taken}:
        lines.append("\n# Tasks that stand for no step:\n")
        lines += [f"#   {_yaml(task)} at {_yaml(at)}\n" for task, at in free.items()]
    return "".join(lines)


def _yaml(value: str | Mapping[str, list[str]]) -> str:
    """One line of YAML."""
    import yaml

    text: str = yaml.safe_dump(value, default_flow_style=None, allow_unicode=True, width=float("inf"))
    return text.removesuffix("\n").removesuffix("\n...")
