"""What an engine does with a pipeline spec, for given parameter values and given outcomes of its tasks.

The rules and their evidence stand in docs/semantics.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .graph import Graph
from .spec import PipelineSpec

State = Literal["succeeded", "failed", "skipped", "not started"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an executed task leaves; an output parameter that is not given is a text that names task and output.

    Attributes:
        failed: whether it fails, however often it is tried.
        parameters: values of its output parameters by name; None for one that it does not write.
        faults: how many attempts fail before one succeeds.
    """

    failed: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    faults: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """An artifact that a task made: id of the task, in which iteration, and the name of the output."""

    task: str
    iteration: tuple[int, ...]
    output: str


@dataclass(frozen=True, slots=True)
class Imported:
    """An artifact at an address."""

    uri: str


Artifact = Made | Imported


@dataclass(frozen=True, slots=True)
class Decision:
    """A condition that was evaluated: the group or task that carries it, and whether it holds; None if it failed."""

    group: str
    iteration: tuple[int, ...]
    values: Mapping[str, Any]
    holds: bool | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What became of a task.

    Attributes:
        iteration: the indices of the loop items around it, outermost first.
        state: `skipped` where a condition does not hold, by itself or through what it needs; `not started` where
            something that it needs failed.
        reason: why it did not succeed.
        command: of a task that ran: command and arguments as the program receives them; files and the executor input
            stay as the placeholders say.
        inputs: of a task that ran: its inputs by name: values of parameters, artifacts (a list of them from a loop).
        environment: of a task that ran: the variables of its container.
        after: the tasks that it waited for. All that these waited for ended before it, too.
        attempts: how often it was tried.
    """

    task: str
    iteration: tuple[int, ...]
    state: State
    reason: str = ""
    command: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    after: frozenset[str] = frozenset()
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """One run: what became of the tasks in an order in which it can happen, the conditions, and how it ended."""

    events: tuple[Event, ...]
    decisions: tuple[Decision, ...]
    state: Literal["succeeded", "failed"]


def simulate(pipeline: Graph | PipelineSpec, values: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> Trace:
    """Run a pipeline spec without running anything. To run many scenarios of one spec, keep a `Simulator`.

    Args:
        pipeline: any that was read; tasks that wait for each other or for nothing that exists never start.
        values: values of the parameters by name; defaults fill in the rest.
        outcomes: what the tasks leave, by id; inside a loop by `id[index]`, or by id for all iterations alike.

    Raises:
        ValueError: a parameter has no value, or one of another type.
    """
    return Simulator(pipeline).run(values, outcomes)


class Simulator:
    """Simulates the runs of one pipeline spec."""

    def __init__(self, pipeline: Graph | PipelineSpec) -> None:
        """Prepare what does not change between runs."""

    def run(self, values: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> Trace:
        """One run; arguments and errors as for `simulate`."""
        raise NotImplementedError
