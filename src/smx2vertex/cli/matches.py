"""Which tasks stand for which step, as a person says: `--match STEP=TASK`, and a file to edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..compare import Comparison
    from ..kubeflow.graph import Graph

_HEAD = """\
# Which tasks stand for which step. Correct what is wrong, remove what you don't want to say, and give this file to
# `smx2vertex validate --match-file`. An empty list says nothing: the step's tasks are looked for. `STEP: no task` says
# that there is none: the step is left out of the comparison.
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

    from ..documents import load_yaml, read_text

    try:
        text = read_text(file)
        document = load_yaml(text)
        tree = yaml.compose(text, yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}", param_hint="--match-file") from error
    entries = document if isinstance(document, dict) else None
    if document is not None and entries is None:
        raise typer.BadParameter(f"{file} does not hold tasks by step", param_hint="--match-file")
    steps = [key.value for key, _ in tree.value] if isinstance(tree, yaml.MappingNode) else []
    if doubled := [step for step in entries or () if steps.count(step) > 1]:
        raise typer.BadParameter(f"{file} names {doubled[0]!r} twice", param_hint="--match-file")
    found: dict[str, list[str]] = {}
    for step, tasks in (entries or {}).items():
        tasks = [tasks] if isinstance(tasks, str) else tasks or []
        if not (isinstance(step, str) and isinstance(tasks, list) and all(isinstance(task, str) for task in tasks)):
            raise typer.BadParameter(f"{file}: {step!r} has no list of tasks", param_hint="--match-file")
        if tasks:
            found[step] = tasks
    return found


def write(file: Path, comparison: Comparison, graph: Graph, given: Mapping[str, list[str]]) -> None:
    """Write the alignment for editing, with what was given; importers follow their tasks by themselves.

    Raises:
        typer.BadParameter: the file is there already, or cannot be written.
    """
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(_text(comparison, graph, given))
    except FileExistsError as error:
        raise typer.BadParameter(f"{file} is there already", param_hint="--write-match") from error
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}", param_hint="--write-match") from error


def _text(comparison: Comparison, graph: Graph, given: Mapping[str, list[str]]) -> str:
    from ..compare import NO_STEP, NO_TASK

    programs = {task.id: task.at for task in graph.tasks.values() if task.importer is None}
    lines = [_HEAD]
    taken: set[str] = set()
    for entry in comparison.alignment:
        tasks = [task for task in entry.tasks if task in programs]
        taken.update(tasks)
        sure = f", {entry.confidence:.0%} sure" if entry.confidence not in (None, 1) else ""
        value = NO_TASK if NO_TASK in given.get(entry.step, ()) else tasks
        lines.append(f"{_yaml({entry.step: value})}  # {entry.how}{sure}\n")
    said = given.get(NO_STEP, [])
    if said:
        lines.append(f"\n{_yaml({NO_STEP: said})}\n")
    elif free := [task for task in programs if task not in taken]:
        lines.append(
            "\n# These tasks stand for no step. To say that this is meant, take away the mark of the last line.\n"
        )
        lines += [f"#   {_yaml(task)} at {_yaml(programs[task])}\n" for task in free]
        lines.append(f"# {_yaml({NO_STEP: free})}\n")
    return "".join(lines)


def _yaml(value: str | Mapping[str, str | list[str]]) -> str:
    """One line of YAML."""
    import yaml

    in_line = None if isinstance(value, dict) and list in map(type, value.values()) else False
    text: str = yaml.safe_dump(value, default_flow_style=in_line, allow_unicode=True, width=float("inf"))
    return text.removesuffix("\n").removesuffix("\n...")
