"""ForEach steps: a task that makes the items ready, the loop, and a task for what its copies leave behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..sagemaker import steps
from ..sagemaker.definition import Step
from ..sagemaker.expressions import Literal, LoopReference, PropertyReference, expressions_in, parts
from .builder import Builder, Product
from .components import plan_not_translated, product_key
from .errors import NotTranslated
from .names import Names, snake_case
from .plan import Collected, Loop, Node, Output, Port, Task

if TYPE_CHECKING:
    from .planner import Planner

# Attributes of a loop's item in kfp: `item.name` is the name of the channel, not a part of the item.
_CHANNEL = {
    "channel_type", "from_pipeline_channel", "from_raw_items", "full_name", "is_with_items_loop_argument",
    "items_or_pipeline_channel", "name", "pattern", "pipeline", "task", "task_name", "value",
}  # fmt: skip
WHOLE = ""
COUNTS = {
    "Status": "str",
    "InputItemCount": "int",
    "TotalStepCount": "int",
    "SucceededStepCount": "int",
    "FailedStepCount": "int",
    "StoppedStepCount": "int",
}
_NEVER_OTHERWISE = ("Status", "FailedStepCount", "StoppedStepCount")
LARGEST_CONCURRENCY = 50


@dataclass(frozen=True, slots=True)
class ItemParts:
    """What the steps of a loop read of its items.

    Attributes:
        variable: what holds the current item in pipeline.py.
        names: the name of each part, by the field of the item; `WHOLE` for the item itself.
    """

    variable: str
    names: dict[str, str]


def item_parts(step: Step, names: frozenset[str], functions: Names) -> ItemParts:
    """What the steps of a ForEach read of its items."""
    given = Names(_CHANNEL)
    found: dict[str, str] = {}
    for _, outer in expressions_in(step.arguments.get("ForEachBody"), names):
        for part in parts(outer):
            if isinstance(part, LoopReference) and part.step is None and len(part.path) < 2:
                field = part.path[0] if part.path else WHOLE
                if field not in found:
                    found[field] = given.take(snake_case(field) or "text", "part", "part")
    return ItemParts(functions.take("item", "item"), found or {WHOLE: "text"})


def plan_loop(planner: Planner, step: Step, body: list[Node]) -> Iterable[Node]:
    """The nodes of a ForEach step around the tasks that it repeats."""
    loop = steps.for_each(step, planner.names)
    try:
        task = _items(planner, step, loop)
    except NotTranslated as error:
        planner.exclude(step, error)
        task = plan_not_translated(planner, step, error)
        task.component.outputs.append(Port("items", "OutputPath(list)"))
    yield task
    items = Output(task.variable, "items")
    if body:
        variable = planner.items[step.name].variable
        yield Loop(step.name, variable, items, _parallelism(planner, step, loop), body)
        planner.note("SMX307", "a copy that fails ends the run", step.pointer, step)
    else:
        planner.note("SMX306", "repeats nothing", step.pointer, step)
    if step.name not in planner.excluded:
        yield from _results(planner, step, items, body)


def _items(planner: Planner, step: Step, loop: steps.ForEach) -> Task:
    planner.refuse_blocked(step)
    if loop.items is None:
        raise planner.not_translated(step, "SMX308", "the loop names no items", step.pointer + "/Arguments")
    builder = Builder(planner, step, "python", "loop-items", "ForEach: its items")
    result = builder.output("items", "OutputPath(list)")
    builder.option("step", step.name)
    builder.option("items", last=builder.value_template(loop.items, "items"))
    for field, name in planner.items[step.name].names.items():
        builder.option("part", name, *([field] if field else []))
    builder.option("result", result)
    return builder.task


def _parallelism(planner: Planner, step: Step, loop: steps.ForEach) -> int:
    number = planner.number(loop.max_concurrency)
    if number is None or number < 1:
        planner.note("SMX308", f"runs at most {LARGEST_CONCURRENCY} copies at once", step.pointer, step)
        return LARGEST_CONCURRENCY
    return number


def _results(planner: Planner, step: Step, items: Output, body: list[Node]) -> Iterable[Task]:
    """The task that later steps read from, if any does."""
    uses = planner.uses.of_properties(step.name)
    counts = [use for use in uses if use.pattern in COUNTS]
    picked = _offered(planner, step, steps.selected_by(step, planner.names))
    found = [(use, repeated) for use in uses if (repeated := steps.repeated(step, use.path)) is not None]
    copies = [
        (use, repeated, product)
        for use, repeated in found
        if (product := _offered(planner, step, repeated.property)) and (picked or repeated.copy != "selected")
    ]
    if not counts and not copies:
        return
    builder = Builder(planner, step, "python", "loop-results", "ForEach: its results", "results")
    builder.option("step", step.name)
    builder.option("items", builder.parameter("items", "list", items))
    results = _Results(builder, {})
    for use in counts:
        results.count(use)
    for use, repeated, product in copies:
        results.copy(use, repeated, product)
    if any(repeated.copy == "selected" for _, repeated, _ in copies):
        results.pick()
    reads = {value.output.task for value in builder.task.inputs.values() if isinstance(value, Collected)}
    builder.task.after = [node.variable for node in body if isinstance(node, Task) and node.variable not in reads]
    yield builder.task


def _offered(planner: Planner, step: Step, reference: PropertyReference | None) -> Product | None:
    """What each copy offers of a property, if it does."""
    if reference is None:
        return None
    try:
        product = planner.product(step, reference)
    except NotTranslated:
        return None
    return None if isinstance(product, Literal) else product


@dataclass(frozen=True, slots=True)
class _Results:
    """Builds the task that publishes what the copies of a loop leave behind; `collected` are its inputs."""

    builder: Builder
    collected: dict[str, str]

    def count(self, use: PropertyReference) -> None:
        """Publish one of the numbers of the loop itself."""
        builder = self.builder
        if use.pattern in _NEVER_OTHERWISE:
            message = f"{use.pattern} is read, which is known beforehand where all copies succeeded"
            builder.planner.note("SMX309", message, builder.step.pointer, builder.step)
        name = builder.output(use.pattern, f"OutputPath({COUNTS[use.pattern]})")
        builder.option("count", name, use.pattern)
        product = Product(Output(builder.task.variable, name), COUNTS[use.pattern])
        builder.planner.offer(builder.step, product_key(use), product)

    def copy(self, use: PropertyReference, repeated: steps.Repeated, product: Product) -> None:
        """Publish a property of one of the copies."""
        builder = self.builder
        wanted = f"{product.output.name}_{repeated.copy}"
        is_artifact = product.type == "artifact"
        annotation = f"Output[{product.annotation}]" if is_artifact else f"OutputPath({product.type})"
        name = builder.output(wanted, annotation)
        builder.option("output", name, repeated.copy, self.collect(repeated.property, product))
        offered = Product(Output(builder.task.variable, name), product.type, product.annotation, product.file)
        builder.planner.offer(builder.step, product_key(use), offered)

    def pick(self) -> None:
        """Say which copy is meant by the selected one."""
        builder = self.builder
        reference = steps.selected_by(builder.step, builder.planner.names)
        product = _offered(builder.planner, builder.step, reference)
        assert reference is not None and product is not None
        pick = steps.for_each(builder.step, builder.planner.names).pick or ""
        builder.option("pick", pick, self.collect(reference, product))

    def collect(self, reference: PropertyReference, product: Product) -> str:
        """Take in what all copies give of a property; returns the property's name."""
        builder, name = self.builder, reference.written
        if name not in self.collected:
            wanted, value = product.output.name, Collected(product.output)
            is_artifact = product.type == "artifact"
            port = (
                builder.artifact(wanted, f"list[{product.annotation}]", value)
                if is_artifact
                else builder.parameter(wanted, "list", value)
            )
            builder.option("collected", name, port)
            self.collected[name] = port
        return name
