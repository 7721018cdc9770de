"""Brings the graph of a pipeline spec to the neutral shape; references name tasks until the alignment is known."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..contract.grammar import Placeholder, fields_of
from ..contract.grammar import Template as Encoded
from ..kubeflow import conditions as cel
from ..kubeflow import origins
from ..kubeflow.graph import Condition, Graph, Task
from .commandline import KNOWN_VERBS, CommandLine, read_command_line
from .kinds import BY_VERB
from .names import folder, plain, words_of
from .neutral import (
    BY_ENGINE,
    TURNED,
    All,
    AnyOf,
    Compare,
    Const,
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
    Template,
    Test,
    Unseen,
    address,
    const,
    split_guard,
    template,
)
from .programs import Program, read_program

TYPES = {"STRING": "str", "NUMBER_INTEGER": "int", "NUMBER_DOUBLE": "float", "BOOLEAN": "bool"}
# Type names of pipelines compiled before parameterType existed.
TYPES |= {"INT": "int", "DOUBLE": "float"}
PREBUILT = {
    "model_upload": "register",
    "batch_prediction_job": "transform",
    "hyperparameter_tuning_job": "tuning",
    "create_endpoint": "endpoint",
    "deploy_model": "endpoint",
}
RUNTIME = {
    "pipeline_job_uuid": "execution id",
    "pipeline_job_name": "execution id",
    "pipeline_job_resource_name": "execution name",
    "pipeline_job_create_time_utc": "start time",
}
# Where a generated project keeps the code of a step.
CODE_ADDRESS = re.compile(r".*/code/[0-9a-f]{64}/([A-Za-z0-9_-]+)/?")
OPERATORS: dict[type[ast.cmpop], str] = {ast.Eq: "==", ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}


def read_target(graph: Graph, file: str | None = None) -> Pipeline:
    """A pipeline spec as nodes, one for each task, importers too."""
    return TargetReader(graph, file).pipeline()


class TargetReader:
    """Reads the tasks of a pipeline spec."""

    def __init__(self, graph: Graph, file: str | None) -> None:
        self.graph = graph
        self.file = file
        self.lines = {task.id: line for task in graph.tasks.values() if (line := _command_line(task)) is not None}
        self.loops = {loop.group: loop.items for task in graph.tasks.values() for loop in task.loops}
        self.guards: dict[tuple[str, str], tuple[Guard, ...]] = {}
        self.programs = {task.id: found for task in graph.tasks.values() if (found := _program(task)) is not None}
        importers = [task.importer for task in graph.tasks.values() if task.importer]
        uris = [importer.uri.value for importer in importers if isinstance(importer.uri, origins.Constant)]
        self.keeps_code = any(CODE_ADDRESS.fullmatch(str(uri)) for uri in uris)

    def pipeline(self) -> Pipeline:
        parameters = {
            p.name: Parameter(
                p.name, TYPES.get(p.type, p.type.lower()), p.default, p.required,
                f"root.inputDefinitions.parameters.{p.name}",
            )
            for p in self.graph.parameters.values()
        }  # fmt: skip
        nodes = {task.id: self.node(task) for task in self.graph.tasks.values()}
        return Pipeline(self.graph.name, parameters, nodes, self.file)

    def node(self, task: Task) -> Node:
        line = self.lines.get(task.id)
        node = Node(task.id, _kind(task), task.at, label=task.display_name or task.name)
        names = (task.name, task.display_name, task.component.removeprefix("comp-"))
        node.names = tuple(dict.fromkeys(name for name in names if name))
        node.guards = tuple(guard for condition in task.conditions for guard in self.guards_of(condition))
        node.loops = tuple(
            Repetition(template(self.parts(loop.items)), str(loop.parallelism or "any number"), loop.group)
            for loop in task.loops
        )
        node.waits = set(task.waits)
        # The compiler makes a whole group wait for what one task in it waits for outside.
        beside = [name for name in task.after if self.graph.tasks[name].path == task.path]
        node.after = dict.fromkeys(beside, task.at)
        taken = {origin.task for origin in task.artifacts.values() if isinstance(origin, origins.TaskOutput)}
        node.imports = {name for name in taken if name in self.graph.tasks and self.graph.tasks[name].importer}
        if line is not None:
            node.kind = kind_of(line.verb)
            node.step = line.one("step") or None
            node.visible = line.verb != "package-model"
        else:
            node.visible = False
        if line is not None and node.visible:
            ContractReader(self, task, line, node).read()
        else:
            self.read_opaque(node, task)
        self.settings(node, task)
        operands = (origin for condition in task.conditions for origin in condition.operands.values())
        node.asked = {origin.task for origin in operands if isinstance(origin, origins.TaskOutput)}
        return node

    def settings(self, node: Node, task: Task) -> None:
        if node.kind != "importer":
            node.add(("caching",), ["on" if task.caching else "off"])
            node.add(("retry",), [str(task.retry.attempts)] if task.retry else [])
        if task.image is not None and not task.prebuilt:
            node.add(("image",), self.parts(task.image))
        machine = task.machine
        for key, origin in (
            ("machine", machine.machine_type),
            ("disk", machine.disk_gb),
            ("count", machine.replicas),
            ("accelerator", machine.accelerator_type),
            ("timeout", machine.timeout),
            ("cpu", machine.cpu_limit),
            ("memory", machine.memory_limit),
        ):
            if origin is not None:
                node.add((key,), self.parts(origin))
        if task.strategy == "ALL_UPSTREAM_TASKS_COMPLETED":
            node.add(("whatever happened",), [])

    def read_opaque(self, node: Node, task: Task) -> None:
        """Of a program that we do not know: what reaches it, by the names of the inputs."""
        places = {name: task.job[name] for name in ("base_output_directory",) if name in task.job}
        for name, origin in {**task.parameters, **task.artifacts, **places}.items():
            if not (isinstance(origin, origins.Constant) and origin.value in (None, "", [], {})):
                node.add(("value", task.id, name), self.parts(origin), f"{task.at}.inputs")
        for index, word in enumerate((*task.command, *task.args)):
            if isinstance(word, origins.Constant) and not task.prebuilt:
                node.add(("value", task.id, f"word {index}"), self.parts(word))
        for name, origin in task.env.items():
            node.add(("value", task.id, name), self.parts(origin))
        node.makes = {**task.output_artifacts, **dict.fromkeys(task.output_parameters, "")}
        if task.id in self.programs:
            node.programs = {task.id: self.programs[task.id]}
        decision = self.decision(task.id)
        if decision is not None:
            node.kind, node.test = "condition", decision.test
        node.guess = _guess(task, node)

    # --- values ---

    def parts(self, origin: origins.Origin, format: str = "str") -> Iterator[Part]:
        match origin:
            case origins.Constant(value):
                yield formatted(value, format)
            case origins.PipelineParameter(name):
                yield Param(name, format)
            case origins.TaskOutput(task, key):
                yield from self.output(task, key)
            case origins.ArtifactField(artifact, _):
                yield from self.parts(artifact)
            case origins.Text(parts):
                for part in parts:
                    yield from self.parts(part, BY_ENGINE)
            case origins.LoopItem(group, part):
                yield self.item(group, part)
            case origins.Collected(of):
                yield from self.parts(of, format)
            case origins.Runtime(name):
                yield Execution(RUNTIME.get(name, name))
            case origins.Items(items):
                for item in items:
                    yield from self.parts(item)
            case origins.Entries(entries):
                for _, item in entries:
                    yield from self.parts(item)
            case _:
                yield Unseen(type(origin).__name__)

    def item(self, group: str, part: str | None) -> Part:
        """A part of the current item of a loop: which field it is, the task that makes the items ready knows."""
        items = self.loops.get(group)
        line = self.lines.get(items.task) if isinstance(items, origins.TaskOutput) else None
        fields = {} if line is None else {option.fields[0]: option.fields[1] for option in line.of("part")}
        if isinstance(items, origins.TaskOutput) and part in fields:
            return Product(items.task, ("item", fields[part]))
        if isinstance(items, origins.TaskOutput) and line is not None and line.verb == "not-translated":
            return Product(items.task, ("named", part or "item"))
        return Unseen(f"item of {group}")

    def output(self, task_id: str, key: str) -> Iterator[Part]:
        task = self.graph.tasks.get(task_id)
        if task is not None and task.importer is not None:
            yield from address(template(self.parts(task.importer.uri)))
        else:
            yield Product(task_id, self.what(task_id, key))

    def what(self, task: str, key: str) -> tuple[str, ...]:
        """What an output of a task is, if the command line tells."""
        line = self.lines.get(task)
        if line is None:
            return ("named", key)
        kind = BY_VERB.get(line.verb)
        found = None if kind is None else kind.task_product(line, key)
        if found is not None:
            return found
        is_opaque = line.verb in ("not-translated", "package-model") or line.unread
        return ("named" if is_opaque else "unpublished", key)

    # --- conditions ---

    def guards_of(self, condition: Condition) -> tuple[Guard, ...]:
        """The conditions that a trigger stands for, those of evaluator tasks put in the place of their results."""
        place = (condition.group, condition.text)
        if place not in self.guards:
            if condition.expression is None:
                test: Test = Opaque(condition.text)
            else:
                test = self.test(condition.expression, condition)
            guard = Guard(test, True, None, f"{condition.group} ({condition.text})")
            self.guards[place] = tuple(split_guard(guard))
        return self.guards[place]

    def test(self, expression: cel.Expression, condition: Condition) -> Test:
        match expression:
            case cel.Not(operand):
                return Not(self.test(operand, condition))
            case cel.And(operands):
                return All(tuple(self.test(each, condition) for each in operands))
            case cel.Or(operands):
                return AnyOf(tuple(self.test(each, condition) for each in operands))
            case cel.Comparison(operator, left, right):
                return self.comparison(operator, self.operand(left, condition), self.operand(right, condition))
        return Opaque(condition.text)

    def comparison(self, operator: str, left: Part, right: Part) -> Test:
        if isinstance(left, Const):
            left, right, operator = right, left, TURNED.get(operator, operator)
        decision = self.decision(left.owner) if isinstance(left, Product) else None
        if decision is not None and operator in ("==", "!=") and right in (decision.yes, decision.no):
            return decision.test if (operator == "==") == (right == decision.yes) else Not(decision.test)
        if isinstance(left, Product) and operator in ("==", "!=") and right in (const("true"), const("false")):
            evaluated = None if left.what[0] == "unpublished" else self.evaluated(left.owner)
            if evaluated is not None:
                holds = (operator == "==") == (right == const("true"))
                return evaluated if holds else Not(evaluated)
        if operator == "!=":
            return Not(Compare("==", left, right))
        return Compare(operator, left, right)

    def operand(self, expression: cel.Expression, condition: Condition) -> Part:
        match expression:
            case cel.Literal(value):
                return const(value)
            case cel.Cast(_, operand):
                return self.operand(operand, condition)
            case cel.Input(name):
                return self.compared(condition.operands[name])
        return Unseen(condition.text)

    def compared(self, origin: origins.Origin) -> Part:
        """A value as a condition compares it."""
        if isinstance(origin, origins.Constant):
            return const(origin.value)
        parts = template(self.parts(origin))
        return parts[0] if len(parts) == 1 else Unseen("text made of parts")

    def decision(self, task_id: str) -> Decision | None:
        """What a lightweight component decides, if its function is a comparison of its inputs and nothing else."""
        task, program = self.graph.tasks.get(task_id), self.programs.get(task_id)
        if task is None or program is None or program.returned is None or len(task.output_parameters) != 1:
            return None
        match program.returned:
            case ast.IfExp(tree, ast.Constant(yes), ast.Constant(no)):
                pass
            case ast.Call(ast.Name("bool"), [tree]) | tree:
                yes, no = True, False
        try:
            test = _python(tree, lambda name: self.compared(task.parameters.get(name, origins.Unknown(name))))
        except ValueError:
            return None
        return None if test == All(()) else Decision(test, const(yes), const(no))

    def evaluated(self, task_id: str) -> Test | None:
        """The condition that an evaluator task works out."""
        task, line = self.graph.tasks.get(task_id), self.lines.get(task_id)
        if task is None or line is None:
            return None
        if line.verb == "not-translated":
            return Opaque(f"result of {task_id}", line.one("step"))
        text = line.one("expression") if line.verb == "condition" else None
        if text is None:
            return None
        # An operand that is read as another type than it has is compared in another way, or cannot be compared.
        types = {name: TYPES.get(parameter.type) for name, parameter in task.declared.items()}
        operands = [name for name, kind in (option.fields for option in line.of("operand")) if types.get(name) == kind]
        values = {name: self.compared(origin) for name, origin in task.parameters.items() if name in operands}
        return read_expression(text, lambda name: values.get(name, Unseen(name)))


@dataclass(frozen=True, slots=True)
class Decision:
    """What a task decides, and what it gives out if that holds, and if not."""

    test: Test
    yes: Const
    no: Const


class ContractReader:
    """Reads the facts of a task that runs the container contract."""

    def __init__(self, reader: TargetReader, task: Task, line: CommandLine, node: Node) -> None:
        self.reader = reader
        self.task = task
        self.line = line
        self.node = node

    def read(self) -> None:
        self.named("environment", "environment")
        for option in self.line.of("code"):
            self.node.add(("code", "model" if self.line.verb == "upload-model" else folder(option.fields[0])), [])
        kind = BY_VERB.get(self.line.verb)
        if kind is not None and kind.read_task is not None:
            kind.read_task(self)
        if self.line.verb == "not-translated":
            self.node.code = self.line.one("code") or ""
        if self.line.words is not None:
            self.node.words = tuple(Fact(template(self.parts(word)), self.node.at) for word in self.line.words)
        for argument in (*self.line.unread, *self.undeclared()):
            self.node.add(("unread", argument), [argument])
        self.own_code()

    def undeclared(self) -> Iterator[str]:
        """Options that name outputs, or values, which the component does not have; missing data is seen as such."""
        known = {
            "ARTIFACT": self.task.artifacts.keys() | self.task.optional | self.task.output_artifacts.keys(),
            "PARAMETER": self.task.declared.keys() | self.task.parameters.keys() | self.task.output_parameters.keys(),
        }
        for option in self.line.options:
            if option.name in ("input", "channel"):
                continue
            for field, value in zip(fields_of(self.line.verb, option.name), option.fields, strict=False):
                if value and value not in known.get(field, (value,)):
                    yield f"--{option.name} of {value!r}, which the component does not have"

    def own_code(self) -> None:
        """Whether the code that runs is that of the step, where its address tells whose it is."""
        for word in self.task.command:
            if not isinstance(word, origins.ArtifactField) or not isinstance(word.artifact, origins.TaskOutput):
                continue
            producer = self.reader.graph.tasks.get(word.artifact.task)
            uri = producer.importer.uri if producer is not None and producer.importer else None
            if producer is None or (producer.importer and not self.reader.keeps_code):
                continue
            match = CODE_ADDRESS.fullmatch(str(uri.value)) if isinstance(uri, origins.Constant) else None
            if match is None or plain(match[1]) not in map(plain, self.node.names):
                self.node.add(("other code",), [match[1]] if match else self.reader.parts(word.artifact))

    def parts(self, encoded: Encoded | None) -> Iterator[Part]:
        for part in encoded or ():
            if isinstance(part, Placeholder):
                yield from self.input(part.name, part.type)
            else:
                yield part

    def input(self, name: str, format: str) -> Iterator[Part]:
        if name in self.task.parameters:
            origin = self.task.parameters[name]
            if self.is_rewritten(origin, format):
                yield Unseen(f"{name} as {format}")
                return
            yield from self.reader.parts(origin, format)
        elif name in self.task.artifacts:
            yield from self.reader.parts(self.task.artifacts[name])
        else:
            yield Unseen(f"no input {name}")

    def is_rewritten(self, origin: origins.Origin, format: str) -> bool:
        """Whether a number that another task gives is written as one of another type: 5 as 5.0, 0.5 as 0."""
        producer = self.reader.graph.tasks.get(origin.task) if isinstance(origin, origins.TaskOutput) else None
        if producer is None or not isinstance(origin, origins.TaskOutput):
            return False
        return {TYPES.get(producer.output_parameters.get(origin.key, "")), format} == {"int", "float"}

    def artifact(self, name: str, file: str = "") -> Template:
        return address(template(self.input(name, "uri")), file)

    def address(self, encoded: Encoded | None) -> Template:
        return address(template(self.parts(encoded)))

    def texts(self, **options: str) -> None:
        """Options that hold one template each, with the fact that each of them is."""
        for name, what in options.items():
            for option in self.line.of(name.replace("_", "-")):
                self.node.add((what,), self.parts(option.template or tuple(option.fields)))

    def named(self, name: str, what: str) -> None:
        """Options with a name and a template."""
        for option in self.line.of(name):
            self.node.add((what, option.fields[0]), self.parts(option.template))

    def outputs(self, place: str, name: str, destination: Encoded | None) -> None:
        self.node.add(("output", place), [name])
        if destination:
            self.node.add(("destination", place), self.address(destination))


def read_expression(text: str, operand: Callable[[str], Part]) -> Test:
    """The condition of an evaluator task, a Python expression of comparisons; anything else cannot be read."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        return _python(tree, operand)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Opaque(text)


def _python(tree: ast.expr, operand: Callable[[str], Part]) -> Test:
    match tree:
        case ast.BoolOp(op, values):
            tests = tuple(_python(value, operand) for value in values)
            return All(tests) if isinstance(op, ast.And) else AnyOf(tests)
        case ast.UnaryOp(ast.Not(), inner):
            return Not(_python(inner, operand))
        case ast.Compare(query, [ast.In()], [ast.List(values) | ast.Tuple(values)]):
            return In(_side(query, operand), tuple(_side(value, operand) for value in values))
        case ast.Compare(left, [sign], [right]) if type(sign) in OPERATORS:
            return Compare(OPERATORS[type(sign)], _side(left, operand), _side(right, operand))
        case ast.Constant(True):
            return All(())
    raise ValueError(ast.dump(tree))


def _side(tree: ast.expr, operand: Callable[[str], Part]) -> Part:
    return operand(tree.id) if isinstance(tree, ast.Name) else const(ast.literal_eval(tree))


def formatted(value: Any, format: str) -> str:
    """A value as the contract writes it by its declared type; what cannot be written so, as JSON."""
    try:
        if format == "int":
            return str(int(value))
        if format == "float":
            return repr(float(value))
    except (TypeError, ValueError, OverflowError):
        pass
    if format == "bool":
        return str(str(value).lower() == "true")
    return value if isinstance(value, str) and format != "json" else json.dumps(value, ensure_ascii=False)


def _command_line(task: Task) -> CommandLine | None:
    """The contract's command line, if the task runs the contract: its input, a verb, options."""
    texts = [word.value if isinstance(word, origins.Constant) else None for word in task.args]
    starts = len(texts) > 1 and isinstance(task.args[0], origins.ExecutorInput)
    if not starts or not isinstance(texts[1], str) or texts[1] not in KNOWN_VERBS:
        return None
    return read_command_line(texts[1], [text if isinstance(text, str) else "?" for text in texts[2:]])


def kind_of(verb: str) -> str:
    """The kind of a task by its verb; a package that an older contract made is part of a registration."""
    kind = BY_VERB.get(verb)
    return kind.name if kind is not None else {"package-model": "register"}.get(verb, verb.replace("-", " "))


def _kind(task: Task) -> str:
    """The kind of a task that does not run the contract, as far as its component tells."""
    if task.kind == "importer":
        return "importer"
    return PREBUILT.get(task.kind, task.kind.replace("_", " ") if task.prebuilt else "container")


def _guess(task: Task, node: Node) -> str:
    """What a program that we do not know probably does."""
    if node.kind != "container":
        is_training = task.kind == "bigquery_create_model_job"
        is_of_data = task.kind.startswith(("bigquery", "data"))
        return "training" if is_training else "processing" if is_of_data else node.kind
    program = node.programs.get(node.name, Program())
    if program.raises:
        return "fail"
    if set(task.output_parameters.values()) == {"BOOLEAN"} and not task.output_artifacts:
        return "condition"
    takes = {declared for declared in task.artifacts if "model" in words_of(declared)}
    makes_model = any(title.endswith("Model") for title in task.output_artifacts.values())
    if "upload" in program.calls or any("register" in words_of(name) for name in node.names):
        return "register"
    if makes_model and not takes:
        return "training"
    if task.kind == "custom_job":  # it may do anything; where it writes is in its arguments
        return "training" if any("train" in words_of(name) for name in node.names) else ""
    return "processing" if task.output_artifacts or task.output_parameters else ""


def _program(task: Task) -> Program | None:
    texts = [
        [word.value if isinstance(word, origins.Constant) else None for word in line]
        for line in (task.command, task.args)
    ]
    return read_program(*texts)
