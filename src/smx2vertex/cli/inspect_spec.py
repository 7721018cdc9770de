"""What `inspect` shows of a compiled pipeline."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from ..kubeflow import conditions
from ..kubeflow.graph import Condition, Graph, Machine, Task
from ..kubeflow.origins import (
    ArtifactField,
    Collected,
    Constant,
    Entries,
    ExecutorInput,
    FinalStatus,
    Items,
    LoopItem,
    OneOf,
    Origin,
    OutputField,
    PipelineArtifact,
    PipelineParameter,
    Runtime,
    TaskOutput,
    Text,
    Unknown,
    origins_in,
)
from ..kubeflow.spec import Parameter, Retry
from ..report.diagram import Diagram, Edge, Group, Node
from ..report.outline import Entry, Outline, Table
from ..words import counted

_COMPARED = {
    "==": "equals",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is greater than",
    ">=": "is at least",
}
_MACHINE = (
    "machine_type",
    "accelerator_type",
    "accelerator_count",
    "disk_gb",
    "disk_type",
    "replicas",
    "timeout",
    "cpu_limit",
    "cpu_request",
    "memory_limit",
    "memory_request",
)


def category(task: Task) -> tuple[str, str]:
    """What sort of component a task uses (`custom`, `prebuilt`, `importer` or `unknown`), and how one can tell."""
    if task.kind == "importer":
        return "importer", "Kubeflow itself brings the artifact in; no container runs"
    if task.kind == "custom_job":
        return "custom", "a container of the project's own, run as a Vertex AI custom job by Google's wrapper"
    if task.prebuilt:
        return "prebuilt", f"Google's image for cloud components runs it, as a job of type {task.kind}"
    if task.kind == "container":
        program = json.dumps([_origin(word) for word in (*task.command, *task.args)])
        if "kfp.dsl.executor_main" in program:
            return "custom", "a Python function of the project's own"
        return "custom", "a container of the project's own"
    return "unknown", "its executor cannot be read"


def to_dict(graph: Graph) -> dict[str, Any]:
    """The graph as plain data, as `inspect --format json` prints it."""
    uses = _uses(graph)
    consumers = _consumers(graph)
    return {
        "pipeline": graph.name,
        "kind": "vertex",
        "parameters": [
            {
                "name": name,
                "type": parameter.type,
                "default": parameter.default,
                "required": parameter.required,
                "allowed": None,
                "used_by": [{"task": task, "field": field} for task, field in uses[name]],
            }
            for name, parameter in graph.parameters.items()
        ],
        "tasks": [_task_to_dict(task, consumers) for task in graph.order()],
        "groups": [
            {
                "id": group.id,
                "name": group.display_name,
                "condition": None if group.condition is None else _condition(group.condition),
                "loop": None if group.loop is None else _origin(group.loop.items),
                "tasks": list(group.tasks),
            }
            for group in graph.groups.values()
        ],
        "findings": [finding.to_dict() for finding in graph.findings],
    }


def _task_to_dict(task: Task, consumers: dict[tuple[str, str], list[str]]) -> dict[str, Any]:
    kind, reason = category(task)
    retry = task.retry
    return {
        "name": task.id,
        "type": task.kind,
        "display_name": task.display_name,
        "component": task.component,
        "category": kind,
        "reason": reason,
        "groups": list(task.path),
        "conditions": [_condition(condition) for condition in task.conditions],
        "loops": [_origin(loop.items) for loop in task.loops],
        "consumes": [
            {"task": taken.task, "path": taken.key, "field": field, "artifact": taken.artifact}
            for field, taken in _taken(task)
        ],
        "produces": [
            {"name": name, "path": name, "type": type_, "for": consumers.get((task.id, name), [])}
            for name, type_ in (*task.output_artifacts.items(), *task.output_parameters.items())
        ],
        "inputs": {name: _origin(origin) for name, origin in (*task.parameters.items(), *task.artifacts.items())},
        "importer": None if task.importer is None else _origin(task.importer.uri),
        "image": None if task.image is None else _origin(task.image),
        "depends_on": list(task.after),
        "waits_for": list(task.waits),
        "resources": _resources(task.machine),
        "caching": task.caching,
        "retry": None
        if retry is None
        else {"max_attempts": retry.attempts, "interval_seconds": retry.backoff, "backoff_rate": retry.factor},
        "strategy": task.strategy,
        "at": task.at,
    }


def outline(graph: Graph) -> Outline:
    """The graph as a report."""
    tasks = graph.order()
    uses = _uses(graph)
    consumers = _consumers(graph)
    kinds = Counter((*category(task), task.kind) for task in tasks)
    return Outline(
        title=graph.name,
        summary=f"compiled pipeline · {counted(len(tasks), 'task')} · {counted(len(graph.parameters), 'parameter')}",
        tables=(
            Table(
                "Parameters",
                ("name", "type", "default", "used by"),
                tuple(_parameter_row(name, parameter, uses[name]) for name, parameter in graph.parameters.items()),
            ),
            Table(
                "Kinds of components",
                ("component", "type", "count", "how one can tell"),
                tuple((kind, type_, str(count), reason) for (kind, reason, type_), count in kinds.items()),
            ),
        ),
        heading="Tasks, in an order in which they can run",
        entries=tuple(_entry(task, consumers) for task in tasks),
    )


def _parameter_row(name: str, parameter: Parameter, uses: list[tuple[str, str]]) -> tuple[str, ...]:
    default = "(must be given)" if parameter.required else json.dumps(parameter.default, ensure_ascii=False)
    return name, parameter.type, default, ", ".join(f"{task}: {field}" for task, field in uses) or "nothing"


def _entry(task: Task, consumers: dict[tuple[str, str], list[str]]) -> Entry:
    kind, reason = category(task)
    facts = tuple((label, tuple(lines)) for label, lines in _facts(task, consumers) if lines)
    return Entry(task.id, f"{kind} · {task.kind} · {reason}", facts)


def _facts(task: Task, consumers: dict[tuple[str, str], list[str]]) -> Iterator[tuple[str, list[str]]]:
    yield "if", [_condition(condition) for condition in task.conditions]
    yield "for each", [_origin(loop.items) for loop in task.loops]
    yield "takes", [f"{taken.task}: {taken.key} → {field}" for field, taken in _taken(task)]
    external = [] if task.importer is None else [f"address: {_origin(task.importer.uri)}"]
    for name, origin in task.parameters.items():
        if not any(isinstance(part, TaskOutput) for part in origins_in(origin)):
            external.append(f"{name}: {_origin(origin)}")
    yield "inputs", [text if len(text) <= 160 else text[:159] + "…" for text in external]
    outputs = (*task.output_artifacts.items(), *task.output_parameters.items())
    yield "gives", [f"{name} ({type_}){_for(consumers.get((task.id, name), []))}" for name, type_ in outputs]
    yield "after", list(task.after)
    yield "image", [] if task.image is None or category(task)[0] == "prebuilt" else [_origin(task.image)]
    resources = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in _resources(task.machine).items())
    yield "machine", [resources] if resources else []
    yield "retry", [] if task.retry is None else [_retry(task.retry)]
    yield "caching", ["on" if task.caching else "off"]


def _for(consumers: list[str]) -> str:
    return f" → {', '.join(consumers)}" if consumers else ""


def _retry(retry: Retry) -> str:
    return f"up to {retry.attempts} times, after {retry.backoff:g} s × {retry.factor:g}"


def _resources(machine: Machine) -> dict[str, Any]:
    found = ((name, getattr(machine, name)) for name in _MACHINE)
    return {
        name: origin.value if isinstance(origin, Constant) else _origin(origin)
        for name, origin in found
        if origin is not None and origin != Constant(None)
    }


def _origins(task: Task) -> Iterator[tuple[str, Origin]]:
    """All that a task is given, by the field that it goes into."""
    yield from (*task.parameters.items(), *task.artifacts.items(), *task.job.items())
    if task.importer is not None:
        yield "address", task.importer.uri
    for name in _MACHINE:
        if (origin := getattr(task.machine, name)) is not None:
            yield name, origin
    yield from (("env." + name, origin) for name, origin in task.env.items())
    for condition in task.conditions:
        yield from (("if", origin) for origin in condition.operands.values())
    yield from (("for each", loop.items) for loop in task.loops)


def _taken(task: Task) -> list[tuple[str, TaskOutput]]:
    found = [(field, part) for field, origin in _origins(task) for part in origins_in(origin)]
    return list(dict.fromkeys((field, part) for field, part in found if isinstance(part, TaskOutput)))


def _consumers(graph: Graph) -> dict[tuple[str, str], list[str]]:
    consumers: dict[tuple[str, str], list[str]] = defaultdict(list)
    for task in graph.tasks.values():
        for _, taken in _taken(task):
            if task.id not in consumers[taken.task, taken.key]:
                consumers[taken.task, taken.key].append(task.id)
    return consumers


def _uses(graph: Graph) -> dict[str, list[tuple[str, str]]]:
    uses: dict[str, dict[tuple[str, str], None]] = {name: {} for name in graph.parameters}
    for task in graph.tasks.values():
        for field, origin in _origins(task):
            for part in origins_in(origin):
                if isinstance(part, PipelineParameter):
                    uses.setdefault(part.name, {})[task.id, field] = None
    return {name: list(places) for name, places in uses.items()}


def _origin(origin: Origin) -> str:
    """An origin as text: constants as they are, all that is known at run time only in braces."""
    match origin:
        case Constant(value):
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        case Text(found):
            return "".join(_origin(part) for part in found)
        case Items(items):
            return "[" + ", ".join(_origin(item) for item in items) + "]"
        case Entries(entries):
            return "{" + ", ".join(f"{key}: {_origin(value)}" for key, value in entries) + "}"
        case Unknown(text):
            return text
    return "{" + _name(origin) + "}"


def _name(origin: Origin) -> str:
    match origin:
        case PipelineParameter(name) | PipelineArtifact(name):
            return name
        case TaskOutput(task, key):
            return f"{task}.{key}"
        case LoopItem(group, part):
            return f"item of {group}" + (f": {part}" if part is not None else "")
        case Collected(of):
            return f"all of {_name(of)}"
        case OneOf(options):
            return " or ".join(_name(option) for option in options)
        case FinalStatus(task):
            return f"final status of {task}"
        case ArtifactField(artifact, field):
            return f"{field} of {_name(artifact)}"
        case OutputField(key, field):
            return f"{field} of output {key}" if key else field
        case ExecutorInput():
            return "executor input"
        case Runtime(name):
            return name
    return _origin(origin)


def _condition(condition: Condition) -> str:
    """A trigger condition in words; its own text where it cannot be read."""
    if condition.expression is None:
        return condition.text
    return _words(condition.expression, condition.operands)


def _words(expression: conditions.Expression, operands: dict[str, Origin]) -> str:
    match expression:
        case conditions.Literal(value):
            return json.dumps(value, ensure_ascii=False)
        case conditions.Input(name):
            return _name(operands[name]) if name in operands else name
        case conditions.Cast(operand=operand):
            return _words(operand, operands)
        case conditions.Comparison(operator, left, right):
            return f"{_words(left, operands)} {_COMPARED[operator]} {_words(right, operands)}"
        case conditions.Not(operand):
            return f"not ({_words(operand, operands)})"
        case conditions.And(several):
            return " and ".join(_words(each, operands) for each in several)
        case conditions.Or(several):
            return "(" + " or ".join(_words(each, operands) for each in several) + ")"


def diagram(graph: Graph) -> Diagram:
    """The graph as a picture: data, dependencies, and groups with their conditions and loops."""
    tasks = graph.order()
    nodes = []
    for task in tasks:
        kind, _ = category(task)
        subtitle = kind if kind == "importer" else f"{kind} · {task.kind}"
        nodes.append(Node(task.id, task.id, subtitle, "data" if kind == "importer" else "work", _innermost(task)))
    groups = []
    for group in graph.groups.values():
        title = group.display_name
        if group.condition is not None:
            title = f"{title}: {_condition(group.condition)}"
        elif group.loop is not None:
            title = f"{title}: for each of {_origin(group.loop.items)}"
        groups.append(Group(group.id, title, group.path[-1] if group.path else None))
    return Diagram(graph.name, tuple(nodes), tuple(_edges(tasks)), tuple(groups))


def _innermost(task: Task) -> str | None:
    return task.path[-1] if task.path else None


def _edges(tasks: list[Task]) -> Iterator[Edge]:
    """The arrows between tasks. What decides about a group leads to its first tasks only."""
    groups = {task.id: _innermost(task) for task in tasks}
    for task in tasks:
        flows: dict[str, dict[str, None]] = {name: {} for name in task.after if name in groups}
        for field, taken in _taken(task):
            if taken.task in groups and taken.task != task.id:
                flows.setdefault(taken.task, {})[f"if {taken.key}" if field == "if" else taken.key] = None
        follows = groups[task.id] is not None and any(groups[name] == groups[task.id] for name in flows)
        for producer, labels in flows.items():
            data = [label for label in labels if not label.startswith("if ")]
            if data or not labels:
                yield Edge(producer, task.id, ", ".join(data), "data" if data else "order")
            elif not follows:
                yield Edge(producer, task.id, ", ".join(labels), "branch")
