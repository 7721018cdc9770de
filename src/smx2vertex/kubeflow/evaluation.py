"""The value of an origin in a run that is simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from .origins import (
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
    origins_in,
)
from .rules import item_entry
from .values import in_text

# Where a value is asked for: the index of the current item by the group of each loop around.
Frame: TypeAlias = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Made:
    """An artifact that a task made: id of the task, in which iteration, and the name of the output."""

    task: str
    iteration: tuple[int, ...]
    output: str

    @property
    def name(self) -> str:
        """Task, iteration and output as text."""
        return f"{label(self.task, self.iteration)}.{self.output}"


@dataclass(frozen=True, slots=True)
class Imported:
    """An artifact at an address."""

    uri: str


Artifact = Made | Imported


class Unset(str):
    """Stands for an output parameter that the scenario does not give; it fits every type."""


class Surroundings(Protocol):
    """What origins are about."""

    def parameter(self, name: str) -> Any:
        """The value of a parameter of the pipeline; None for an optional one without."""

    def output(self, origin: TaskOutput, frame: Frame) -> Any:
        """An output of a task; None where it did not run."""

    def item(self, group: str, frame: Frame) -> Any:
        """The current item of a loop."""

    def iterations(self, task: str, frame: Frame) -> tuple[str, int]:
        """The outermost loop around a task that is not in the frame, and how many iterations it had."""

    def status(self, origin: FinalStatus, frame: Frame) -> Any:
        """How a task or group ended."""

    def runtime(self, name: str) -> str:
        """What only the engine knows."""


# A constant asks for nothing.
_NOTHING: Any = None


def label(name: str, iteration: tuple[int, ...]) -> str:
    """The id of a task with the indices of the iterations: `train[0]`."""
    return name + "".join(f"[{index}]" for index in iteration)


def evaluate(origin: Origin, around: Surroundings, frame: Frame) -> Any:
    """The value of an origin; None if it has none.

    Raises:
        ValueError: a loop's item has no such part.
    """
    match origin:
        case Constant(value):
            return value
        case PipelineParameter(name):
            return around.parameter(name)
        case PipelineArtifact(name):
            return Imported(f"{{{name}}}")
        case TaskOutput():
            return around.output(origin, frame)
        case LoopItem(group, part):
            item = around.item(group, frame)
            return item if part is None else item_entry(item, part)
        case Collected(inner):
            return _collected(inner, around, frame)
        case OneOf(options):
            values = (evaluate(option, around, frame) for option in options)
            return next((value for value in values if value is not None), None)
        case FinalStatus():
            return around.status(origin, frame)
        case Runtime(name):
            return around.runtime(name)
        case ArtifactField(artifact, field):
            return _field(evaluate(artifact, around, frame), field)
        case Text(parts):
            return "".join([in_text(_or_empty(evaluate(part, around, frame))) for part in parts])
        case Items(items):
            return [evaluate(item, around, frame) for item in items]
        case Entries(entries):
            return {key: evaluate(value, around, frame) for key, value in entries}
        case OutputField(key, field):
            return f"{{{key}.{field}}}"
        case ExecutorInput():
            return "{{$}}"
    return None


def is_constant(origin: Origin) -> bool:
    """Whether the value is the same in all runs."""
    fixed = Constant | Text | Items | Entries | OutputField | ExecutorInput
    return all(isinstance(each, fixed) for each in origins_in(origin))


def constant(origin: Origin) -> Any:
    """The value of an origin that is the same in all runs."""
    return evaluate(origin, _NOTHING, {})


def _or_empty(value: Any) -> Any:
    return "" if value is None else value


def _collected(inner: Origin, around: Surroundings, frame: Frame) -> list[Any]:
    task = next((each.task for each in origins_in(inner) if isinstance(each, TaskOutput)), None)
    if task is None:
        return []
    loop, count = around.iterations(task, frame)
    values = [evaluate(inner, around, {**frame, loop: index}) for index in range(count)]
    return [value for value in values if value is not None]


def _field(artifact: Any, field: str) -> str:
    """A property of an artifact, or of the first of several, in a text; what only the engine knows stays in braces."""
    first = artifact[0] if isinstance(artifact, list) and artifact else artifact
    if isinstance(first, Imported):
        return first.uri if field == "uri" else f"{{{first.uri}.{field}}}"
    return f"{{{first.name}.{field}}}" if isinstance(first, Made) else ""
