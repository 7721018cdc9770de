"""Plans the Vertex pipeline of a definition: the tasks, their order, and what each step offers the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..findings import Finding
from ..mapping.correspondences import Correspondences
from ..mapping.images import ImageChoice, tool
from ..mapping.ledger import MappedField, MappedPipeline, MappedStep
from ..mapping.machines import disk_gb
from ..mapping.regions import default_region
from ..mapping.tables import Verdict, worse
from ..sagemaker import steps
from ..sagemaker.definition import MISSING, Definition, Step
from ..sagemaker.definition import Parameter as SourceParameter
from ..sagemaker.expressions import (
    Expression,
    JsonGet,
    Literal,
    LoopReference,
    ParameterReference,
    PropertyReference,
    as_text,
    bracket_key,
)
from ..sagemaker.steps import Field
from . import conditions, loops
from .builder import Product
from .components import PLANNERS, plan_not_translated, product_key
from .errors import NotTranslated
from .hooks import Hook
from .names import Names, package_name, parameter_identifier, pipeline_name, plain, reads_as_placeholder, snake_case
from .plan import (
    HELPERS,
    Address,
    Branches,
    BucketName,
    CodeFile,
    Collected,
    Item,
    Machine,
    Node,
    Output,
    Parameter,
    PipelineParameter,
    Plain,
    Plan,
    Retry,
    Task,
    Value,
)
from .scopes import BODY, Scope, Scopes
from .uses import Uses, normal
from .values import PYTHON_TYPES, S3_ADDRESS, bucket_parameters, labels, names_aws

# What a task that fails still shares with its step: its name, kind and place in the order.
KEPT_IN_FAILING_TASKS = ("step:Name", "step:Type", "step:DisplayName", "step:Description", "step:DependsOn")


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, with what was found on the way.

    Attributes:
        excluded: the steps that became failing tasks, or nothing at all, with the finding that says why.
        findings: all findings, those of the excluded steps too.
        tasks: the tasks of each step.
    """

    plan: Plan
    excluded: dict[str, Finding]
    findings: list[Finding]
    tasks: dict[str, list[Task]]

    def target(self, step: str, fallback: str) -> str:
        """What a step becomes, in a few words: `train · n2-standard-4`."""
        tasks = self.tasks.get(step, [])
        task = next((task for task in tasks if task.machine is not None), tasks[0] if tasks else None)
        if step in self.excluded:
            return "task that fails and says so" if task is not None else "nothing: it never starts"
        if task is None:
            return fallback
        if task.machine is None:
            return task.component.function
        machine = task.machine.type
        where = f"machine from {machine.name}" if isinstance(machine, Parameter) else str(machine.value)
        changes = task.machine.choice.changes
        changes = f" ({changes})" if changes and isinstance(machine, Plain) else ""
        return f"{task.component.function} · {where}{changes}"

    def machines(self) -> dict[str, Machine]:
        """What the steps run on, by step; those that run on no machine of their own are not among them."""
        return {task.step: task.machine for task in all_tasks(self.plan.body) if task.machine is not None}

    def with_tables(self, mapped: MappedPipeline) -> list[Finding]:
        """The findings of the tables and of the plan; where both speak of one field, the plan's say more."""
        told = {(finding.code, finding.pointer) for finding in self.findings if finding.pointer}
        of_tables = [finding for finding in mapped.findings if (finding.code, finding.pointer) not in told]
        return list(dict.fromkeys([*of_tables, *self.findings]))

    def verdict(self, step: str, verdict: Verdict) -> Verdict:
        """The verdict on a step: that of the tables, or worse if it could not be planned."""
        return worse(verdict, "redesign") if step in self.excluded else verdict

    def settled(self, mapped: MappedPipeline) -> MappedPipeline:
        """What the tables say, now that it is known which steps fail when run; their fields await a redesign."""
        steps = {name: self._settled(step) if name in self.excluded else step for name, step in mapped.steps.items()}
        return replace(mapped, steps=steps)

    def _settled(self, step: MappedStep) -> MappedStep:
        fields = [self._settled_field(step.name, field) for field in step.fields]
        return replace(step, verdict=self.verdict(step.name, step.verdict), fields=fields)

    def _settled_field(self, step: str, field: MappedField) -> MappedField:
        if field.rule.startswith(KEPT_IN_FAILING_TASKS):
            return field
        if worse(field.verdict, "redesign") == field.verdict:
            return field
        reason = f"the step is a task that fails ({self.excluded[step].code})"
        note = f"{reason}; once it is translated: {field.note}" if field.note else reason
        return replace(field, verdict="redesign", note=note)


def plan(
    definition: Definition,
    mapped: MappedPipeline,
    correspondences: Correspondences,
    hooks: Mapping[str, Hook] | None = None,
) -> Planned:
    """Plan the Vertex pipeline of a definition.

    Args:
        definition: a definition without structural faults.
        mapped: what the tables say about it; a step that they block becomes a task that fails.
        correspondences: which bucket, image and machine stands for which.
        hooks: the user's own planners, by step type; they come before ours.

    Raises:
        InputError: a hook fails.
    """
    planner = Planner(definition, mapped, correspondences, hooks or {})
    planner.run()
    findings = list(dict.fromkeys(planner.findings))
    return Planned(planner.plan, planner.excluded, findings, tasks_by_step(planner.plan.body))


class Planner:
    """Plans one pipeline; the functions in `components` and `conditions` use it to look things up.

    Attributes:
        parameters: the planned parameters, by their names in SageMaker.
        evaluators: the tasks of conditions that are no single comparison, or whose Outcome is read.
        helpers: tasks that the step being planned needs before its own.
        items: what the steps of each loop read of its items, by the ForEach step.
        functions: gives out the names of components, tasks and code folders.
    """

    def __init__(
        self,
        definition: Definition,
        mapped: MappedPipeline,
        correspondences: Correspondences,
        hooks: Mapping[str, Hook],
    ) -> None:
        """Prepare; `run` does the work."""
        self.hooks = hooks
        self.definition = definition
        self.mapped = mapped
        self.correspondences = correspondences
        self.names = definition.step_names()
        self.steps = {step.name: step for step in definition.all_steps(bodies=True)}
        self.helpers: list[Task] = []
        self.evaluators: dict[str, tuple[Task, str]] = {}
        self.findings: list[Finding] = []
        self.excluded: dict[str, Finding] = {}
        region = correspondences.region(definition)
        self.plan = Plan(
            source=definition.name,
            package=package_name(definition.name),
            name=pipeline_name(definition.name),
            region=region or default_region(),
        )
        if region is None:
            self.note("SMX249", f"no region that has a counterpart is named: {self.plan.region} is taken", "")
        self._buckets: dict[str, str] = {}
        self._bucket_names = Names()
        self._naming_buckets = bucket_parameters(definition)
        identifiers = _parameter_identifiers(definition.parameters)
        self.parameters = {
            name: self._parameter(parameter, identifiers[name]) for name, parameter in definition.parameters.items()
        }
        self.plan.parameters = sorted(self.parameters.values(), key=lambda parameter: parameter.default is not None)
        taken = [
            *HELPERS,
            *(f"{helper}_helper" for helper in HELPERS),
            self.plan.package,
            *(parameter.name for parameter in self.parameters.values()),
        ]
        self.functions = Names(taken)
        self.uses = Uses(definition)
        self.scopes = Scopes(definition)
        self.items = {
            step.name: loops.item_parts(step, self.names, self.functions)
            for step in self.steps.values()
            if step.type == "ForEach"
        }
        self._products: dict[tuple[str, Any], Product] = {}

    def run(self) -> None:
        """Plan every step and put the tasks in order."""
        nodes: dict[Scope, list[Node]] = defaultdict(list)
        for step in self.scopes.ordered():
            scope = self.scopes.found[step.name]
            self._outcomes(step)
            if scope is None:
                self._never_starts(step)
            elif step.type == "Condition":
                nodes[scope].extend(self._condition(step, nodes, scope))
            elif step.type == "ForEach" and step.type not in self.hooks:
                nodes[scope].extend(self._loop(step, nodes, scope))
            else:
                nodes[scope].extend(self._tasks(step))
            if self.scopes.moved(step) and scope:
                condition, branch = scope[-1]
                message = f"runs in the {branch} branch of {condition!r}, as what it depends on does"
                self.note("SMX305", message, step.pointer, step)
        self.plan.body = nodes[()]
        self._after()

    def _outcomes(self, step: Step) -> None:
        """Plan the evaluators of the conditions whose Outcome a step reads."""
        for name in dict.fromkeys(self.scopes.reads[step.name]):
            if self.steps[name].type == "Condition":
                conditions.plan_evaluator(self, self.steps[name])

    # --- what others look up ---

    def note(self, code: str, message: str, pointer: str, step: Step | None = None) -> None:
        """Add a finding."""
        self.findings.append(Finding(code, message, pointer, None if step is None else step.name, self.definition.file))

    def not_translated(self, step: Step, code: str, message: str, pointer: str) -> NotTranslated:
        """The error that makes a step a task that fails."""
        return NotTranslated(Finding(code, message, pointer, step.name, self.definition.file))

    def refuse_blocked(self, step: Step) -> None:
        """Refuse a step that has no counterpart, whatever else it says.

        Raises:
            NotTranslated: the tables block it, or there is no place for it.
        """
        blocker = self.mapped.steps[step.name].blocker
        if blocker is not None:
            raise NotTranslated(blocker)
        self.refuse_torn(step)

    def refuse_torn(self, step: Step) -> None:
        """As `refuse_blocked`, for a step that has no place."""
        if step.name in self.scopes.torn:
            message = f"{step.name!r} waits, itself or through others, for steps in branches of different conditions"
            raise self.not_translated(step, "SMX332", message, step.pointer)

    def exclude(self, step: Step, error: NotTranslated) -> None:
        """Note that a step has no counterpart; the tables' own findings are known already."""
        if error.finding is not self.mapped.steps[step.name].blocker:
            self.findings.append(error.finding)
        self.excluded[step.name] = error.finding

    def address(self, text: str) -> Address | None:
        """An S3 address as an address in Cloud Storage; None if the text is none."""
        match = S3_ADDRESS.fullmatch(text)
        if match is None or not match[1]:
            return None
        bucket = match[1]
        if bucket not in self._buckets:
            identifier = self._bucket_names.take(snake_case(bucket), "bucket")
            self._buckets[bucket] = identifier
            self.plan.buckets[identifier] = bucket
        return Address(self._buckets[bucket], match[2])

    def image(self, field: Field | None, step: Step) -> str:
        """The identifier of the image that stands for a step's image; registers it."""
        return self._image(field, step, serving=False)

    def serving_image(self, field: Field | None, step: Step) -> str:
        """As `image`, for a container that serves a model."""
        return self._image(field, step, serving=True)

    def tool_image(self, name: str, python: str | None = None) -> str:
        """The identifier of an image with what a verb of the contract needs; registers it."""
        return self._image_name(tool(name, python))

    def _image(self, field: Field | None, step: Step, serving: bool) -> str:
        uri = self.constant(field)
        pointer = field.pointer if field else step.pointer
        if not uri:
            raise self.not_translated(step, "SMX341", "the step names no image that is known before it runs", pointer)
        choice = self.correspondences.image(uri, serving=serving)
        if choice.identifier is None:
            raise self.not_translated(step, choice.code or "SMX341", f"{plain(uri)}: {choice.because}", pointer)
        if choice.code is not None and choice.target is None:
            self.note(choice.code, f"{plain(uri)}: {choice.because}", pointer, step)
        return self._image_name(choice)

    def _image_name(self, choice: ImageChoice) -> str:
        """The identifier of an image; images of the user's that differ only in their registry are told apart."""
        number, identifier = 1, str(choice.identifier)
        while choice.kind == "custom" and self.plan.images.get(identifier, choice).uri != choice.uri:
            number += 1
            identifier = f"{choice.identifier}_{number}"
        self.plan.images.setdefault(identifier, replace(choice, identifier=identifier))
        return identifier

    def algorithm(self, training: steps.Training, step: Step) -> str | None:
        """The built-in algorithm that a Training step runs, if any."""
        if training.program is not None or training.entrypoint:
            return None
        choice = self.correspondences.image(self.constant(training.image) or "", serving=False)
        if choice.kind == "framework" and choice.framework == "xgboost":
            return "xgboost"
        if choice.kind == "framework":
            raise self.not_translated(
                step, "SMX342", f"the {choice.framework} image is given no script to run", step.pointer + "/Arguments"
            )
        return None

    def serving(self, model_step: str, step: Step) -> tuple[str, str | None, str]:
        """How a Transform step serves the model of a step: image, algorithm, inference script."""
        model = steps.model(self.steps[model_step], self.names)
        if len(model.containers) != 1:
            raise self.not_translated(step, "SMX340", "the model has no single container", step.pointer)
        container = model.containers[0]
        image = self.image(container.image, step)
        program = steps.unquoted(container.environment.get("SAGEMAKER_PROGRAM"))
        choice = self.correspondences.image(self.constant(container.image) or "", serving=False)
        if program is None and choice.framework == "xgboost":
            return image, "xgboost", ""
        if program is None and choice.kind != "framework":
            raise self.not_translated(
                step, "SMX343", "the model's own container would have to serve inside a component", step.pointer
            )
        return image, None, program or "inference.py"

    def constant(self, field: Field | None) -> str | None:
        """The text of a field as far as it is known now: plain, or the default of a parameter."""
        if field is None:
            return None
        if isinstance(field.value, ParameterReference):
            default = self.definition.parameters[field.value.name].default
            return default if isinstance(default, str) else None
        return field.text

    def divides(self, distribution: Field | None) -> bool:
        """Whether the objects of an input are divided among the machines."""
        if distribution is not None and isinstance(distribution.value, ParameterReference):
            name = distribution.value.name
            self.note("SMX347", f"{name} is bound when the pipeline is compiled", distribution.pointer)
        return self.constant(distribution) == "ShardedByS3Key"

    def machine(self, resources: steps.Resources, step: Step) -> Machine:
        """The machine of a step."""
        field = resources.instance_type
        instance_type = self.constant(field)
        if not instance_type:
            raise self.not_translated(step, "SMX344", "the step names no instance type", step.pointer + "/Arguments")
        choice = self.correspondences.machine(instance_type)
        pointer = field.pointer if field else step.pointer
        if choice is None:
            raise self.not_translated(step, "SMX243", f"no machine stands for {plain(instance_type)!r}", pointer)
        if "Arm -> x86" in choice.changes:
            self.note("SMX242", f"{instance_type} has an Arm processor, {choice.target.name} has not", pointer, step)
        machine = choice.target
        self.plan.machines[machine.name] = machine
        self.plan.instance_types[instance_type] = machine.name
        type_: Plain | Parameter = Plain(machine.name)
        if field is not None and isinstance(field.value, ParameterReference):
            type_ = Parameter(self.parameters[field.value.name].name)
            self.note("SMX346", f"{field.value.name} names the machine at run time: on Vertex only", pointer, step)
        volume_gb = self.number(resources.volume_gb)
        return Machine(
            type=type_,
            choice=choice,
            pointer=pointer,
            accelerator=machine.accelerator,
            accelerator_count=machine.accelerator_count,
            disk_type=machine.disk_type,
            disk_gb=disk_gb(volume_gb or 0),
            volume_gb=volume_gb,
            timeout_s=self.number(resources.max_runtime_s),
            replicas=self.count(resources),
            spot=resources.spot,
            labels=tuple(labels(step)),
        )

    def number(self, field: Field | None) -> int | None:
        """A whole number as far as it is known now: plain, or the default of a parameter."""
        if field is None:
            return None
        value = field.value.value if isinstance(field.value, Literal) else None
        if isinstance(field.value, ParameterReference):
            value = self.definition.parameters[field.value.name].default
            self.note("SMX347", f"{field.value.name} is bound when the pipeline is compiled", field.pointer)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def count(self, resources: steps.Resources) -> int:
        """The number of instances."""
        return max(1, self.number(resources.instance_count) or 1)

    def add_code(self, folder: str, file: CodeFile) -> None:
        """Note that a file of the user belongs into a step's code folder."""
        self.plan.code.setdefault(folder, []).append(file)

    # --- what steps offer each other ---

    def offer(self, step: Step, key: tuple[str, Any], product: Product) -> None:
        """Note that a task offers something of its step."""
        self._products[step.name, key] = product

    def offered(self, step: str, key: tuple[str, Any]) -> Product | None:
        """What a task offers, if it does."""
        return self._products.get((step, key))

    def product(self, step: Step, reference: Expression) -> Product | Literal:
        """What stands for a reference of a step to another one; a property that only echoes a plain value is it.

        Raises:
            NotTranslated: nothing does.
        """
        if isinstance(reference, JsonGet):
            found = self._json_product(reference)
            what = f"the value at {reference.path!r} of a property file"
        elif isinstance(reference, PropertyReference):
            found = self.offered(reference.step, product_key(reference))
            what = f"{reference.pattern} of {reference.step!r}"
        else:
            found, what = None, f"the expression {plain(str(reference))}"
        if found is not None:
            return found
        if isinstance(reference, PropertyReference):
            echoed = self._echoed(reference)
            if echoed is not None:
                return echoed
        raise self.not_translated(step, "SMX310", f"{plain(what)} has no counterpart", step.pointer)

    def _json_product(self, use: JsonGet) -> Product | None:
        found = normal(use)
        return None if found is None or found.step is None else self.offered(found.step, ("json", found))

    def _echoed(self, reference: PropertyReference) -> Literal | None:
        """A property that only repeats a plain value of the request."""
        value: Any = self.steps[reference.step].arguments
        for part in reference.path:
            key = bracket_key(part) if part.startswith("[") else part
            value = value.get(key) if isinstance(value, dict) else None
        return Literal(value) if isinstance(value, str) else None

    def item(self, step: Step, reference: LoopReference) -> Item:
        """The part of a loop's current item that a step of the loop reads.

        Raises:
            NotTranslated: the step is in no loop, or what it reads is no part of the item.
        """
        loop = self.scopes.loops.get(step.name)
        field = reference.path[0] if reference.path else loops.WHOLE
        if loop is None or reference.step is not None or len(reference.path) > 1:
            what = plain(str(reference.value))
            raise self.not_translated(step, "SMX310", f"{what} has no counterpart", step.pointer)
        parts = self.items[loop]
        return Item(parts.variable, parts.names[field])

    def property_file(self, step: Step, use: JsonGet) -> tuple[str, str] | None:
        """The output and the path inside it of the file that a JsonGet reads."""
        for file in step.property_files:
            if file.name == use.property_file:
                return file.output, file.path
        if use.property_file is not None and "/" in use.property_file:
            output, _, path = use.property_file.partition("/")
            return output, path
        return None

    # --- parameters ---

    def _parameter(self, parameter: SourceParameter, name: str) -> PipelineParameter:
        if name != parameter.name:
            self.note("SMX301", f"parameter {plain(parameter.name)!r} is called {name} here", parameter.pointer)
        type_ = PYTHON_TYPES[parameter.type]
        comment = "" if parameter.allowed is None else f"one of {self._allowed(parameter.allowed)}"
        return PipelineParameter(name, parameter.name, type_, self._default(parameter, type_), plain(comment))

    def _allowed(self, values: Sequence[Any]) -> str:
        """The values that a parameter may have; instance types as the machines that stand for them."""
        texts = (as_text(value) for value in values)
        return ", ".join(dict.fromkeys(self._machine_name(text) or text for text in texts))

    def _machine_name(self, text: str) -> str | None:
        """The machine that stands for an instance type; None for any other text."""
        choice = self.correspondences.machine(text) if text.startswith("ml.") else None
        if choice is None:
            return None
        self.plan.instance_types[text] = choice.target.name
        self.plan.machines[choice.target.name] = choice.target
        return choice.target.name

    def _default(self, parameter: SourceParameter, type_: str) -> Plain | Address | BucketName | None:
        value = parameter.default
        if value is MISSING or value is None:
            return None
        if isinstance(value, str) and names_aws(value):
            self.note("SMX352", f"the default of {parameter.name!r} keeps the text {plain(value)!r}", parameter.pointer)
        if isinstance(value, str) and reads_as_placeholder(value):
            self.note("SMX302", f"the default of {parameter.name!r} is kept as it is", parameter.pointer)
        if parameter.name in self._naming_buckets and isinstance(value, str) and value and "/" not in value:
            address = self.address(f"s3://{value}")
            return Plain(value) if address is None else BucketName(address.bucket)
        try:
            return self._converted(value, type_)
        except (TypeError, ValueError):
            self.note(
                "SMX303", f"the default of {parameter.name!r} is no {parameter.type}: left out", parameter.pointer
            )
            return None

    def _converted(self, value: Any, type_: str) -> Plain | Address:
        if type_ == "str":
            text = as_text(value)
            address = self.address(text)
            machine = self._machine_name(text)
            return Plain(machine) if machine is not None else address or Plain(text)
        if type_ == "bool":
            return Plain({"true": True, "false": False}[as_text(value).lower()])
        number = int(value) if type_ == "int" else float(value)
        if type_ == "int" and abs(number) > 2**53:
            raise ValueError
        return Plain(number)

    # --- tasks ---

    def _tasks(self, step: Step) -> list[Task]:
        """The task of a step, after those that bring its data in."""
        before, self.helpers = self._state(), []
        try:
            task = self._translated(step)
        except NotTranslated as error:
            self.helpers = []
            self.functions, self._products, self.findings, self.plan.code, self.plan.images = before
            self.exclude(step, error)
            task = plan_not_translated(self, step, error)
        for each in (*self.helpers, task):
            self._settings(each, step)
            self.plan.components.append(each.component)
        return [*self.helpers, task]

    def _translated(self, step: Step) -> Task:
        self.refuse_blocked(step)
        if step.type in self.hooks:
            return self.hooks[step.type].plan(self, step)
        if step.type not in PLANNERS:
            message = f"steps of type {plain(step.type or 'none')!r} are not translated yet"
            raise self.not_translated(step, "SMX330", message, step.pointer)
        return PLANNERS[step.type](self, step)

    def _state(
        self,
    ) -> tuple[Names, dict[tuple[str, Any], Product], list[Finding], dict[str, list[CodeFile]], dict[str, ImageChoice]]:
        """What a step that turns out to have no counterpart must leave as it was."""
        code = {folder: list(files) for folder, files in self.plan.code.items()}
        return self.functions.copy(), dict(self._products), list(self.findings), code, dict(self.plan.images)

    def _settings(self, task: Task, step: Step) -> None:
        """Caching, retries, the name people see."""
        translated = step.name not in self.excluded
        task.caching = translated and step.cache is not None and step.cache.enabled
        if translated and step.retries:
            task.retry = Retry(
                attempts=max((retry.max_attempts or 5) for retry in step.retries),
                interval_s=step.retries[0].interval,
                backoff=step.retries[0].backoff,
            )
        name = step.raw.get("DisplayName")
        if isinstance(name, str) and name and not reads_as_placeholder(name):
            task.display_name = plain(name)[:128]

    def _never_starts(self, step: Step) -> None:
        message = (
            f"step {step.name!r} depends on two branches of one condition, or on a step that does: it never starts"
        )
        self.exclude(step, self.not_translated(step, "SMX304", message, step.pointer))

    def _condition(self, step: Step, nodes: dict[Scope, list[Node]], scope: Scope) -> Iterable[Node]:
        """The nodes of a condition step: an evaluator where one comparison is not enough, and the branches."""
        then, otherwise = nodes.pop((*scope, (step.name, "if")), []), nodes.pop((*scope, (step.name, "else")), [])
        evaluator, branches = conditions.plan_condition(self, step)
        if evaluator is not None:
            self.plan.components.append(evaluator.component)
            yield evaluator
        branches.then, branches.otherwise = then, otherwise
        if then or otherwise:
            yield branches
        else:
            self.note("SMX306", "has no step in either branch: nothing depends on its outcome", step.pointer, step)

    def _loop(self, step: Step, nodes: dict[Scope, list[Node]], scope: Scope) -> Iterator[Node]:
        """The nodes of a ForEach step: its items, the loop, and a task that others read its results from."""
        for node in loops.plan_loop(self, step, nodes.pop((*scope, (step.name, BODY)), [])):
            if isinstance(node, Task):
                self._settings(node, step)
                self.plan.components.append(node.component)
            yield node

    def _after(self) -> None:
        """Dependencies that no data carries: DependsOn, and properties whose value was known beforehand."""
        tasks = tasks_by_step(self.plan.body)
        for name, task in ((name, task) for name, several in tasks.items() for task in several):
            reads = {output.task for value in task.inputs.values() if (output := output_of(value)) is not None}
            if reads & {own.variable for own in tasks[name]}:
                continue  # another task of the step waits
            for other in self.scopes.dependencies(self.steps[name]):
                for before in self._last_of(other, tasks):
                    if before.variable not in reads | {*task.after} and self.scopes.holds(other, name):
                        task.after.append(before.variable)

    def _last_of(self, name: str, tasks: dict[str, list[Task]]) -> list[Task]:
        """The tasks with which a step ends: of a loop those inside it, unless one follows it."""
        found = tasks.get(name, [])
        if len(found) == 1 and self.steps[name].body:
            return [task for inner in self.steps[name].body for task in self._last_of(inner.name, tasks)] or found
        return found[-1:]


def _parameter_identifiers(names: Iterable[str]) -> dict[str, str]:
    """The identifiers of parameters by their names; those that are identifiers stay what they are."""
    given = Names()
    others_last = sorted(names, key=lambda name: parameter_identifier(name) != name)
    return {name: given.take(parameter_identifier(name), "parameter", "parameter") for name in others_last}


def output_of(value: Value) -> Output | None:
    """The output of a task that a value is, or is collected from."""
    if isinstance(value, Collected):
        return value.output
    return value if isinstance(value, Output) else None


def tasks_by_step(nodes: Iterable[Node]) -> dict[str, list[Task]]:
    """The tasks of each step, in their order."""
    found: dict[str, list[Task]] = defaultdict(list)
    for task in all_tasks(nodes):
        found[task.step].append(task)
    return dict(found)


def all_tasks(nodes: Iterable[Node]) -> Iterator[Task]:
    """All tasks, those in branches and loops too."""
    for node in nodes:
        if isinstance(node, Task):
            yield node
        elif isinstance(node, Branches):
            yield from all_tasks(node.then)
            yield from all_tasks(node.otherwise)
        else:
            yield from all_tasks(node.body)
