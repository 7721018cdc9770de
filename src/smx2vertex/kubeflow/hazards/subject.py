"""What the rules look at: a pipeline spec with its graph, and the limits of the services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..flattening import read_graph
from ..graph import Graph, Task
from ..origins import Constant, Origin
from ..spec import Component, Node, PipelineSpec

MAX_SHOWN = 80


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """What a machine can have.

    Attributes:
        built_in: the accelerators that it always has: number by type.
        attachable: those that it may have: allowed numbers by type; None if that is not known.
        disk_type: the kind of boot disk, if it starts from one kind only.
    """

    built_in: Mapping[str, int] = field(default_factory=dict)
    attachable: Mapping[str, tuple[int, ...]] | None = field(default_factory=dict)
    disk_type: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What custom training accepts; data that the caller brings.

    Attributes:
        machines: the accepted machines by name.
        refused: machines of Compute Engine that are not accepted.
        accelerators: all types of accelerators that `machines` says something about.
        disk_types: kinds of boot disks; smallest and largest size in GB.
    """

    machines: Mapping[str, MachineLimits]
    refused: frozenset[str]
    accelerators: frozenset[str]
    disk_types: frozenset[str]
    smallest_disk_gb: int
    largest_disk_gb: int


@dataclass(frozen=True, slots=True)
class Hazard:
    """What a rule found: a sentence, the place in the pipeline spec, and the task concerned, if it is one."""

    message: str
    at: str
    task: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A component, or a node of a DAG, with its place."""

    at: str
    component: Component
    node: Node


@dataclass(frozen=True)
class Subject:
    """A pipeline spec under the rules; `size` is that of its file in bytes."""

    spec: PipelineSpec
    limits: Limits
    size: int

    @cached_property
    def graph(self) -> Graph:
        """The flat graph of its tasks."""
        return read_graph(self.spec)

    @cached_property
    def components(self) -> dict[str, Component]:
        """All components by their place, the root first."""
        return {"root": self.spec.root} | {f"components.{name}": each for name, each in self.spec.components.items()}

    @cached_property
    def nodes(self) -> dict[str, Placed]:
        """All nodes of all DAGs whose component is there, by their place, as they are written: each once."""
        return {
            placed.at: placed
            for at, group in self.components.items()
            for node in (group.dag.nodes.values() if group.dag else ())
            if (component := self.spec.components.get(node.component))
            for placed in [Placed(f"{at}.dag.tasks.{node.name}", component, node)]
        }

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The leaf tasks by their place; of a place that is reached in several ways, the first."""
        tasks: dict[str, Task] = {}
        for task in self.graph.tasks.values():
            tasks.setdefault(task.at, task)
        return tasks

    def leaves(self) -> Iterator[tuple[Placed, Task]]:
        """The leaf tasks, as they are written and as they are resolved."""
        return ((self.nodes[at], task) for at, task in self.tasks.items() if at in self.nodes)

    def executor(self, component: Component) -> tuple[str, Mapping[str, Any]]:
        """The place of a component's executor, and what stands there."""
        return f"deploymentSpec.executors.{component.executor}", self.spec.executors.get(component.executor or "", {})

    def given(self, placed: Placed, name: str) -> tuple[str, Any]:
        """The place and the written constant of an input: that of the task, else the default; None if there is none."""
        selector = placed.node.parameters.get(name)
        if selector is not None:
            return f"{placed.at}.inputs.parameters.{name}.runtimeValue.constant", constant_of(selector)
        parameter = placed.component.parameters.get(name)
        at = f"components.{placed.component.name}.inputDefinitions.parameters.{name}.defaultValue"
        return at, parameter.default if parameter else None


def constant_of(selector: Mapping[str, Any]) -> Any:
    """The constant of a selector as it is written; None if the value comes from elsewhere."""
    value = selector.get("runtimeValue")
    return value.get("constant") if isinstance(value, Mapping) else None


def words_of(executor: Mapping[str, Any]) -> list[str]:
    """The words of a container's command and arguments as they are written; none of anything else."""
    container = executor.get("container")
    if not isinstance(container, Mapping):
        return []
    lists = [container.get("command"), container.get("args")]
    return [word for words in lists if isinstance(words, list) for word in words if isinstance(word, str)]


def values_of(task: Task) -> dict[str, Origin]:
    """The inputs of a task by name, the fields of a custom job included."""
    return {**task.parameters, **task.job}


def constant_text(origin: Origin | None) -> str | None:
    """The text that an origin always is; None if it is no text, or known at run time only."""
    return origin.value if isinstance(origin, Constant) and isinstance(origin.value, str) else None


def has_placeholder(value: Any) -> bool:
    """Whether a text holds a placeholder."""
    return isinstance(value, str) and ("{{$" in value or "{{channel:" in value)


def as_float(value: float) -> float:
    """A number as a double, which infinity stands for if it is too large."""
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def brief(value: Any) -> str:
    """A value in a sentence, shortened."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def walk(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    """All scalars below a value, each with its place."""
    waiting = [(at, value)]
    while waiting:
        place, found = waiting.pop()
        if isinstance(found, Mapping):
            inner = [(f"{place}.{key}" if place else str(key), each) for key, each in found.items()]
            waiting.extend(reversed(inner))
        elif isinstance(found, list):
            waiting.extend((f"{place}[{index}]", each) for index, each in reversed(list(enumerate(found))))
        else:
            yield place, found
