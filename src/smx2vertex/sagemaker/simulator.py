"""What SageMaker does with a definition, for given parameter values and given outcomes of its steps.

The rules that SageMaker's documents leave open, and what is assumed, stand in docs/semantics.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Any, Literal

from .definition import MISSING, Definition, Dependency, Step
from .evaluation import EvaluationError, Filled, evaluate, holds, json_list, prepare, typed
from .expressions import JsonGet, PropertyReference, parts
from .reader import references
from .steps import for_each, repeated, selected_by

State = Literal["succeeded", "failed", "skipped", "not started"]
# A service fault that SageMaker retries; a script that fails is none of them.
USER_CODE = ""
# What the execution variables are, where nobody says otherwise: texts that show where they went.
DEFAULT: Mapping[str, str] = {}
# The arguments that are steps of their own, or about what they leave.
_NOT_ITS_OWN = ("IfSteps", "ElseSteps", "ForEachBody", "Selector")
# SageMaker retries these without a policy too [developer guide, retry policies].
_ALWAYS_RETRIED = ("Step.SERVICE_FAULT", "Step.THROTTLING")
_RETRIES = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an executed step leaves; what is not given is a text that names the step and the property.

    Attributes:
        failed: whether it fails for good.
        properties: values of its properties by path as a definition writes it, such as `OutputParameters['rows']`.
        files: what stands in its property files, by name of the file and path inside; MISSING where nothing does. The
            name is "" for JSON objects that are read by an address made from the step's properties.
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

    A step that fails does so last of all that does not need it: so nothing depends on what SageMaker does with steps
    that have not started when another fails, which no document says.

    Args:
        definition: any that was read; steps that refer to nothing or wait for each other never start.
        values: values of the parameters by name; defaults fill in the rest.
        outcomes: what the steps leave, by name; inside a ForEach by `name[index]`, or by name for all copies alike.
        execution: values of execution variables, such as `PipelineExecutionId`.
        objects: what stands in JSON objects that are read by their address, by address and path inside.

    Raises:
        ValueError: a parameter has no value, or one that is not of its type.
    """
    return Simulator(definition).run(values, outcomes, execution, objects)


class Simulator:
    """Simulates the executions of one definition."""

    def __init__(self, definition: Definition) -> None:
        """Prepare what does not change between executions."""
        self.definition = definition
        self._body = _prepare(definition.steps, definition.step_names(), frozenset())

    def run(
        self,
        values: Mapping[str, Any],
        outcomes: Mapping[str, Outcome],
        execution: Mapping[str, str] = DEFAULT,
        objects: Mapping[tuple[str, str], Any] | None = None,
    ) -> Trace:
        """One execution; arguments and errors as for `simulate`."""
        scenario = _Scenario(self._bind(values), outcomes, execution, objects or {})
        _run(self._body, _Scope(scenario))
        failed = any(event.state == "failed" for event in scenario.events)
        return Trace(tuple(scenario.events), "failed" if failed else "succeeded")

    def _bind(self, values: Mapping[str, Any]) -> dict[str, Any]:
        bound = {}
        for name, parameter in self.definition.parameters.items():
            value = values.get(name, parameter.default)
            if value is MISSING:
                raise ValueError(f"the parameter {name!r} has no value")
            bound[name] = typed(parameter, value)
        return bound


# --- what does not change between executions ---


@dataclass(frozen=True, slots=True)
class _Need:
    """A step that must have ended in a certain way before another starts."""

    step: str
    trigger: str = "Completed"


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A step with what it needs; `body` are the steps that a ForEach repeats, `never` says why it cannot start."""

    step: Step
    needs: tuple[_Need, ...]
    after: frozenset[str]
    arguments: Filled
    body: tuple[_Prepared, ...] = ()
    never: str = ""


def _prepare(steps: Iterable[Step], names: frozenset[str], around: frozenset[str]) -> tuple[_Prepared, ...]:
    """The steps of one scope, those of branches too, producers first; `around` are those that all of them wait for."""
    found = list(_with_branches(steps))
    beside = {step.name for step in found}
    prepared = [_prepare_step(step, names, beside, around) for step in found]
    ordered = _ordered(prepared, beside)
    late = [replace(each, never="it waits for itself") for each in prepared if each.step.pointer not in ordered]
    return (*ordered.values(), *late)


def _with_branches(steps: Iterable[Step]) -> Iterator[Step]:
    waiting = list(reversed(list(steps)))
    while waiting:
        step = waiting.pop()
        yield step
        waiting.extend(reversed(step.children))


def _prepare_step(step: Step, names: frozenset[str], beside: set[str], around: frozenset[str]) -> _Prepared:
    needs = list(dict.fromkeys(_needs(step)))
    unknown = next((need.step for need in needs if need.step not in beside and need.step not in around), None)
    after = frozenset(need.step for need in needs if need.step in beside) | around
    inside = _prepare(step.body, names, after) if step.body else ()
    arguments = {key: value for key, value in step.arguments.items() if key not in _NOT_ITS_OWN}
    return _Prepared(
        step=step,
        needs=tuple(need for need in needs if need.step in beside),
        after=after.union(each.step.name for each in inside),
        arguments=prepare(arguments, names),
        body=inside,
        never="" if unknown is None else f"{unknown} is no step that it can wait for",
    )


def _needs(step: Step) -> Iterator[_Need]:
    if step.branch is not None:
        yield _Need(step.branch.condition)
    for _, name in references(step):
        yield _Need(name)
    inside = {inner.name for inner in _with_branches(step.body)}
    for dependency in _dependencies(step):
        if dependency.step not in inside:
            yield _Need(dependency.step, dependency.trigger)


def _dependencies(step: Step) -> Iterator[Dependency]:
    """The dependencies of a step; a ForEach waits for what the steps that it repeats depend on."""
    yield from step.dependencies
    for inner in _with_branches(step.body):
        yield from _dependencies(inner)


def _ordered(steps: list[_Prepared], beside: set[str]) -> dict[str, _Prepared]:
    """By pointer: each step after those it needs, else in the order of the document; without those of a cycle."""
    waiting = {each.step.pointer: {need.step for need in each.needs} for each in steps}
    followers: dict[str, list[int]] = defaultdict(list)
    for index, each in enumerate(steps):
        for name in waiting[each.step.pointer]:
            followers[name].append(index)
    ready = [index for index, each in enumerate(steps) if not waiting[each.step.pointer]]
    ordered: dict[str, _Prepared] = {}
    while ready:
        each = steps[heappop(ready)]
        ordered[each.step.pointer] = each
        for index in followers.pop(each.step.name, ()):
            left = waiting[steps[index].step.pointer]
            left.discard(each.step.name)
            if not left:
                heappush(ready, index)
    return ordered


# --- one execution ---


@dataclass(frozen=True, slots=True)
class _Scenario:
    values: Mapping[str, Any]
    outcomes: Mapping[str, Outcome]
    variables: Mapping[str, str]
    objects: Mapping[tuple[str, str], Any]
    events: list[Event] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Result:
    """What is known of a step that came to its turn; `copies` are the scopes of a ForEach's items."""

    step: Step
    state: State
    label: str
    outcome: Outcome = Outcome()
    decision: bool | None = None
    copies: tuple[_Scope, ...] = ()


@dataclass(slots=True)
class _Scope:
    """The steps at top level, or those of one copy of a ForEach's body; what its expressions are about."""

    scenario: _Scenario
    outer: _Scope | None = None
    iteration: tuple[int, ...] = ()
    current: Any = None
    results: dict[str, _Result] = field(default_factory=dict)

    def result(self, name: str) -> _Result:
        """What became of a step of this scope or one around it."""
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.results:
                return scope.results[name]
            scope = scope.outer
        raise EvaluationError(f"{name} is no step that can be read from here")

    def parameter(self, name: str) -> Any:
        return self.scenario.values.get(name)

    def execution(self, name: str) -> Any:
        return self.scenario.variables.get(name, f"{{Execution.{name}}}")

    def property(self, reference: PropertyReference) -> Any:
        return _property(self.result(reference.step), reference)

    def json(self, expression: JsonGet, uri: str | None) -> Any:
        if uri is not None:
            return self.object(expression, uri)
        result = self.result(expression.step or "")
        if all(file.name != expression.property_file for file in result.step.property_files):
            raise EvaluationError(f"{result.label} has no property file {expression.property_file!r}")
        key = (expression.property_file or "", expression.path)
        return result.outcome.files.get(key, f"{{{expression.path} in {key[0]} of {result.label}}}")

    def object(self, expression: JsonGet, uri: str) -> Any:
        """What stands in a JSON object that is read by its address."""
        if (uri, expression.path) in self.scenario.objects:
            return self.scenario.objects[uri, expression.path]
        unknown = f"{{{expression.path} in {uri}}}"
        step = next((part.step for part in parts(expression) if isinstance(part, PropertyReference)), None)
        return unknown if step is None else self.result(step).outcome.files.get(("", expression.path), unknown)

    def item(self) -> Any:
        return self.current


def _property(result: _Result, reference: PropertyReference) -> Any:
    if reference.written in result.outcome.properties:
        return result.outcome.properties[reference.written]
    if result.step.type == "Condition" and reference.path == ("Outcome",):
        return str(result.decision)
    if result.step.type == "ForEach":
        return _property_of_loop(result, reference)
    return f"{{{result.label}.{reference.written}}}"


def _property_of_loop(result: _Result, reference: PropertyReference) -> Any:
    total = len(result.copies)
    counts = {"InputItemCount": total, "TotalStepCount": total, "SucceededStepCount": total}
    counts |= {"FailedStepCount": 0, "StoppedStepCount": 0}  # nothing reads them where a copy failed
    about = repeated(result.step, reference.path)
    if about is not None:
        return _copy(result, about.copy).property(about.property)
    return counts.get(reference.written, f"{{{result.label}.{reference.written}}}")


def _copy(result: _Result, which: str) -> _Scope:
    """The copy with that index, or the one that the selector picks: of equal ones the first."""
    copies, by = result.copies, selected_by(result.step)
    if which != "selected":
        if int(which) >= len(copies):
            raise EvaluationError(f"{result.label} has {len(copies)} copies, and none with the index {which}")
        return copies[int(which)]
    try:
        numbers = [float(evaluate(by, copy)) for copy in copies if by is not None]
    except (TypeError, ValueError):
        numbers = []
    if not numbers:
        raise EvaluationError(f"{result.label} cannot select one of its {len(copies)} copies")
    best = max(numbers) if for_each(result.step).pick == "MaxBy" else min(numbers)
    return copies[numbers.index(best)]


def _run(steps: tuple[_Prepared, ...], scope: _Scope) -> None:
    for prepared in steps:
        _take_turn(prepared, scope)


def _take_turn(prepared: _Prepared, scope: _Scope) -> None:
    """Execute a step, or say why it does not run."""
    step = prepared.step
    fate, reason = _fate(prepared, scope)
    label = step.name + "".join(f"[{index}]" for index in scope.iteration)
    if fate is not None:
        _leave(prepared, scope, fate, reason)
        scope.results.setdefault(step.name, _Result(step, fate, label))
        return
    event, result = _execute(prepared, scope, label)
    scope.results.setdefault(step.name, result)
    scope.scenario.events.append(event)


def _execute(prepared: _Prepared, scope: _Scope, label: str) -> tuple[Event, _Result]:
    """What a step does that starts."""
    step, outcomes = prepared.step, scope.scenario.outcomes
    outcome = outcomes.get(label) or outcomes.get(step.name) or Outcome()
    attempts, state, reason = _tried(step, outcome)
    arguments: Mapping[str, Any] = {}
    decision: bool | None = None
    copies: tuple[_Scope, ...] = ()
    try:
        arguments = prepared.arguments.evaluate(scope)
        if state == "succeeded" and step.type == "Condition":
            decision = holds(step.conditions, scope)
        elif state == "succeeded" and step.type == "ForEach":
            copies = _repeat(prepared, scope)
            state, reason = _together(copies)
        elif step.type == "Fail":
            state, reason = "failed", str(arguments.get("ErrorMessage", ""))
    except EvaluationError as error:
        state, reason, attempts = "failed", str(error), 0
    if state == "failed" and not copies:
        for inner in prepared.body:
            _leave(inner, scope, "not started", f"{label} failed")
    event = Event(step.name, scope.iteration, state, reason, arguments, decision, prepared.after, attempts)
    return event, _Result(step, state, label, outcome, decision, copies)


def _together(copies: tuple[_Scope, ...]) -> tuple[State, str]:
    """How a ForEach ends, and why."""
    failed = [result.label for copy in copies for result in copy.results.values() if result.state == "failed"]
    return ("failed", f"{failed[0]} failed") if failed else ("succeeded", "")


def _fate(prepared: _Prepared, scope: _Scope) -> tuple[State | None, str]:
    """What becomes of a step that does not run, and why; None for one that does."""
    if prepared.never:
        return "not started", prepared.never
    skipped = ""
    branch = prepared.step.branch
    for need in prepared.needs:
        result = scope.results[need.step]
        state = result.state
        if state == "not started" or (state == "failed" and need.trigger not in ("Failed", "Any")):
            return "not started", f"{result.label} {'failed' if state == 'failed' else 'was not started'}"
        if state == "skipped":
            skipped = skipped or f"{result.label} was skipped"
        elif state == "succeeded" and need.trigger in ("Failed", "Stopped"):
            skipped = skipped or f"{result.label} succeeded"
        elif branch is not None and branch.condition == need.step and result.decision is not (branch.name == "if"):
            skipped = skipped or f"{result.label} took the other branch"
    return ("skipped", skipped) if skipped else (None, "")


def _leave(prepared: _Prepared, scope: _Scope, state: State, reason: str) -> None:
    """The step will not run, and nothing that it repeats."""
    waiting = [prepared]
    while waiting:
        each = waiting.pop()
        scope.scenario.events.append(Event(each.step.name, scope.iteration, state, reason, after=each.after))
        waiting.extend(reversed(each.body))


def _tried(step: Step, outcome: Outcome) -> tuple[int, State, str]:
    """How often a step is tried, how it ends, and why."""
    if outcome.failed:
        return 1, "failed", "it fails"
    allowed = _retries(step, outcome)
    if outcome.faults > allowed:
        return allowed + 1, "failed", f"attempt {allowed + 1} fails: {outcome.exception or 'the program fails'}"
    return outcome.faults + 1, "succeeded", ""


def _retries(step: Step, outcome: Outcome) -> int:
    """How often SageMaker tries a step again that fails in this way."""
    policy = next((each for each in step.retries if outcome.exception in each.exceptions), None)
    if policy is None or outcome.exception == USER_CODE:
        return outcome.faults if outcome.exception in _ALWAYS_RETRIED else 0
    if policy.max_attempts is not None or policy.expire_after is None:
        return _RETRIES if policy.max_attempts is None else policy.max_attempts
    waited, retries = policy.interval, 0
    while waited <= policy.expire_after * 60 and retries < outcome.faults:
        retries += 1
        waited += policy.interval * policy.backoff**retries
    return retries


def _repeat(prepared: _Prepared, scope: _Scope) -> tuple[_Scope, ...]:
    """The copies of what a ForEach repeats, all executed: one that fails does not stop the others."""
    items = for_each(prepared.step).items
    copies = []
    for index, item in enumerate(json_list(evaluate(items.value, scope)) if items is not None else ()):
        copy = _Scope(scope.scenario, scope, (*scope.iteration, index), item)
        _run(prepared.body, copy)
        copies.append(copy)
    return tuple(copies)


__all__ = ["DEFAULT", "MISSING", "USER_CODE", "Event", "Outcome", "Simulator", "Trace", "simulate"]
