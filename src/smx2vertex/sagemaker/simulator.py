"""What SageMaker does with a definition, for given parameter values and given outcomes of its steps.

The rules that SageMaker's documents leave open, and what is assumed, stand in docs/semantics.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .definition import MISSING, Definition

State = Literal["succeeded", "failed", "skipped", "not started"]
# A service fault that SageMaker retries; a script that fails is none of them.
USER_CODE = ""
# What the execution variables are, where nobody says otherwise: texts that show where they went.
DEFAULT: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an executed step leaves; what is not given is a text that names the step and the property.

    Attributes:
        failed: whether it fails for good.
        properties: values of its properties by path as a definition writes it, such as `OutputParameters['rows']`.
        files: what stands in its property files, by name of the file and path inside; MISSING where nothing does.
        faults: how many attempts fail before one succeeds, and, in `exception`, with which of SageMaker's exceptions,
            such as `SageMaker.CAPACITY_ERROR`; USER_CODE for a script that exits with an error.
    """

    failed: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    faults: int = 0
    exception: str = USER_CODE


@dataclass(frozen=True, slots=True)
class Event:
    """What became of a step.

    Attributes:
        iteration: the indices of the ForEach items around it, outermost first.
        state: `skipped` where a branch was not taken, by itself or through a step that it needs; `not started` where
            a step that it needs failed.
        reason: why it did not succeed.
        arguments: of a step that ran: its Arguments with plain values in place of all expressions, without the steps
            inside it; parameters keep their type, `Std:Join` gives text.
        decision: of a Condition step that was evaluated: whether the if branch was taken.
        after: the steps that it waited for. All that these waited for ended before it, too.
        attempts: how often it was tried.
    """

    step: str
    iteration: tuple[int, ...]
    state: State
    reason: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    decision: bool | None = None
    after: frozenset[str] = frozenset()
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """One execution: its events in an order in which they can happen, and `succeeded` or `failed`."""

    events: tuple[Event, ...]
    state: Literal["succeeded", "failed"]


def simulate(
    definition: Definition,
    values: Mapping[str, Any],
    outcomes: Mapping[str, Outcome],
    execution: Mapping[str, str] = DEFAULT,
    objects: Mapping[tuple[str, str], Any] | None = None,
) -> Trace:
    """Execute a definition without running anything. To run many scenarios of one definition, keep a `Simulator`.

    Args:
        definition: any that was read; steps that refer to nothing or wait for each other never start.
        values: values of the parameters by name; defaults fill in the rest.
        outcomes: what the steps leave, by name; inside a ForEach by `name[index]`, or by name for all copies alike.
        execution: values of execution variables, such as `PipelineExecutionId`.
        objects: what stands in JSON objects that are read by their address, by address and path inside.

    Raises:
        ValueError: a parameter has no value.
    """
    return Simulator(definition).run(values, outcomes, execution, objects)


class Simulator:
    """Simulates the executions of one definition."""

    def __init__(self, definition: Definition) -> None:
        """Prepare what does not change between executions."""
        self.definition = definition

    def run(
        self,
        values: Mapping[str, Any],
        outcomes: Mapping[str, Outcome],
        execution: Mapping[str, str] = DEFAULT,
        objects: Mapping[tuple[str, str], Any] | None = None,
    ) -> Trace:
        """One execution; arguments and errors as for `simulate`."""
        raise NotImplementedError


__all__ = ["DEFAULT", "MISSING", "Event", "Outcome", "Simulator", "Trace", "simulate"]
