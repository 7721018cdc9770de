"""What an engine does with a pipeline spec: each file in runs/ names one and holds scenarios and the traces expected.

The local executor decides the same about which tasks run.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from smx2vertex.findings import InputError
from smx2vertex.kubeflow.executor import Observer, _runtime, _Scheduler, bind
from smx2vertex.kubeflow.flattening import read_graph
from smx2vertex.kubeflow.graph import Graph
from smx2vertex.kubeflow.simulator import Event, Imported, Made, Outcome, Simulator, simulate
from smx2vertex.kubeflow.spec import PipelineSpec, load, loads
from smx2vertex.kubeflow.tasks import TaskRun, Work

FOLDER = Path(__file__).parent
SPECS = [*sorted((FOLDER / "specs").glob("*.yaml")), *sorted((FOLDER.parent / "kubeflow" / "specs").glob("*.yaml"))]


def scenarios() -> Iterator[Any]:
    for path in sorted((FOLDER / "runs").glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for scenario in document["scenarios"]:
            yield pytest.param(FOLDER.parent / document["spec"], scenario, id=f"{path.stem}: {scenario['about']}")


def label(name: str, iteration: tuple[int, ...]) -> str:
    return name + "".join(f"[{index}]" for index in iteration)


def shown(event: Event) -> str:
    return f"{label(event.task, event.iteration)} {event.state}{': ' if event.reason else ''}{event.reason}"


def plain(value: Any) -> Any:
    """An input as the files write it: an artifact by its address, or by the task and output that made it."""
    match value:
        case Made():
            return value.name
        case Imported(uri):
            return uri
        case list():
            return [plain(item) for item in value]
    return value


@pytest.mark.parametrize(("path", "scenario"), list(scenarios()))
def test_scenario(path: Path, scenario: Any) -> None:
    outcomes = {name: Outcome(**given) for name, given in scenario.get("outcomes", {}).items()}
    trace = simulate(load(path), scenario.get("values", {}), outcomes)
    events = {label(event.task, event.iteration): event for event in trace.events}
    decisions = [f"{label(each.group, each.iteration)}: {str(each.holds).lower()}" for each in trace.decisions]
    assert [shown(event) for event in trace.events] == scenario["trace"]
    assert (trace.state, decisions) == (scenario["state"], scenario["decisions"])
    for name, inputs in scenario.get("inputs", {}).items():
        assert {key: plain(value) for key, value in events[name].inputs.items()} == inputs
    for name, command in scenario.get("commands", {}).items():
        assert list(events[name].command) == command
    for name, attempts in scenario.get("attempts", {}).items():
        assert events[name].attempts == attempts
    for name, after in scenario.get("after", {}).items():
        assert sorted(events[name].after) == after


def one_condition(text: str, type_: str = "STRING") -> PipelineSpec:
    """A pipeline of one task `it` under a condition on the parameter `x`, which may be absent."""
    return loads(f"""
pipelineInfo: {{name: one}}
root:
  inputDefinitions: {{parameters: {{x: {{parameterType: {type_}, isOptional: true}}}}}}
  dag:
    tasks:
      group:
        componentRef: {{name: g}}
        inputs: {{parameters: {{x: {{componentInputParameter: x}}}}}}
        triggerPolicy: {{condition: "{text}"}}
components:
  g:
    inputDefinitions: {{parameters: {{x: {{parameterType: {type_}, isOptional: true}}}}}}
    dag: {{tasks: {{it: {{componentRef: {{name: c}}}}}}}}
  c: {{executorLabel: e}}
deploymentSpec: {{executors: {{e: {{container: {{image: i, command: [true]}}}}}}}}
""")


X = "inputs.parameter_values['x']"


@pytest.mark.parametrize(
    ("condition", "type_", "values", "state"),
    [
        (f"{X} == 'a'", "STRING", {"x": "a"}, "succeeded"),
        (f"{X} == 'a'", "STRING", {"x": "b"}, "skipped"),
        (f"{X} == 'a'", "STRING", {}, "not started"),
        (f"{X} >= 0.7", "STRING", {"x": "0.9"}, "not started"),
        (f"double({X}) >= 0.7", "STRING", {"x": "0.9"}, "succeeded"),
        (f"int({X}) >= 5", "NUMBER_INTEGER", {"x": 5}, "succeeded"),
        (f"{X} == true", "BOOLEAN", {"x": False}, "skipped"),
        (f"{X} == 1", "BOOLEAN", {"x": True}, "not started"),
        (f"!({X} == true) && {X} == false", "BOOLEAN", {"x": False}, "succeeded"),
    ],
)
def test_conditions_without_a_value_fail_the_run(condition: str, type_: str, values: Any, state: str) -> None:
    trace = simulate(one_condition(condition, type_), values, {})
    (event,) = trace.events
    assert event.state == state
    assert trace.state == ("failed" if state == "not started" else "succeeded")
    assert trace.decisions[0].holds is {"succeeded": True, "skipped": False, "not started": None}[state]


def test_what_no_engine_would_start_is_refused() -> None:
    with pytest.raises(InputError) as error:
        simulate(one_condition("x in [1]"), {}, {})
    assert error.value.finding.code == "SMX609"
    with pytest.raises(InputError) as error:
        simulate(one_condition(f"{X} == 'a'"), {"y": 1}, {})
    assert error.value.finding.code == "SMX601"


def test_two_thousand_tasks_take_well_under_a_second() -> None:
    tasks = {
        f"t{i}": {"componentRef": {"name": "c"}, "dependentTasks": [f"t{i - 1}"] if i else []} for i in range(2000)
    }
    executors = {"e": {"container": {"image": "i", "command": ["true"]}}}
    document = {
        "pipelineInfo": {"name": "chain"},
        "root": {"dag": {"tasks": tasks}},
        "components": {"c": {"executorLabel": "e"}},
        "deploymentSpec": {"executors": executors},
    }
    simulator = Simulator(loads(yaml.safe_dump(document)))
    begin = time.perf_counter()
    trace = simulator.run({}, {})
    assert time.perf_counter() - begin < 0.5
    assert [event.state for event in trace.events] == ["succeeded"] * 2000


# --- the local executor decides the same ---


class Rehearsal:
    """Stands for the threads and processes of the executor: what is submitted ends at once, what fails last."""

    def __init__(self, spec: PipelineSpec, outcomes: dict[str, Outcome], folder: Path) -> None:
        self.outcomes = outcomes
        self.folders = SimpleNamespace(run=folder)
        self.runtime = _runtime(spec, folder)
        self.processes = SimpleNamespace(close=lambda: None)
        self.submitted: deque[Any] = deque()
        self.ended: deque[Any] = deque()

    def outcome(self, work: Work) -> Outcome:
        return self.outcomes.get(work.id) or self.outcomes.get(work.id.split("[")[0]) or Outcome()

    def fails(self, work: Work) -> bool:
        outcome = self.outcome(work)
        return outcome.failed or outcome.faults > (work.retry.attempts if work.retry else 0)

    def execute(self, work: Work) -> TaskRun:
        outputs = work.component.output_artifacts
        return TaskRun(
            work.id,
            work.name,
            work.kind,
            "failed" if self.fails(work) else "succeeded",
            parameters=dict(self.outcome(work).parameters),
            artifacts={name: {"name": name, "uri": f"gs://{work.id}/{name}"} for name in outputs},
        )

    # as a pool
    def submit(self, function: Any, item: Any, work: Work) -> None:
        self.submitted.append((self.fails(work), function, item, work))

    def shutdown(self, wait: bool, cancel_futures: bool) -> None:
        pass

    # as a queue
    def put(self, ended: Any) -> None:
        self.ended.append(ended)

    def get(self) -> Any:
        place = next((i for i, (fails, *_) in enumerate(self.submitted) if not fails), 0)
        _, function, item, work = self.submitted[place]
        del self.submitted[place]
        function(item, work)
        return self.ended.popleft()

    def empty(self) -> bool:
        return not self.ended


def rehearsed(spec: PipelineSpec, values: dict[str, Any], outcomes: dict[str, Outcome]) -> dict[str, str]:
    """The tasks and how they end in the local executor."""
    graph = read_graph(spec)
    with TemporaryDirectory() as folder:
        stage: Any = Rehearsal(spec, outcomes, Path(folder))
        scheduler = _Scheduler(spec, graph, stage, Observer(), bind(spec, values), 10_000, {}, None)
        scheduler.pool.shutdown()
        scheduler.pool = scheduler.done = stage
        return {run.id: run.state for run in scheduler.execute().tasks}


TYPED = {
    "STRING": st.sampled_from(["ok", "other", ""]),
    "NUMBER_INTEGER": st.integers(0, 10),
    "NUMBER_DOUBLE": st.sampled_from([0.0, 0.5, 0.7, 0.8, 1.0]),
    "BOOLEAN": st.booleans(),
    "LIST": st.lists(st.integers(0, 3), max_size=4),
    "STRUCT": st.just({}),
}


@st.composite
def outcomes_of(draw: st.DrawFn, graph: Graph) -> dict[str, Outcome]:
    found = {}
    for task in graph.tasks.values():
        for suffix in ("", "[0]", "[2]") if task.loops else ("",):
            parameters = {name: draw(TYPED[type_]) for name, type_ in task.output_parameters.items()}
            faults = draw(st.sampled_from([0, 0, 0, 0, 1, 3]))
            found[task.id + suffix] = Outcome(draw(st.sampled_from([False] * 6 + [True])), parameters, faults)
    return found


@st.composite
def specs(draw: st.DrawFn) -> PipelineSpec:
    """Tasks in groups, with conditions on the parameter `x`, loops and trigger strategies."""
    components: dict[str, Any] = {"leaf": {"executorLabel": "e"}}
    given = {"inputDefinitions": {"parameters": {"x": {"parameterType": "NUMBER_INTEGER"}}}}

    def dag(depth: int) -> Any:
        tasks: dict[str, Any] = {}
        for _ in range(draw(st.integers(1, 4))):
            name = f"t{len(names)}"
            names.append(name)
            task: dict[str, Any] = {"dependentTasks": [each for each in tasks if draw(st.booleans())]}
            kind = draw(st.sampled_from(["leaf", "leaf", "group", "loop"])) if depth < 3 else "leaf"
            if kind == "leaf":
                task["componentRef"] = {"name": "leaf"}
                task["retryPolicy"] = {"maxRetryCount": draw(st.integers(0, 2))}
                if draw(st.integers(0, 5)) == 0:
                    task["triggerPolicy"] = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
            else:
                task |= {
                    "componentRef": {"name": name},
                    "inputs": {"parameters": {"x": {"componentInputParameter": "x"}}},
                }
                components[name] = {**given, "dag": dag(depth + 1)}
            if kind == "group" and draw(st.booleans()):
                text = f"int(inputs.parameter_values['x']) {draw(st.sampled_from(['>=', '<']))} 5"
                task["triggerPolicy"] = {"condition": text}
            if kind == "loop":
                items = json.dumps(list(range(draw(st.integers(0, 3)))))
                task["parameterIterator"] = {"items": {"raw": items}, "itemInput": "item"}
                task["iteratorPolicy"] = {"parallelismLimit": draw(st.integers(1, 3))}
            tasks[name] = task
        return {"tasks": tasks}

    names: list[str] = []
    root = {**given, "dag": dag(0)}
    executors = {"e": {"container": {"image": "i", "command": ["true"]}}}
    document = {"root": root, "components": components, "deploymentSpec": {"executors": executors}}
    return loads(json.dumps(document))


@pytest.mark.parametrize("spec", [load(path) for path in SPECS], ids=lambda spec: Path(spec.file).stem)
@settings(deadline=None)
@given(data=st.data())
def test_the_executor_runs_and_skips_the_same_tasks(spec: PipelineSpec, data: st.DataObject) -> None:
    agree(spec, data)


@settings(deadline=None)
@given(specs(), st.data())
def test_the_executor_agrees_about_any_pipeline(spec: PipelineSpec, data: st.DataObject) -> None:
    agree(spec, data)


def agree(spec: PipelineSpec, data: st.DataObject) -> None:
    graph = read_graph(spec)
    values = {name: data.draw(TYPED[each.type]) for name, each in graph.parameters.items()}
    outcomes = data.draw(outcomes_of(graph))
    trace = simulate(graph, values, outcomes)
    words = {"not started": "cancelled"}
    simulated = {label(each.task, each.iteration): words.get(each.state, each.state) for each in trace.events}
    found = rehearsed(spec, values, outcomes)
    # the executor says nothing of iterations that waited for a place when the run failed
    unsaid = {name for name in simulated if name not in found and simulated[name] == "cancelled" and "[" in name}
    assert {name: state for name, state in simulated.items() if name not in unsaid} == found
