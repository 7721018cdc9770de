"""An inventory as tables for people, and as rows for a spreadsheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..words import first_of
from .inventory import Inventory
from .model import ScannedFile
from .sagemaker import pointer_of
from .tables import sdk_classes

COLUMNS = ("path", "kind", "item", "class", "name", "line", "cell", "detail")
_SHOWN_PLACES = 4


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title; all cells are plain text."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def tables(inventory: Inventory) -> list[Table]:
    """The tables of an inventory: files and classes always, with zero counts, the others where they have rows."""
    files = inventory.files
    programs = [file for file in files if not _is_document(file)]
    first = [_files(programs), _classes(inventory)] if programs else []
    others = [
        Table("SageMaker pipelines", ("pipeline", "where"), _rows(files, _pipelines)),
        Table("Steps", ("step", "class", "type", "depends on", "where"), _rows(programs, _steps)),
        Table("Data flow", ("from", "property", "to", "where"), _rows(files, _references)),
        Table("Parameters", ("parameter", "class", "default", "where"), _rows(programs, _parameters)),
        Table("Conditions", ("condition", "operands", "where"), _rows(files, _conditions)),
        Table("Kubeflow pipelines", ("pipeline", "function", "parameters", "where"), _rows(files, _functions)),
        Table("Components", ("component", "origin", "because", "made by", "used", "where"), _rows(files, _components)),
        Table("Branches, loops, exits", ("construct", "about", "where"), _rows(files, _control_flow)),
        Table("Order, resources, caching, retries", ("task", "call", "arguments", "where"), _rows(files, _settings)),
        Table("Compiling and submitting", ("call", "arguments", "where"), _rows(files, _submissions)),
        Table("Definitions", ("step", "type", "depends on", "file"), _rows(files, _definition_steps)),
        Table("Pipeline specs", ("task", "component", "file"), _rows(files, _tasks)),
    ]
    return first + [table for table in others if table.rows]


def rows(inventory: Inventory) -> Iterator[tuple[str, ...]]:
    """One row for each file, one for each thing in it, and one for each class with its count; see COLUMNS."""
    for file in inventory.files:
        yield file.path, file.kind, "file", "", "", "", "", file.because
        for item, class_, name, detail, place in _items(file):
            line, cell = _text(getattr(place, "line", None)), _text(getattr(place, "cell", None))
            yield file.path, file.kind, item, class_ or "", name or "", line, cell, detail
        for finding in file.findings:
            detail = f"{finding.pointer} {finding.message}".strip()
            yield file.path, file.kind, "finding", finding.code, "", "", "", detail
    for class_, count in {**inventory.classes(), **inventory.absent()}.items():
        yield "", "", "count", class_, "", "", "", str(count)


def _items(file: ScannedFile) -> Iterator[tuple[str, str | None, str | None, str, object]]:
    """Item, class, name, detail and place of each thing in a file."""
    for pipeline in file.pipelines:
        yield "pipeline", "Pipeline", pipeline.name or pipeline.text, "", pipeline
    for step in file.steps:
        yield "step", step.class_ or step.type, step.name or step.text, ", ".join(step.depends_on), step
    for imported in file.imports:
        yield "import", imported.class_, "", imported.module, imported
    for parameter in file.parameters:
        yield "parameter", parameter.class_, parameter.name, _default(parameter), parameter
    for condition in file.conditions:
        yield "condition", condition.class_, "", ", ".join(condition.operands), condition
    for reference in file.references:
        detail = f"{reference.path} → {reference.consumer or '?'}"
        yield "reference", "", reference.producer, detail, reference
    kubeflow = file.kubeflow
    for function in kubeflow.pipelines:
        yield "kubeflow pipeline", "", function.name or function.function, ", ".join(function.parameters), function
    for component in kubeflow.components:
        yield "component", component.origin, component.name, component.because, component
    for construct in kubeflow.control_flow:
        yield "control flow", construct.call, "", construct.subject, construct
    for about in ("order", "resources", "caching", "retries", "compilations", "submissions"):
        for call in getattr(kubeflow, about):
            yield about, call.call, call.subject, call.arguments, call
    for task in kubeflow.tasks:
        yield "task", task.component, task.name, "", task


def _is_document(file: ScannedFile) -> bool:
    return file.path.lower().endswith((".json", ".yaml", ".yml"))


def _files(files: list[ScannedFile]) -> Table:
    found = [(file.path, file.kind, str(len(file.steps)), _class_counts(file), file.because) for file in files]
    return Table("Files", ("file", "what it is", "steps", "step classes", "because"), found)


def _class_counts(file: ScannedFile) -> str:
    counts = Counter(step.class_ or "?" for step in file.steps)
    imported = [each.class_ for each in file.imports if each.class_ not in counts]
    words = [f"{count} {class_}" for class_, count in sorted(counts.items())]
    words += [f"imported only: {', '.join(dict.fromkeys(imported))}"] if imported else []
    return ", ".join(words) or "none"


def _classes(inventory: Inventory) -> Table:
    places: dict[str, list[str]] = {}
    for file in inventory.files:
        for step in file.steps:
            places.setdefault(step.class_ or "", []).append(_where(file, step))
    absent = {class_: count for class_, count in inventory.absent().items() if count}
    types = {class_: known.type for class_, known in sdk_classes().items()}
    found = [
        (class_, types.get(class_, "not in the SDK"), str(count), first_of(places.get(class_, []), _SHOWN_PLACES))
        for class_, count in {**inventory.classes(), **absent}.items()
    ]
    return Table("Step classes", ("class", "type in a definition", "count", "where"), found)


def _rows(files: list[ScannedFile], row: Callable[[ScannedFile], Iterator[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    return [each for file in files for each in row(file)]


def _pipelines(file: ScannedFile) -> Iterator[tuple[str, ...]]:
    return ((each.name or f"({each.text or 'no name'})", _where(file, each)) for each in file.pipelines)


def _steps(file: ScannedFile) -> Iterator[tuple[str, ...]]:
    for step in file.steps:
        name = step.name or f"({step.text or 'no name'})"
        depends_on = ", ".join(step.depends_on) or "–"
        yield name, step.class_ or "", step.type or "not in the SDK", depends_on, _where(file, step)


def _references(file: ScannedFile) -> Iterator[tuple[str, ...]]:
    for each in file.references:
        yield each.producer, each.path or "return value", each.consumer or "(no step seen)", _where(file, each)


def _parameters(file: ScannedFile) -> Iterator[tuple[str, ...]]:
    for each in file.parameters:
        yield each.name or "(no name)", each.class_ or "", _default(each), _where(file, each)


def _conditions(file: ScannedFile) -> Iterator[tuple[str, ...]]:
    return ((each.class_, ", ".join(each.operands), _where(file, each)) for each in file.conditions)


def _functions(file: ScannedFile) -> Iterator[tuple[str, ...]]:
    for each in file.kubeflow.pipelines:
        parameters = ", ".join(each.parameters) or "–"
        yield each.name or "(no name)", each.function or "(compiled)", parameters, _where(file, each)


def _components(file: ScannedFile) -> Iterator[tuple[str, ...]]:
    for each in file.kubeflow.components:
        uses = ", ".join(f"line {line}" for line in each.uses) or "not in this file"
        yield each.name, each.origin, each.because, each.made_by, uses, _where(file, each)


def _control_flow(file: ScannedFile) -> Iterator[tuple[str, ...]]:
    return ((f"dsl.{each.call}", each.subject or "–", _where(file, each)) for each in file.kubeflow.control_flow)


def _settings(file: ScannedFile) -> Iterator[tuple[str, ...]]:
    kubeflow = file.kubeflow
    found = [*kubeflow.order, *kubeflow.resources, *kubeflow.caching, *kubeflow.retries]
    for each in sorted(found, key=lambda each: (each.cell or 0, each.line)):
        yield each.subject, each.call, each.arguments, _where(file, each)


def _submissions(file: ScannedFile) -> Iterator[tuple[str, ...]]:
    for each in (*file.kubeflow.compilations, *file.kubeflow.submissions):
        yield each.call, each.arguments or "–", _where(file, each)


def _definition_steps(file: ScannedFile) -> Iterator[tuple[str, ...]]:
    for step in file.steps if _is_document(file) else ():
        yield step.name or "", step.type or "–", ", ".join(step.depends_on) or "–", file.path


def _tasks(file: ScannedFile) -> Iterator[tuple[str, ...]]:
    for each in file.kubeflow.tasks:
        yield each.name, f"{each.component} (group)" if each.group else each.component, file.path


def _default(parameter: Any) -> str:
    return parameter.text or ("–" if parameter.default is None else str(parameter.default))


def _where(file: ScannedFile, item: Any) -> str:
    """`pipeline.py:12`, or `lab.ipynb, cell 3, line 2`."""
    if item.line is None:
        return file.path
    return f"{file.path}:{item.line}" if item.cell is None else f"{file.path}, {pointer_of(item.line, item.cell)}"


def _text(value: object) -> str:
    return "" if value is None else str(value)
