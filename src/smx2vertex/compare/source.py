"""Brings a definition to the neutral shape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

from ..sagemaker import steps
from ..sagemaker.definition import (
    MISSING,
    Comparison,
    Condition,
    Definition,
    Membership,
    Step,
)
from ..sagemaker.definition import Not as SourceNot
from ..sagemaker.definition import Or as SourceOr
from ..sagemaker.expressions import (
    ExecutionVariable,
    Expression,
    Join,
    JsonGet,
    Literal,
    LoopReference,
    ParameterReference,
    PropertyReference,
    expressions_in,
    parse,
)
from ..sagemaker.reader import references
from ..sagemaker.steps import Field
from .kinds import BY_TYPE
from .kinds.kind import What
from .kinds.tuning import model_of_trial
from .names import folder, json_path
from .neutral import (
    All,
    AnyOf,
    Compare,
    Execution,
    Fact,
    Guard,
    In,
    Node,
    Not,
    Opaque,
    Param,
    Parameter,
    Part,
    Pipeline,
    Product,
    Repetition,
    Test,
    Unseen,
    address,
    const,
    split_guard,
    template,
)

TYPES = {"String": "str", "Integer": "int", "Float": "float", "Boolean": "bool"}
EXECUTION = {
    "PipelineExecutionId": "execution id",
    "PipelineExecutionArn": "execution name",
    "StartDateTime": "start time",
    "CurrentDateTime": "start time",
}
OPERATORS = {
    "Equals": "==",
    "GreaterThan": ">",
    "GreaterThanOrEqualTo": ">=",
    "LessThan": "<",
    "LessThanOrEqualTo": "<=",
}
MAX_ECHOES = 20
# Data in S3 over HTTPS: https://BUCKET.s3.REGION.amazonaws.com/KEY, or https://s3.REGION.amazonaws.com/BUCKET/KEY.
_HTTPS = r"\Ahttps://(?:([^/]+)\.s3[.-][^/]*amazonaws\.com|s3[.-][^/]*amazonaws\.com/([^/]+))(?=/|\Z)"


def never_starts(node: Node) -> bool:
    """Whether a step waits for both branches of one condition, so that it is always skipped."""
    return any((condition, not outcome) in node.branches for condition, outcome in node.branches)


class SourceReader:
    """Reads the steps of a definition; the modules of `kinds` use it to look things up."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.names = definition.step_names()
        self.steps = {step.name: step for step in definition.all_steps(bodies=True)}
        self.loops = {inner.name: step.name for step in self.steps.values() for inner in step.body}
        self.jobs: dict[str, steps.Processing] = {}  # the processing jobs that were asked so far
        self.loop: str | None = None  # the loop around the step that is being read
        self.branches = self.all_branches()

    def pipeline(self) -> Pipeline:
        nodes = {step.name: self.node(step) for step in self.steps.values()}
        parameters = {
            p.name: Parameter(
                p.name, TYPES[p.type], None if p.default is MISSING else p.default, p.required, p.pointer, p.allowed
            )
            for p in self.definition.parameters.values()
        }
        return Pipeline(self.definition.name, parameters, nodes, self.definition.file)

    def node(self, step: Step) -> Node:
        kind = BY_TYPE.get(step.type)
        name = kind.name if kind is not None else step.type or "no type"
        node = Node(step.name, name, step.pointer, step=step.name, names=(step.name,))
        self.loop = self.loops.get(step.name)
        node.loops = tuple(self.loops_around(step.name))
        node.branches = self.branches[step.name]
        node.guards = tuple(self.guards_of(node.branches))
        node.waits = {name for name in self.dependencies(step) if name in self.names}
        node.after = {name: f"{step.pointer}/DependsOn/{index}" for index, name in enumerate(step.depends_on)}
        if step.type == "Condition":
            node.test = self.test_of(step)
            return node
        if kind is not None and kind.read_step is not None:
            kind.read_step(self, node, step)
        else:
            node.visible = False
        own = {key: value for key, value in step.arguments.items() if key != "ForEachBody"}
        for pointer, expression in expressions_in(own, self.names, f"{step.pointer}/Arguments"):
            node.add(("reference", pointer), self.parts(expression), pointer)
        self.settings(node, step)
        return node

    def settings(self, node: Node, step: Step) -> None:
        if node.visible and step.type not in ("Fail", "ForEach"):
            enabled = step.cache is not None and step.cache.enabled
            node.add(("caching",), ["on" if enabled else "off"], f"{step.pointer}/CacheConfig")
        if step.retries:
            attempts = max(5 if retry.max_attempts is None else retry.max_attempts for retry in step.retries)
            node.add(("retry",), [str(attempts)], step.retries[0].pointer)

    # --- order and branches ---

    def dependencies(self, step: Step) -> list[str]:
        """The steps it waits for by its own fields; waiting for a condition is waiting for what it reads."""
        found = [name for _, name in references(step)]
        for name in step.depends_on:
            other = self.steps.get(name)
            if other is not None and other.type == "Condition":
                found.extend(self.dependencies(other))
            else:
                found.append(name)
        if step.branch:
            found.extend(self.dependencies(self.steps[step.branch.condition]))
        if step.name in self.loops:
            found.append(self.loops[step.name])
        inside = {step.name, *(inner.name for inner in step.body)}
        for inner in step.body:  # a loop waits for what those that it repeats wait for
            found.extend(name for name in self.dependencies(inner) if name not in inside)
        return [name for name in dict.fromkeys(found) if name in self.steps]

    def loops_around(self, name: str) -> Iterator[Repetition]:
        """The loops around a step, outermost first."""
        if name in self.loops:
            loop = self.steps[self.loops[name]]
            yield from self.loops_around(loop.name)
            at_once = steps.for_each(loop, self.names).max_concurrency
            items = template([Product(loop.name, ("items",))])
            place = at_once.pointer if at_once else loop.pointer
            yield Repetition(items, "".join(map(str, self.value(at_once))), place)

    def all_branches(self) -> dict[str, frozenset[tuple[str, bool]]]:
        """The branches around each step and around all that it waits for."""
        around = {step.name: [step.branch.condition] if step.branch else [] for step in self.steps.values()}
        before = {
            name: [*around[name], *self.dependencies(step), *self.depends_on(step)] for name, step in self.steps.items()
        }
        found: dict[str, frozenset[tuple[str, bool]]] = {}
        for name in TopologicalSorter(before).static_order():
            branch = self.steps[name].branch
            own = {(branch.condition, branch.name == "if")} if branch else set()
            found[name] = frozenset(own.union(*(found[other] for other in before[name])))
        return found

    def depends_on(self, step: Step) -> Iterator[str]:
        """What it says of itself that it depends on; a loop, what those say that it repeats."""
        inside = {inner.name for inner in step.body}
        for each in (step, *step.body):
            yield from (name for name in each.depends_on if name in self.steps and name not in inside)

    def guards_of(self, branches: frozenset[tuple[str, bool]]) -> Iterator[Guard]:
        for name, outcome in sorted(branches):
            condition = self.steps[name]
            yield from split_guard(Guard(self.test_of(condition), outcome, name, self.place(condition)))

    def place(self, condition: Step) -> str:
        return f"{condition.pointer}/Arguments/Conditions" + ("/0" if len(condition.conditions) == 1 else "")

    def test_of(self, step: Step) -> Test:
        tests = tuple(self.test(condition) for condition in step.conditions)
        return tests[0] if len(tests) == 1 else All(tests)

    def test(self, condition: Condition) -> Test:
        match condition:
            case Comparison():
                left, right = self.operand(condition.left), self.operand(condition.right)
                return Compare(OPERATORS[condition.type], left, right)
            case Membership():
                return In(self.operand(condition.query), tuple(map(self.operand, condition.values)))
            case SourceNot():
                return Not(self.test(condition.condition))
            case SourceOr(conditions=[only]):
                return self.test(only)
            case SourceOr():
                return AnyOf(tuple(map(self.test, condition.conditions)))
        return Opaque(f"condition at {condition.pointer}")

    def operand(self, expression: Expression) -> Part:
        if isinstance(expression, Literal):
            return const(expression.value)
        parts = template(self.parts(expression))
        if len(parts) != 1:
            return const("".join(map(str, parts)))
        part = parts[0]
        if isinstance(part, Param):
            return Param(part.name)
        return const(part) if isinstance(part, str) else part

    # --- values ---

    def parts(self, expression: Expression, depth: int = 0) -> Iterator[Part]:
        match expression:
            case Literal(value):
                yield value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            case ParameterReference(name):
                parameter = self.definition.parameters.get(name)
                yield Param(name, TYPES[parameter.type] if parameter else "str")
            case ExecutionVariable(name):
                yield self.definition.name if name == "PipelineName" else Execution(EXECUTION.get(name, name))
            case Join(on, values):
                for index, value in enumerate(values):
                    yield on if index else ""
                    yield from self.parts(value, depth)
            case JsonGet():
                yield self.json_value(expression)
            case PropertyReference():
                yield from self.property(expression, depth)
            case LoopReference(_, str(step), path):
                yield from self.property(PropertyReference(step, path), depth)
            case LoopReference(_, None, path) if self.loop is not None:
                yield Product(self.loop, ("item", ".".join(path)))
            case _:
                yield Unseen(str(expression.value))

    def property(self, reference: PropertyReference, depth: int) -> Iterator[Part]:
        step = self.steps.get(reference.step)
        if step is None:
            yield Unseen(f"{reference.pattern} of {reference.step}")
            return
        echoed = _lookup(step.arguments, reference.path)
        what = self.what(step, reference)
        if what is not None:
            yield Product(step.name, what[:2] if what[0] == "output" else what)
            yield self.file(step, reference)
        elif echoed is not None and depth < MAX_ECHOES:
            yield from self.parts(parse(echoed, self.names), depth + 1)
        else:
            yield Product(step.name, ("named", reference.key or reference.path[-1] if reference.path else ""))

    def file(self, step: Step, reference: PropertyReference) -> str:
        """What follows the product in the value of a property: a model is an archive, or a folder."""
        repeated = steps.repeated(step, reference.path)
        if repeated is not None:
            return self.file(self.steps[repeated.property.step], repeated.property)
        what = self.what(step, reference)
        if what is not None and what[0] == "output" and len(what) == 3:
            return f"/{what[2]}"
        if what != ("model",):
            return ""
        return "/model" if steps.training(step, self.names).compression == "NONE" else "/model.tar.gz"

    def what(self, step: Step, reference: PropertyReference) -> What | None:
        kind = BY_TYPE.get(step.type)
        return None if kind is None else kind.step_product(self, step, reference)

    def output_path(self, step: Step, key: str) -> str | None:
        if step.name not in self.jobs:
            self.jobs[step.name] = steps.processing(step, self.names)
        outputs = self.jobs[step.name].outputs
        named = [output for output in outputs if output.name == key]
        counted = [output for index, output in enumerate(outputs) if str(index) == key]
        return next((folder(output.local_path) for output in (*named, *counted) if output.local_path), None)

    def json_value(self, use: JsonGet) -> Part:
        path = json_path(use.path)
        if use.step is not None and use.step in self.steps:
            step = self.steps[use.step]
            found = next((entry for entry in step.property_files if entry.name == use.property_file), None)
            folder = self.output_path(step, found.output) if found else None
            if found is None or folder is None:
                return Product(step.name, ("named", use.path))
            return Product(step.name, ("value", f"{folder}/{found.path}", path))
        if use.uri is not None:
            match template(self.parts(use.uri)):
                case (Product(owner, ("output", folder)), str(file)):
                    return Product(owner, ("value", f"{folder}{file}", path))
        return Unseen(f"JsonGet {use.path}")

    def value(self, field: Field | None) -> list[Part]:
        return [] if field is None else list(self.parts(field.value))

    def known(self, field: Field | None) -> str | None:
        """The text of a field as far as it is known before a run: plain, or the default of a parameter."""
        if field is not None and isinstance(field.value, ParameterReference):
            parameter = self.definition.parameters.get(field.value.name)
            return parameter.default if parameter is not None and isinstance(parameter.default, str) else None
        return None if field is None else field.text

    def note(self, node: Node, key: tuple[str, ...], field: Field | None) -> None:
        if field is not None:
            node.add(key, self.parts(field.value), field.pointer)

    # --- what kinds of steps have in common ---

    def words(self, node: Node, entrypoint: tuple[Field, ...], arguments: tuple[Field, ...]) -> None:
        if entrypoint:
            fields = (*entrypoint, *arguments)
            node.words = tuple(Fact(template(self.parts(field.value)), field.pointer) for field in fields)

    def environment(self, node: Node, environment: dict[str, Field]) -> None:
        for name, field in environment.items():
            self.note(node, ("environment", name), field)

    def resources(self, node: Node, resources: steps.Resources) -> None:
        self.note(node, ("machine",), resources.instance_type)
        self.note(node, ("count",), resources.instance_count)
        self.note(node, ("disk",), resources.volume_gb)
        self.note(node, ("timeout",), resources.max_runtime_s)

    def address_parts(self, field: Field) -> tuple[Part, ...]:
        if field.text is not None:
            return address(template([re.sub(_HTTPS, r"s3://\1\2", field.text)]))
        return address(model_of_trial(self, template(self.parts(field.value))))

    def is_default(self, uri: Field, step: str, output: str) -> bool:
        """Whether it is the address of the execution's own that the SDK writes: `…/EXECUTION/STEP/output/NAME`."""
        parts = template(self.parts(uri.value))
        return parts[-2:] == (Execution("execution id"), f"/{step}/output/{output}")


def _lookup(value: Any, path: tuple[str, ...]) -> Any:
    """The plain value or expression of the request that a property repeats; None if it is no such property."""
    for part in path:
        key = part[1:-1].strip("'\"") if part.startswith("[") else part
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            value = value.get(key) if isinstance(value, dict) else None
    is_plain = isinstance(value, str) or (isinstance(value, dict) and len(value) == 1)
    return value if is_plain else None
