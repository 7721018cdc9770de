"""What an engine does with a pipeline spec, for given parameter values and given outcomes of its tasks.

The rules and their evidence stand in docs/semantics.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import takewhile
from typing import Any, Literal

from . import conditions
from .evaluation import Artifact, Frame, Imported, Made, Unset, constant, evaluate, is_constant, label
from .flattening import read_graph
from .graph import Condition, Graph, Group, Loop, Task
from .origins import Constant, FinalStatus, Origin, TaskOutput
from .rules import ALWAYS, Upstream, fate, group_state, loop_items, refuse_broken
from .spec import Parameter, PipelineSpec
from .values import bound, fit, in_text

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


def simulate(
    pipeline: Graph | PipelineSpec,
    values: Mapping[str, Any],
    outcomes: Mapping[str, Outcome],
    runtime: Mapping[str, str] | None = None,
) -> Trace:
    """Run a pipeline spec without running anything. To run many scenarios of one spec, keep a `Simulator`.

    A task that fails does so last of all that does not wait for it, which both failure policies, `slow` and `fast`,
    allow; after that only what runs whatever its upstream did starts.

    Args:
        pipeline: any that was read.
        values: values of the parameters by name; defaults fill in the rest.
        outcomes: what the tasks leave, by id; inside a loop by `id[index]`, or by id for all iterations alike.
        runtime: values of what only the engine knows, such as `pipeline_job_uuid`.

    Raises:
        InputError: no engine would start the pipeline (SMX609), or the values do not fit (SMX601 to SMX603).
    """
    return Simulator(pipeline).run(values, outcomes, runtime)


class Simulator:
    """Simulates the runs of one pipeline spec."""

    def __init__(self, pipeline: Graph | PipelineSpec) -> None:
        """Prepare what does not change between runs; errors as for `simulate`."""
        self.graph = read_graph(pipeline) if isinstance(pipeline, PipelineSpec) else pipeline
        refuse_broken(self.graph)
        self._tree = _Tree(self.graph)

    def run(
        self, values: Mapping[str, Any], outcomes: Mapping[str, Outcome], runtime: Mapping[str, str] | None = None
    ) -> Trace:
        """One run; arguments and errors as for `simulate`."""
        run = _Run(self._tree, bound(self.graph.name, self.graph.parameters, values), outcomes, runtime or {})
        run.scope(self._tree.root, {}, always=False, failure=None)
        failed = any(result.state == "failed" for result in run.results.values())
        return Trace(tuple(run.events), tuple(run.decided), "failed" if failed else "succeeded")


# --- what does not change between runs ---


@dataclass(frozen=True, slots=True)
class _Node:
    """A task or group.

    Attributes:
        needs: the tasks and groups beside it that it waits for.
        loops: the loops around it, outermost first.
        condition, loop: its own.
        children: of a group: what is inside, producers first.
    """

    id: str
    needs: tuple[str, ...]
    strategy: str | None
    loops: tuple[str, ...]
    condition: Condition | None
    loop: Loop | None
    task: _Prepared | None
    children: tuple[_Node, ...] = ()


@dataclass(frozen=True, slots=True)
class _Words:
    """Texts, and those among them that change, by index."""

    texts: tuple[str, ...]
    changing: tuple[tuple[int, Origin], ...]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A task with its constants apart from what is evaluated in each run; `fault` says why its constants do not fit."""

    task: Task
    constants: dict[str, Any]
    parameters: tuple[tuple[str, Origin], ...]
    words: _Words
    variables: tuple[str, ...]
    environment: _Words
    after: frozenset[str]
    fault: str


class _Tree:
    """The tasks of a graph inside their groups again."""

    def __init__(self, graph: Graph) -> None:
        self.paths = {task.id: (*task.path, task.id) for task in graph.tasks.values()}
        self.paths |= {group.id: (*group.path, group.id) for group in graph.groups.values()}
        self.looping = {group.id for group in graph.groups.values() if group.loop}
        self.loops = {
            name: tuple(each for each in path[:-1] if each in self.looping) for name, path in self.paths.items()
        }
        members: dict[tuple[str, ...], list[_Node]] = defaultdict(list)
        for task in graph.tasks.values():
            members[task.path].append(self.leaf(task))
        for group in sorted(graph.groups.values(), key=lambda group: len(group.path), reverse=True):
            children = _ordered(members.pop((*group.path, group.id), []))
            members[group.path].append(self.branch(group, children))
        self.root = _ordered(members[()])

    def leaf(self, task: Task) -> _Node:
        condition = next((found for found in task.conditions if found.group == task.id), None)
        needs, loops = self.needs(task), self.loops[task.id]
        return _Node(task.id, needs, task.strategy, loops, condition, None, _prepare(task))

    def branch(self, group: Group, children: tuple[_Node, ...]) -> _Node:
        loops = self.loops[group.id]
        return _Node(group.id, group.depends, group.strategy, loops, group.condition, group.loop, None, children)

    def needs(self, task: Task) -> tuple[str, ...]:
        """What stands beside a task and holds what it waits for; the rest its groups wait for."""
        depth = len(task.path)
        paths = (self.paths[name] for name in task.waits)
        return tuple(dict.fromkeys(path[depth] for path in paths if path[:depth] == task.path))


def _prepare(task: Task) -> _Prepared:
    constants: dict[str, Any] = {}
    fault = ""
    for name, origin in task.parameters.items():
        if isinstance(origin, Constant):
            try:
                constants[name] = _fitted(task.declared.get(name), name, origin.value)
            except ValueError as error:
                fault = fault or str(error)
    return _Prepared(
        task=task,
        constants=constants,
        parameters=tuple((name, each) for name, each in task.parameters.items() if not isinstance(each, Constant)),
        words=_words((*task.command, *task.args)),
        variables=tuple(task.env),
        environment=_words(tuple(task.env.values())),
        after=frozenset(task.waits),
        fault=fault,
    )


def _words(origins: tuple[Origin, ...]) -> _Words:
    texts = tuple(in_text(constant(origin)) if is_constant(origin) else "" for origin in origins)
    changing = ((index, origin) for index, origin in enumerate(origins) if not is_constant(origin))
    return _Words(texts, tuple(changing))


def _fitted(parameter: Parameter | None, name: str, value: Any) -> Any:
    """A value as the input wants it, None if it may be absent.

    Raises:
        ValueError: it does not fit.
    """
    if parameter is None or isinstance(value, Unset) or (value is None and parameter.optional):
        return value
    try:
        return fit(parameter.type, value)
    except ValueError as error:
        raise ValueError(f"its input {name!r}: {error}") from None


def _ordered(nodes: list[_Node]) -> tuple[_Node, ...]:
    """Each node after those it needs, else in the order of the document."""
    missing = [len(node.needs) for node in nodes]
    followers: dict[str, list[int]] = defaultdict(list)
    for index, node in enumerate(nodes):
        for name in node.needs:
            followers[name].append(index)
    ready = [index for index, count in enumerate(missing) if not count]
    ordered = []
    while ready:
        node = nodes[heappop(ready)]
        ordered.append(node)
        for index in followers[node.id]:
            missing[index] -= 1
            if not missing[index]:
                heappush(ready, index)
    return tuple(ordered)


# --- one run ---


@dataclass(frozen=True, slots=True)
class _Result:
    """How a task or group ended; `failure` is the task whose failure came before that, if one did."""

    state: State
    failure: str | None
    outcome: Outcome | None = None
    artifact: Imported | None = None


class _Run:
    """One run; what origins are about."""

    def __init__(
        self, tree: _Tree, values: Mapping[str, Any], outcomes: Mapping[str, Outcome], runtime: Mapping[str, str]
    ) -> None:
        self.tree, self.values, self.outcomes, self.known = tree, values, outcomes, runtime
        self.results: dict[tuple[str, tuple[int, ...]], _Result] = {}
        self.items: dict[tuple[str, tuple[int, ...]], list[Any]] = {}
        self.events: list[Event] = []
        self.decided: list[Decision] = []

    # --- what origins ask for ---

    def parameter(self, name: str) -> Any:
        return self.values.get(name)

    def output(self, origin: TaskOutput, frame: Frame) -> Any:
        iteration = self.iteration(origin.task, frame)
        result = self.results.get((origin.task, iteration))
        if result is None or result.state != "succeeded" or result.outcome is None:
            return None
        if origin.artifact:
            return result.artifact or Made(origin.task, iteration, origin.key)
        unset = Unset(f"{{{label(origin.task, iteration)}.{origin.key}}}")
        return result.outcome.parameters.get(origin.key, unset)

    def item(self, group: str, frame: Frame) -> Any:
        return self.items[group, self.iteration(group, frame)][frame[group]]

    def iterations(self, task: str, frame: Frame) -> tuple[str, int]:
        loop = next(loop for loop in self.tree.loops[task] if loop not in frame)
        return loop, len(self.items.get((loop, self.iteration(loop, frame)), ()))

    def status(self, origin: FinalStatus, frame: Frame) -> Any:
        result = self.results[origin.task, self.iteration(origin.task, frame)]
        message = f"{result.failure} failed" if result.state == "failed" else ""
        return {
            "state": "CANCELLED" if result.state == "not started" else result.state.upper(),
            "pipelineJobResourceName": self.runtime("pipeline_job_resource_name"),
            "pipelineTaskName": origin.task.rpartition("/")[2],
            "error": {"code": 9, "message": message} if message else {},
        }

    def runtime(self, name: str) -> str:
        return self.known.get(name, f"{{{name}}}")

    def iteration(self, name: str, frame: Frame) -> tuple[int, ...]:
        """The indices of the loops around a task or group."""
        if not frame:
            return ()
        return tuple([frame[loop] for loop in takewhile(frame.__contains__, self.tree.loops[name])])

    # --- tasks and groups ---

    def scope(self, nodes: tuple[_Node, ...], frame: Frame, always: bool, failure: str | None) -> None:
        """Run what is in a group, or at top level; `failure` came before it started."""
        for node in nodes:
            self.results[node.id, self.iteration(node.id, frame)] = self.turn(node, frame, always, failure)

    def turn(self, node: _Node, frame: Frame, always: bool, failure: str | None) -> _Result:
        always = always or node.strategy == ALWAYS
        iteration = self.iteration(node.id, frame)
        upstream = [(name, self.results[name, iteration]) for name in node.needs]
        failure = next((result.failure for _, result in upstream if result.failure), failure)
        ended = [Upstream(name, result.state) for name, result in upstream]
        found = fate(node.strategy, always, ended, failure)
        if found is not None:
            return self.leave(node, frame, "skipped" if found[0] == "skipped" else "not started", found[1], failure)
        try:
            if node.condition is not None and not self.holds(node.condition, frame, iteration):
                return self.leave(node, frame, "skipped", f"{node.condition.text} is false", failure)
            if node.task is not None:
                return self.execute(node.task, frame, iteration, failure)
            return self.enter(node, frame, always, failure)
        except ValueError as error:
            return self.fail(node, frame, iteration, str(error))

    def fail(self, node: _Node, frame: Frame, iteration: tuple[int, ...], reason: str) -> _Result:
        """The task or group fails before anything in it starts."""
        name = label(node.id, iteration)
        if node.task is not None:
            self.events.append(Event(node.id, iteration, "failed", reason, after=node.task.after))
        else:
            for child in node.children:
                self.leave(child, frame, "not started", f"not started: {name} failed", name)
        return _Result("failed", name)

    def leave(self, node: _Node, frame: Frame, state: State, reason: str, failure: str | None) -> _Result:
        """The task or group will not run, and nothing inside it."""
        iteration = self.iteration(node.id, frame)
        waiting = [node]
        while waiting:
            each = waiting.pop()
            if each.task is not None:
                self.events.append(Event(each.id, iteration, state, reason, after=each.task.after))
            waiting.extend(reversed(each.children))
        return _Result(state, failure)

    def holds(self, condition: Condition, frame: Frame, iteration: tuple[int, ...]) -> bool:
        """Evaluate a trigger condition.

        Raises:
            ValueError: it has no value.
        """
        values: dict[str, Any] = {}
        try:
            values = {name: evaluate(origin, self, frame) for name, origin in condition.operands.items()}
            if condition.expression is None:
                raise ValueError(f"{condition.text} is no condition that can be read")
            holds = conditions.evaluate(condition.expression, values)
        except ValueError as error:
            self.decided.append(Decision(condition.group, iteration, values, None, str(error)))
            raise
        self.decided.append(Decision(condition.group, iteration, values, holds))
        return holds

    def enter(self, node: _Node, frame: Frame, always: bool, failure: str | None) -> _Result:
        """Run what is in a group, in all its iterations."""
        if node.loop is None:
            self.scope(node.children, frame, always, failure)
            results = [self.results[child.id, self.iteration(child.id, frame)] for child in node.children]
        else:
            results = self.repeat(node, node.loop, frame, always, failure)
        state = group_state("cancelled" if each.state == "not started" else each.state for each in results)
        failure = next((each.failure for each in results if each.failure), failure)
        return _Result("not started" if state == "cancelled" else state, failure)

    def repeat(self, node: _Node, loop: Loop, frame: Frame, always: bool, failure: str | None) -> list[_Result]:
        """Run all iterations of a loop; one that fails keeps its place, so that the limit may stop those that wait."""
        items = loop_items(evaluate(loop.items, self, frame))
        self.items[node.id, self.iteration(node.id, frame)] = items
        results: list[_Result] = []
        failures: list[str] = []
        for index in range(len(items)):
            inner = {**frame, node.id: index}
            if failures and len(failures) >= (loop.parallelism or len(items)):
                reason = f"not started: {failures[0]} failed"
                results.extend(
                    [self.leave(child, inner, "not started", reason, failures[0]) for child in node.children]
                )
                continue
            self.scope(node.children, inner, always, failure)
            ended = [self.results[child.id, self.iteration(child.id, inner)] for child in node.children]
            results.extend(ended)
            failures.extend([each.failure for each in ended if each.failure and each.failure != failure][:1])
        return results

    def execute(self, prepared: _Prepared, frame: Frame, iteration: tuple[int, ...], failure: str | None) -> _Result:
        """What a task does that starts.

        Raises:
            ValueError: an input has no value, or none that fits.
        """
        task, name = prepared.task, label(prepared.task.id, iteration)
        outcome = self.outcomes.get(name) or self.outcomes.get(task.id) or Outcome()
        inputs = self.inputs(prepared, frame)
        words = self.texts(prepared.words, frame)
        environment = dict(zip(prepared.variables, self.texts(prepared.environment, frame), strict=True))
        artifact = Imported(self.text(task.importer.uri, frame)) if task.importer else None
        allowed = 1 + (task.retry.attempts if task.retry else 0)
        attempts = allowed if outcome.failed else min(outcome.faults + 1, allowed)
        reason = "it fails" if outcome.failed or outcome.faults >= allowed else _misfit(task, outcome)
        state: State = "failed" if reason else "succeeded"
        self.events.append(
            Event(task.id, iteration, state, reason, words, inputs, environment, prepared.after, attempts)
        )
        return _Result(state, name if state == "failed" else failure, outcome, artifact)

    def inputs(self, prepared: _Prepared, frame: Frame) -> dict[str, Any]:
        if prepared.fault:
            raise ValueError(prepared.fault)
        task, inputs = prepared.task, dict(prepared.constants)
        for name, origin in prepared.parameters:
            inputs[name] = _fitted(task.declared.get(name), name, evaluate(origin, self, frame))
        for name, origin in task.artifacts.items():
            found = evaluate(origin, self, frame)
            if not found and name not in task.optional:
                raise ValueError(f"its input {name!r} got no artifact")
            inputs[name] = found
        return {name: value for name, value in inputs.items() if value is not None}

    def texts(self, words: _Words, frame: Frame) -> tuple[str, ...]:
        if not words.changing:
            return words.texts
        texts = list(words.texts)
        for index, origin in words.changing:
            texts[index] = self.text(origin, frame)
        return tuple(texts)

    def text(self, origin: Origin, frame: Frame) -> str:
        value = evaluate(origin, self, frame)
        return "" if value is None else in_text(value)


def _misfit(task: Task, outcome: Outcome) -> str:
    """Why what a task leaves does not fit its outputs; "" if it does."""
    for name, value in outcome.parameters.items():
        if value is None:
            return f"the output {name!r} was not written"
        try:
            fit(task.output_parameters.get(name, ""), value)
        except ValueError as error:
            return f"the output {name!r}: {error}"
    return ""


__all__ = [
    "Artifact", "Decision", "Event", "Imported", "Made", "Outcome", "Simulator", "Trace", "Unset", "simulate",
]  # fmt: skip
