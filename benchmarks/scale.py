"""How the time of a comparison grows with the number of steps.

kfp's compiler takes minutes for thousands of tasks, so large pairs are made without it: a definition and what it was
compiled to are repeated side by side, every step, task, component and executor of a copy under a name of its own. Each
copy waits for the one before it. That both sides of such a pair still mean the same is checked here, too.
"""

from __future__ import annotations

import json
import math
import re
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from smx2vertex.compare import compare
from smx2vertex.kubeflow import spec
from smx2vertex.kubeflow.spec import PipelineSpec
from smx2vertex.sagemaker.definition import Definition
from smx2vertex.sagemaker.reader import loads

Document = dict[str, Any]
COPIES = (2, 8, 33, 83, 167, 333)  # of 6 steps each: about 10, 50, 200, 500, 1,000 and 2,000
SCENARIOS = 33


@dataclass(frozen=True)
class Point:
    """What a comparison of so many steps costs: one scenario, and all that is not a scenario, in milliseconds."""

    steps: int
    scenario: float
    rest: float


@dataclass(frozen=True)
class Pair:
    """A definition and what it was compiled to; `first` and `last` are the steps that a copy starts and ends with."""

    definition: Document
    compiled: Document
    first: str
    last: str

    def repeated(self, copies: int) -> tuple[Definition, PipelineSpec]:
        """So many copies of both sides, one after another."""
        names = set(_steps(self.definition["Steps"]))
        tasks = {step: task for task, step in _tasks(self.compiled["root"]["dag"]["tasks"], self.compiled)}
        steps: list[Document] = []
        compiled: Document = json.loads(json.dumps(self.compiled))
        parts = (compiled["root"]["dag"]["tasks"], compiled["components"], compiled["deploymentSpec"]["executors"])
        own = {name for part in parts for name in part} | set(tasks.values())
        own |= {name for each in compiled["components"].values() for name in each.get("dag", {}).get("tasks", ())}
        originals = json.loads(json.dumps(parts))
        for number in range(1, copies):
            copy = _renamed(self.definition["Steps"], _step_names(names, f"-copy-{number}"))
            before = self.last if number == 1 else f"{self.last}-copy-{number - 1}"
            next(step for step in copy if step["Name"] == f"{self.first}-copy-{number}")["DependsOn"] = [before]
            steps += copy
            for part, original in zip(parts, originals, strict=True):
                part.update(_renamed(original, _task_names(own, f"-copy-{number}"), are_names=True))
            before = tasks[self.last] if number == 1 else f"{tasks[self.last]}-copy-{number - 1}"
            parts[0][f"{tasks[self.first]}-copy-{number}"]["dependentTasks"].append(before)
        definition = {**self.definition, "Steps": [*self.definition["Steps"], *steps]}
        return loads(json.dumps(definition)), spec.loads(json.dumps(compiled))


def _steps(steps: list[Document]) -> list[str]:
    inside = [step["Arguments"].get(key, []) for step in steps for key in ("IfSteps", "ElseSteps")]
    return [*(step["Name"] for step in steps), *(name for each in inside for name in _steps(each))]


def _tasks(tasks: Document, compiled: Document) -> list[tuple[str, str]]:
    """The tasks at top level with the step that their command line names."""
    texts = ((name, json.dumps(task) + json.dumps(_executor(task, compiled))) for name, task in tasks.items())
    found = ((name, re.search(r'"--step=([^"]+)"', text)) for name, text in texts)
    return [(name, match[1]) for name, match in found if match]


def _executor(task: Document, compiled: Document) -> Any:
    label = compiled["components"][task["componentRef"]["name"]].get("executorLabel")
    return compiled["deploymentSpec"]["executors"].get(label)


def _step_names(names: set[str], suffix: str) -> Callable[[str], str]:
    reference = re.compile(rf"\bSteps\.({'|'.join(map(re.escape, sorted(names, key=len, reverse=True)))})(?=[.\[])")
    return lambda text: text + suffix if text in names else reference.sub(rf"Steps.\1{suffix}", text)


def _task_names(names: set[str], suffix: str) -> Callable[[str], str]:
    """Names of tasks, and those places in texts that say which step it is: the option, the folder of its code."""
    place = re.compile(r"--step=[^/]+|gs://.*/code/[0-9a-f]{64}/\w+")
    return lambda text: text + suffix if text in names or place.fullmatch(text) else text


def _renamed(value: Any, name: Callable[[str], str], are_names: bool = False) -> Any:
    """A copy with other texts; the keys of an object are names where it holds tasks, components or executors."""
    match value:
        case dict():
            keys = (name(key) if are_names else key for key in value)
            return {key: _renamed(value[old], name, old == "tasks") for key, old in zip(keys, value, strict=True)}
        case list():
            return [_renamed(inner, name) for inner in value]
        case str():
            return name(value)
    return value


def points(pair: Pair) -> list[Point]:
    """What comparisons cost, from one copy on."""
    return [measured(*pair.repeated(copies), max(3, 80 // copies)) for copies in (1, *COPIES)]


def measured(definition: Definition, compiled: PipelineSpec, repeat: int) -> Point:
    """The least of some measurements: a comparison with many scenarios less one with a single one is that of the rest.

    Raises:
        ValueError: the two are not equivalent, so that all that is measured is how faults are told.
    """
    few, ran_few = _least(definition, compiled, 1, repeat)
    many, ran_many = _least(definition, compiled, SCENARIOS, repeat)
    scenario = (many - few) / (ran_many - ran_few)
    return Point(len(definition.step_names()), scenario * 1e3, (few - scenario) * 1e3)


def _least(definition: Definition, compiled: PipelineSpec, scenarios: int, repeat: int) -> tuple[float, int]:
    """Processor seconds of a comparison, and how many scenarios ran."""
    times = []
    for _ in range(repeat):
        started = time.process_time()
        comparison = compare(definition, compiled, scenarios=scenarios)
        times.append(time.process_time() - started)
    if comparison.behaviour is None or not comparison.equivalent:
        raise ValueError("the copies are not equivalent")
    return min(times), comparison.behaviour.run


def exponent(sizes: Iterable[float], times: Iterable[float]) -> float:
    """The slope of a straight line through the logarithms: 1 where time grows as size does."""
    return statistics.linear_regression([math.log(x) for x in sizes], [math.log(y) for y in times]).slope
