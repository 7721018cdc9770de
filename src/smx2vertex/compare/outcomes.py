"""What steps and tasks leave in a scenario, in the words of each simulator."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..kubeflow.graph import Task
from ..kubeflow.origins import Origin, TaskOutput, origins_in
from ..kubeflow.simulator import Outcome as TaskOutcome
from ..sagemaker.definition import MISSING, Comparison, Condition, Membership, Step
from ..sagemaker.definition import Not as SourceNot
from ..sagemaker.definition import Or as SourceOr
from ..sagemaker.expressions import Expression, JsonGet, PropertyReference, expressions_in, parts
from ..sagemaker.simulator import Outcome as StepOutcome
from ..sagemaker.steps import selected_by
from .alignment import Alignment, main_task
from .commandline import CommandLine
from .copies import SELECTED, Loop, Table, counts, is_of_copies, items_of, picked
from .matching import Matcher
from .neutral import Node, Param, Part, Pipeline, Product, Template, Test
from .scenarios import Scenario, Variable
from .source import SourceReader
from .target import Decision, TargetReader
from .truth import holds, mapped


class Words:
    """Puts what the target says in the words of the definition: steps for tasks, the definition's parameters."""

    def __init__(self, source: Pipeline, alignment: Alignment, matcher: Matcher) -> None:
        """Collect the products that the definition names."""
        self.alignment = alignment
        self.matcher = matcher
        self.parameters = {other: name for name, other in matcher.parameters.items()}
        self.products: dict[str, dict[tuple[str, ...], None]] = defaultdict(dict)
        for node in source.nodes.values():
            for part in node.parts():
                if isinstance(part, Product):
                    self.products[part.owner][part.what] = None

    def part(self, part: Part) -> Part:
        """A value, or what it stands for."""
        if isinstance(part, Param):
            return Param(self.parameters.get(part.name, part.name))
        if not isinstance(part, Product):
            return part
        made = self.alignment.part(part)
        if not isinstance(made, Product) or made.what in self.products[made.owner]:
            return made
        named = self.products[made.owner]
        alike = (what for what in named if self.matcher.product(made.owner, what, made.what) is not None)
        return Product(made.owner, next(alike, made.what))

    def test(self, test: Test) -> Test:
        """A condition."""
        return mapped(test, self.part)


class Readings:
    """The value of what conditions and loops read, in a scenario.

    Attributes:
        copies: what each copy of a loop leaves.
    """

    def __init__(
        self,
        scenario: Scenario,
        usual: Mapping[Variable, Any],
        defaults: Mapping[str, Any],
        loops: Iterable[Loop] = (),
    ) -> None:
        """Keep what is usual, and the parameters' defaults; work out what the copies of the loops leave."""
        self.scenario = scenario
        self.usual = usual
        self.defaults = defaults
        self.of_loops: dict[Part, Any] = {}
        self.copies: dict[Product, list[Any]] = {}
        for loop in loops:
            table = loop.values(self)
            self.of_loops.update(loop.readings(table, self))
            self.copies.update(table)

    def __call__(self, part: Part) -> Any:
        """A value; MISSING where there is none."""
        if part in self.of_loops:
            return self.of_loops[part]
        match part:
            case Param(name):
                return self.scenario.values.get(name, self.defaults.get(name, MISSING))
            case Product():
                return self.scenario.readings.get(part, self.usual.get(part, MISSING))
        return MISSING


class OfSteps:
    """What the steps of a definition leave."""

    def __init__(self, reader: SourceReader, usual: Mapping[Variable, Any], loops: Iterable[Loop] = ()) -> None:
        """Find where the definition reads each product."""
        self.places: dict[Product, dict[tuple[str, str, str], None]] = defaultdict(dict)
        for step in reader.steps.values():
            for outer in (*_operands(step.conditions), *(found for _, found in _expressions(reader, step))):
                for expression in parts(outer):
                    if isinstance(expression, JsonGet | PropertyReference):
                        self.note(reader, expression)
        for loop in loops:
            for reference in loop.properties:
                self.note(reader, reference)
        self.usual = self.grouped({part: value for part, value in usual.items() if isinstance(part, Product)})

    def note(self, reader: SourceReader, expression: JsonGet | PropertyReference) -> None:
        for part in reader.parts(expression):
            if not isinstance(part, Product) or is_of_copies(part):
                continue
            if isinstance(expression, PropertyReference):
                place = (expression.step, "", expression.written)
            else:
                place = (part.owner, expression.property_file or "an address", expression.path)
            self.places[part][place] = None

    def grouped(self, readings: Mapping[Product, Any]) -> dict[str, list[tuple[str, str, Any]]]:
        found: dict[str, list[tuple[str, str, Any]]] = defaultdict(list)
        for product, value in readings.items():
            for step, file, path in self.places.get(product, ()):
                found[step].append((file, path, value))
        return found

    def outcomes(self, scenario: Scenario, copies: Table) -> dict[str, StepOutcome]:
        """The outcomes by step, and by copy of a step."""
        changed = self.grouped(scenario.readings)
        found = {}
        for step in {**self.usual, **changed}:
            values = [*self.usual.get(step, ()), *changed.get(step, ())]
            properties = {path: value for file, path, value in values if not file}
            files = {("" if file == "an address" else file, path): value for file, path, value in values if file}
            found[step] = StepOutcome(properties=properties, files=files)
        if scenario.failing is not None:
            found[scenario.failing] = replace(found.get(scenario.failing, StepOutcome()), failed=True)
        for product, values in copies.items():
            for step, _, path in self.places.get(product, ()):
                usual = found.get(step, StepOutcome())
                for index, value in enumerate(values):
                    name = f"{step}[{index}]"
                    before = found.get(name, usual)
                    found[name] = replace(before, properties={**before.properties, path: value})
        return found


def selectors(reader: SourceReader) -> Iterator[Product]:
    """What decides which copy of a loop is picked."""
    for step in reader.steps.values():
        picked = selected_by(step, reader.names) if step.type == "ForEach" else None
        if picked is not None:
            yield from (part for part in reader.parts(picked) if isinstance(part, Product))


def _expressions(reader: SourceReader, step: Step) -> Iterator[tuple[str, Expression]]:
    own = {key: value for key, value in step.arguments.items() if key not in ("Conditions", "IfSteps", "ElseSteps")}
    yield from expressions_in({**own, "ForEachBody": None}, reader.names)


def _operands(conditions: Iterable[Condition]) -> Iterator[Expression]:
    waiting = list(conditions)
    while waiting:
        match waiting.pop():
            case Comparison(left=left, right=right):
                yield from (left, right)
            case Membership(query=query, values=values):
                yield from (query, *values)
            case SourceNot(condition=inner):
                waiting.append(inner)
            case SourceOr(conditions=several):
                waiting.extend(several)


class OfTasks:
    """What the tasks of a pipeline spec leave."""

    def __init__(
        self, source: Pipeline, tasks: Pipeline, reader: TargetReader, alignment: Alignment, words: Words
    ) -> None:
        """Find what each output of a task is, and which tasks work something out."""
        self.reader = reader
        self.writes: dict[Product, list[tuple[str, str, str]]] = defaultdict(list)
        self.evaluators: dict[str, Test | None] = {}
        self.decisions: dict[str, Decision] = {}
        self.loops: dict[str, Template] = {}
        self.left_by_copies: dict[str, dict[str, Product]] = {}
        self.nodes = tasks.nodes
        self.main = _main_tasks(self.nodes, alignment)
        self.always_failing = set(self.failing_tasks(source))
        for task in reader.graph.tasks.values():
            line = reader.lines.get(task.id)
            if line is not None and line.verb in ("condition", "not-translated"):
                test = reader.evaluated(task.id)
                self.evaluators[task.id] = words.test(test) if test and line.verb == "condition" else None
            decision = reader.decision(task.id)
            if decision is not None:
                self.decisions[task.id] = replace(decision, test=words.test(decision.test))
            if line is not None and line.verb == "loop-items":
                items = self.nodes[task.id].facts.get(("request", "IterableItems"))
                self.loops[task.id] = tuple(map(words.part, items.value)) if items else ()
            if line is not None and line.verb == "loop-results":
                self.left_by_copies[task.id] = dict(self.collected(task, line, words))
            for key, type_ in task.output_parameters.items():
                product = words.part(Product(task.id, reader.what(task.id, key)))
                if isinstance(product, Product):
                    self.writes[product].append((task.id, key, type_))

    def outcomes(self, scenario: Scenario, value: Readings) -> dict[str, TaskOutcome]:
        """The outcomes by task."""
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        failing = set(self.always_failing)
        for product in dict.fromkeys((*value.usual, *scenario.readings)):
            if is_of_copies(product):
                continue
            read = value(product)
            for task, key, type_ in self.writes.get(product, ()) if isinstance(product, Product) else ():
                found[task][key] = None if read is MISSING else as_output(read, type_)
                if read is MISSING:
                    failing.add(task)
        for task, test in self.evaluators.items():
            holding = True if test is None else holds(test, value)
            if holding is None:
                failing.add(task)
            found[task].update({key: self.result(task, key, holding) for key in self.results(task)})
        for task, decision in self.decisions.items():
            holding = holds(decision.test, value)
            if holding is None:
                failing.add(task)
            given = decision.yes if holding else decision.no
            found[task].update(dict.fromkeys(self.reader.graph.tasks[task].output_parameters, given.value))
        for task, template in self.loops.items():
            items = self.items(task, template, value)
            if items is None:
                failing.add(task)
            found[task].update(
                {} if items is None else dict.fromkeys(self.reader.graph.tasks[task].output_parameters, items)
            )
        for task in self.left_by_copies:
            results = self.results_of_loop(task, value)
            if results is None:
                failing.add(task)
            found[task].update(results or {})
        if scenario.failing in self.main:
            failing.add(self.main[scenario.failing])
        outcomes = {task: TaskOutcome(task in failing, found.get(task, {})) for task in {*found, *failing}}
        return {**outcomes, **self.of_copies(outcomes, value.copies)}

    def of_copies(self, outcomes: Mapping[str, TaskOutcome], copies: Table) -> dict[str, TaskOutcome]:
        """What each copy of a task in a loop leaves."""
        found: dict[str, TaskOutcome] = {}
        for product, values in copies.items():
            for task, key, type_ in self.writes.get(product, ()):
                for index, value in enumerate(values):
                    name = f"{task}[{index}]"
                    before = found.get(name, outcomes.get(task, TaskOutcome()))
                    found[name] = replace(before, parameters={**before.parameters, key: as_output(value, type_)})
        return found

    def collected(self, task: Task, line: CommandLine, words: Words) -> Iterator[tuple[str, Product]]:
        """What a task after a loop collects of its copies, by the name of the property."""
        for name, source in (option.fields for option in line.of("collected")):
            if source in task.parameters:  # the others are artifacts, which have no value
                made = map(words.part, self.reader.parts(task.parameters[source]))
                yield from ((name, part) for part in made if isinstance(part, Product))

    def results_of_loop(self, task: str, value: Readings) -> dict[str, Any] | None:
        """What the contract publishes after a loop; None if it fails."""
        line, node = self.reader.lines[task], self.reader.graph.tasks[task]
        number = self.number_of_items(node.parameters.get(line.one("items") or ""), value)
        found = {key: counts(number).get(name) for key, name in (option.fields for option in line.of("count"))}
        values = {name: value.copies.get(part, []) for name, part in self.left_by_copies[task].items()}
        chosen = next((picked(how, values.get(name, [])) for how, name in (o.fields for o in line.of("pick"))), None)
        for key, copy, name in (option.fields for option in line.of("output")):
            index = chosen if copy == SELECTED else int(copy)
            if index is None or index >= number:
                return None
            if key in node.output_parameters and index < len(values.get(name, [])):
                found[key] = as_output(values[name][index], node.output_parameters[key])
        return found

    def number_of_items(self, origin: Origin | None, value: Readings) -> int:
        """How many items the task has made ready whose list this is."""
        makers = [] if origin is None else [each.task for each in origins_in(origin) if isinstance(each, TaskOutput)]
        lists = (self.items(maker, self.loops[maker], value) for maker in makers if maker in self.loops)
        return len(next(lists, None) or ())

    def failing_tasks(self, source: Pipeline) -> Iterator[str]:
        """The tasks that fail by design, or because the contract would refuse an argument.

        One that cannot be looked into is believed to fail if its step does.
        """
        for step, task in self.main.items():
            if source.nodes[step].kind == "fail" and not self.nodes[task].visible:
                yield task
        for task, node in self.nodes.items():
            if node.kind == "fail" or any(key[0] == "unread" for key in node.facts):
                yield task

    def items(self, task: str, template: Template, value: Readings) -> list[dict[str, str]] | None:
        """The items that the contract makes ready for a loop, each with the parts that its tasks read."""
        items = items_of(template, value)
        if items is None:
            return None
        options = [option.fields for option in self.reader.lines[task].of("part")]
        found = [{name: _part_of(item, field) for name, field in options} for item in items]
        return None if any(part is None for item in found for part in item.values()) else found

    def results(self, task: str) -> list[str]:
        """The outputs that tell whether the condition holds; a task that is not translated has one called `result`."""
        outputs = self.reader.graph.tasks[task].output_parameters
        return [key for key in outputs if key == "result" or self.reader.what(task, key)[0] in ("result", "outcome")]

    def result(self, task: str, key: str, holding: bool | None) -> str:
        """As the contract publishes it: JSON for the condition, Python's word for the step's Outcome."""
        return str(holding) if self.reader.what(task, key) == ("outcome",) else json.dumps(bool(holding))


def _main_tasks(nodes: Mapping[str, Node], alignment: Alignment) -> dict[str, str]:
    """By step, the task that runs its program."""
    found = {}
    for entry in alignment.entries.values():
        tasks = [nodes[name] for name in entry.tasks if nodes[name].kind != "importer"]
        if tasks:
            found[entry.step] = main_task(tasks).name
    return found


def _part_of(item: Any, field: str) -> Any:
    """One field of an item, or all of it, as SageMaker writes it; None if it has no such field."""
    if field:
        try:
            entries = json.loads(item) if isinstance(item, str) else item
        except ValueError:
            entries = None
        item = entries.get(field) if isinstance(entries, dict) else None
    return item if item is None or isinstance(item, str) else json.dumps(item)


def as_output(value: Any, type_: str) -> Any:
    """A value as the engine hands on an output parameter of that type."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if type_ == "STRING":
        return value if isinstance(value, str) else json.dumps(value)
    if type_ == "NUMBER_INTEGER" and is_number and float(value).is_integer():
        return int(value)
    if type_ == "NUMBER_DOUBLE" and is_number:
        return float(value)
    return value
