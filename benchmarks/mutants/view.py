"""What operators need to know of a compiled pipeline: its tasks, their command lines, where values come from; edits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from smx2vertex.contract.grammar import VERBS

Path = tuple[str | int, ...]
Document = dict[str, Any]
# What begins the command line of the container contract: its input, escaped or not.
STARTS = ("{{$}}", "{{$.json_escape[1]}}")
INPUTS = ("inputDefinitions", "parameters")
CODE = re.compile(r".*/code/[0-9a-f]{64}/[^/]+/?")


class Dropped:
    """Stands for the absence of a key."""


DROPPED = Dropped()
Edits = list[tuple[Path, Any]]
"""Places and what stands there after; DROPPED takes a key, or an item of a list, away."""


def changed(document: Document, edits: Edits) -> Document:
    """A copy of a document with the edits made in turn; what they do not touch is shared."""
    for path, value in edits:
        document = _changed(document, path, value)
    return document


def _changed(here: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    key: Any
    key, *rest = path
    copy: Any = list(here) if isinstance(here, list) else dict(here)
    if rest or not isinstance(value, Dropped):
        inside = copy[key] if isinstance(copy, list) or key in copy else {}
        copy[key] = _changed(inside, tuple(rest), value)
    else:
        del copy[key]
    return copy


@dataclass(frozen=True)
class Command:
    """The command line of a task: `args` stands at `path`; options and words are positions in it."""

    path: Path
    args: list[str]

    @property
    def verb(self) -> str:
        return self.args[1]

    @cached_property
    def end(self) -> int:
        """Where the options end."""
        return self.args.index("--") if "--" in self.args else len(self.args)

    def options(self, *names: str) -> Iterator[tuple[int, str, str]]:
        """Position, name and value of the options of these names, or of all; those of trials are among them."""
        end = len(self.args) if self.verb == "tuning" else self.end
        for index in range(2, end):
            name, equals, value = self.args[index].removeprefix("--").partition("=")
            if self.args[index].startswith("--") and equals and (not names or name in names):
                yield index, name, value

    @property
    def words(self) -> range:
        """Positions of the user's program and its arguments."""
        return range(len(self.args) if self.verb == "tuning" else self.end + 1, len(self.args))

    def at(self, index: int, value: Any) -> Edits:
        """Another argument at a position, or none."""
        return [((*self.path, index), value)]

    def with_args(self, args: list[str]) -> Edits:
        """Other arguments."""
        return [(self.path, args)]


@dataclass(frozen=True)
class Task:
    """A task of a DAG, which stands at `dag`; `command` is None unless it runs the container contract."""

    dag: Path
    name: str
    raw: dict[str, Any]
    component: str
    kind: str
    command: Command | None = None

    @property
    def path(self) -> Path:
        return (*self.dag, "tasks", self.name)

    @property
    def translated(self) -> bool:
        """Whether it stands for a step that the comparison speaks of."""
        return self.command is not None and self.command.verb != "not-translated"

    @property
    def line(self) -> Command:
        """Its command line; to be asked of tasks of steps alone, which have one."""
        assert self.command is not None
        return self.command

    @property
    def step(self) -> str | None:
        """The step that it stands for."""
        return next((value for _, _, value in self.command.options("step")), None) if self.command else None

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.raw.get("inputs", {}).get("parameters", {})
        return found

    @property
    def artifacts(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.raw.get("inputs", {}).get("artifacts", {})
        return found

    @property
    def producers(self) -> set[str]:
        """The tasks of the same DAG whose outputs it takes."""
        selectors = [*self.parameters.values(), *self.artifacts.values()]
        values = [value for selector in selectors for value in selector.values() if isinstance(value, dict)]
        return {value["producerTask"] for value in values if "producerTask" in value}

    def input(self, kind: str, name: str) -> Path:
        """Where a selector stands; `kind` is `parameters` or `artifacts`."""
        return (*self.path, "inputs", kind, name)


class View:
    """A compiled pipeline as operators see it."""

    def __init__(self, document: Document, definition: str = "") -> None:
        """Look at a pipeline; `definition` is the text of what it was made of."""
        self.document = document
        self.definition = definition
        self.components: dict[str, Any] = document.get("components", {})
        self.executors: dict[str, Any] = document.get("deploymentSpec", {}).get("executors", {})
        self.root_parameters: dict[str, Any] = document["root"].get("inputDefinitions", {}).get("parameters", {})

    @cached_property
    def dags(self) -> dict[Path, dict[str, Task]]:
        """The tasks of each DAG that runs, by name."""
        found: dict[Path, dict[str, Task]] = {}
        waiting: list[Path] = [("root", "dag")]
        while waiting:
            dag = waiting.pop()
            found[dag] = {name: self._task(dag, name, raw) for name, raw in at(self.document, dag)["tasks"].items()}
            groups = [task for task in found[dag].values() if task.kind == "group"]
            waiting += [("components", task.component, "dag") for task in groups]
        return found

    @cached_property
    def all_tasks(self) -> list[Task]:
        return [task for tasks in self.dags.values() for task in tasks.values()]

    @cached_property
    def tasks(self) -> list[Task]:
        """The tasks that stand for steps that the comparison speaks of."""
        return [task for task in self.all_tasks if task.translated]

    @cached_property
    def groups(self) -> list[Task]:
        """The groups in which such a task stands."""
        return [task for task in self.all_tasks if task.kind == "group" and any(self.inside(task))]

    @property
    def importers(self) -> list[Task]:
        return [task for task in self.all_tasks if task.kind == "importer"]

    def inside(self, group: Task) -> Iterator[Task]:
        """The tasks of a group, at any depth, that stand for steps."""
        for task in self.dags[("components", group.component, "dag")].values():
            if task.kind == "group":
                yield from self.inside(task)
            elif task.translated:
                yield task

    def parent(self, task: Task) -> Task | None:
        """The group around a task."""
        return next((each for each in self.all_tasks if ("components", each.component, "dag") == task.dag), None)

    def siblings(self, task: Task) -> dict[str, Task]:
        return self.dags[task.dag]

    def _task(self, dag: Path, name: str, raw: dict[str, Any]) -> Task:
        component = raw["componentRef"]["name"]
        definition = self.components.get(component, {})
        executor = self.executors.get(definition.get("executorLabel"), {})
        kind = "group" if "dag" in definition else "importer" if "importer" in executor else "container"
        return Task(dag, name, raw, component, kind, self._command((*dag, "tasks", name), raw, component, definition))

    def _command(self, task: Path, raw: dict[str, Any], component: str, definition: dict[str, Any]) -> Command | None:
        """What runs: the pool that the task is given, else the pool of its component, else its container."""
        given = raw.get("inputs", {}).get("parameters", {})
        pool = ("worker_pool_specs", "runtimeValue", "constant", 0)
        places: list[Path] = [(*task, "inputs", "parameters", *pool)]
        if "worker_pool_specs" not in given:
            places.append(("components", component, *INPUTS, "worker_pool_specs", "defaultValue", 0))
        places = [(*place, "container_spec", "args") for place in places]
        places.append(("deploymentSpec", "executors", definition.get("executorLabel", ""), "container", "args"))
        for path in places:
            args = at(self.document, path)
            if isinstance(args, list) and len(args) > 1 and args[0] in STARTS and args[1] in VERBS:
                return Command(path, args)
        return None

    def is_read(self, task: Task, name: str) -> bool:
        """Whether the command line, the trigger or a task inside reads an input: else nobody would notice it."""
        text = task.raw.get("triggerPolicy", {}).get("condition", "")
        if f"'{name}'" in text or task.raw.get("parameterIterator", {}).get("items", {}).get("inputParameter") == name:
            return True
        if task.kind != "group":
            return task.command is not None and any(name in re.findall(r"\w+", arg) for arg in task.command.args)
        keys = ("componentInputParameter", "componentInputArtifact")
        return any(
            name in [selector.get(key) for key in keys] and self.is_read(inner, wanted)
            for inner in self.dags[("components", task.component, "dag")].values()
            for wanted, selector in {**inner.parameters, **inner.artifacts}.items()
        )

    def makes(self, task: Task, key: str) -> bool:
        """Whether a task has an output of this name."""
        outputs = self.components[task.component].get("outputDefinitions", {})
        return any(key in outputs.get(kind, {}) for kind in ("parameters", "artifacts"))

    def is_taken(self, task: Task, key: str) -> bool:
        """Whether another task, or the group around it, takes an output."""
        dag = at(self.document, task.dag)
        places = [each.raw.get("inputs", {}) for each in self.siblings(task).values()]
        return any(_takes(place, task.name, key) for place in (*places, dag.get("outputs", {})))

    def origin(self, dag: Path, selector: dict[str, Any]) -> str:
        """Where a value comes from, the same text for the same value: groups are looked through."""
        for kind, key in (("parameters", "componentInputParameter"), ("artifacts", "componentInputArtifact")):
            name = selector.get(key)
            group = next((each for each in self.all_tasks if ("components", each.component, "dag") == dag), None)
            if name is not None and group is not None:
                outer = group.raw.get("inputs", {}).get(kind, {}).get(name)
                return f"item of {group.name}: {name}" if outer is None else self.origin(group.dag, outer)
        if "runtimeValue" in selector:
            value = selector["runtimeValue"].get("constant")
            return "constant " + text_of(value)
        producer = next((v.get("producerTask") for v in selector.values() if isinstance(v, dict)), None)
        task = self.dags[dag].get(producer) if producer else None
        if task is not None and task.kind == "importer":
            return "address " + self.uri(task)
        return f"{dag} " + json.dumps(selector, sort_keys=True)

    def uri(self, importer: Task) -> str:
        """The address that an importer brings in."""
        executor = self.executors[self.components[importer.component]["executorLabel"]]
        constant = executor["importer"]["artifactUri"].get("constant")
        return constant if constant is not None else self.origin(importer.dag, importer.parameters["uri"])

    def before(self, dag: Path, name: str, without: str = "") -> set[str]:
        """The siblings that a task waits for, directly or not; `without` is a direct one to leave out of its list."""
        tasks, seen = self.dags[dag], set[str]()
        waiting = [other for other in _waits(tasks[name]) if other != without]
        while waiting:
            other = waiting.pop()
            if other in tasks and other not in seen:
                seen.add(other)
                waiting += _waits(tasks[other])
        return seen


def _takes(value: Any, task: str, key: str) -> bool:
    if isinstance(value, dict):
        if task in (value.get("producerTask"), value.get("producerSubtask")):
            return key in (value.get("outputArtifactKey"), value.get("outputParameterKey"))
        return any(_takes(inner, task, key) for inner in value.values())
    return isinstance(value, list) and any(_takes(inner, task, key) for inner in value)


def _waits(task: Task) -> list[str]:
    return [*task.raw.get("dependentTasks", []), *task.producers]


def text_of(value: Any) -> str:
    """A constant as text; whole numbers look alike however they are written."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)


def at(document: Any, path: Path) -> Any:
    """What stands at a place, None if nothing."""
    for key in path:
        keys = range(len(document)) if isinstance(document, list) else document if isinstance(document, dict) else ()
        if key not in keys:
            return None
        document = document[key]
    return document


def other_value(value: Any) -> Any:
    """A value of the same type that is not this one."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}x"
        case list():
            return [*value, "x"]
        case dict():
            return {**value, "x": "x"}
    return "x"
