"""What a program says about SageMaker pipelines: steps, parameters, conditions, pipelines, data flow."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..findings import Finding
from .model import (
    Condition,
    Decorator,
    Imported,
    Parameter,
    Pipeline,
    Reference,
    ScannedFile,
    Step,
    masked,
    printable,
)
from .names import Names, Node, Scope, dotted, source_text
from .tables import STEP_DECORATOR, absent_classes, sdk_classes

_STEP_MODULES = ("sagemaker.workflow.", "sagemaker.mlops.workflow.")
# Values that many steps share are looked at once for each step; no real file comes near this.
_MAX_VISITS = 500_000
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def scan_sagemaker(names: Names, file: ScannedFile) -> None:
    """Add to a file what its program says about SageMaker pipelines, with findings."""
    _Scanner(names, file).scan()


@dataclass(slots=True)
class _Scanner:
    names: Names
    file: ScannedFile
    # the calls that give a step, by identity, and how to speak of the step
    created: dict[int, str] = field(default_factory=dict)
    # names of functions decorated with @step, and the names of their steps
    functions: dict[str, str] = field(default_factory=dict)
    reported: set[tuple[str, str]] = field(default_factory=set)
    # parts of properties that other expressions go on from
    continued: set[int] = field(default_factory=set)
    visits: int = 0

    def scan(self) -> None:
        self.imports()
        for found in self.names.nodes:
            if isinstance(found.node, _FUNCTIONS):
                self.decorated(found.node, found.scope)
        for found in self.names.nodes:
            if isinstance(found.node, ast.Call):
                self.call(found.node, found.scope)
        self.file.steps.sort(key=lambda step: (step.cell or 0, step.line or 0))
        if self.file.steps or self.file.pipelines:
            self.references()

    def note(self, code: str, message: str, line: int, about: str) -> None:
        """A finding, once for each thing it is about."""
        if (code, about) not in self.reported:
            self.reported.add((code, about))
            place, cell = self.names.program.place(line)
            self.file.findings.append(Finding(code, message, pointer_of(place, cell), file=self.file.path))

    def imports(self) -> None:
        classes, absent = sdk_classes(), absent_classes()
        versions: dict[str, int] = {}
        for each in self.names.imports:
            version = _version(each.module)
            if version:
                versions.setdefault(version, each.line)
            if each.name == "*" and not each.level:
                self.star(each.module, each.line)
            if each.name is None or each.level or not _is_sdk(each.module):
                continue
            known = classes.get(STEP_DECORATOR if each.name == "step" else each.name)
            if known is not None and known.group == "steps":
                line, cell = self.names.program.place(each.line)
                self.file.imports.append(Imported(known.name, each.module, line, cell))
                if each.module.startswith("sagemaker.workflow.") and each.module not in (known.v2, *known.also):
                    message = f"{each.name} is not in {each.module}; it is in {known.home}"
                    self.note("SMX143", message, each.line, each.name)
            elif each.name in absent or (each.module.startswith(_STEP_MODULES) and _like_a_step(each.name)):
                self.absent(each.name, each.line)
        if len(versions) > 1:
            message = "imports modules of SDK v2 and of SDK v3, which cannot be installed together"
            self.note("SMX150", message, max(versions.values()), "versions")

    def star(self, module: str, line: int) -> None:
        self.note("SMX144", f"imports all names of {module}: which ones cannot be seen", line, module)
        for known in sdk_classes().values():
            if module in (known.v2, known.v3, *known.also) and known.name != STEP_DECORATOR:
                self.names.aliases.setdefault(known.name, f"{module}.{known.name}")

    def absent(self, name: str, line: int) -> None:
        instead = absent_classes().get(name)
        advice = f"; use {instead}" if instead else ""
        self.note("SMX142", f"{name} is in no version of the SageMaker SDK{advice}", line, name)

    def decorated(self, function: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        for decorator in function.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            path = self.names.path(call.func if call else decorator) or ""
            if not _is_sdk(path):
                continue
            line, cell = self.names.program.place(decorator.lineno)
            self.file.decorators.append(Decorator(path.rpartition(".")[2], function.name, line, cell))
            if path.endswith(".function_step.step"):
                given = _argument(call, "name", None) if call else None
                name = printable(self.names.constant(given, scope)) if given is not None else None
                label = name if isinstance(name, str) else function.name
                self.functions[function.name] = label
                self.file.steps.append(Step(STEP_DECORATOR, "Training", label, line, cell))

    def call(self, call: ast.Call, scope: Scope) -> None:
        name = dotted(call.func)
        if name is None:
            return
        if name in ("getattr", "importlib.import_module", "import_module", "__import__"):
            self.at_run_time(call, scope)
            return
        if name in self.functions:
            self.created[id(call)] = self.functions[name]
            return
        path = self.names.path(call.func)
        last = (path or name).rpartition(".")[2]
        if last == "Pipeline":
            self.pipeline(call, path, scope)
            return
        if path is not None and path.endswith(".function_step.step") and _is_sdk(path) and call.args:
            self.step(call, STEP_DECORATOR, scope)
            return
        known, is_absent = sdk_classes().get(last), last in absent_classes()
        if known is None and not (is_absent or (_is_sdk(path or "") and _like_a_step(last))):
            return
        if path is None and not self.unimported(name, last, call.lineno, known is not None):
            return
        if known is None:
            self.absent(last, call.lineno)
            self.step(call, last, scope)
        elif known.group == "steps":
            self.step(call, last, scope)
        elif known.group == "parameters":
            self.parameter(call, last, scope)
        elif known.group == "conditions":
            line, cell = self.names.program.place(call.lineno)
            operands = [*call.args, *(keyword.value for keyword in call.keywords)]
            self.file.conditions.append(Condition(last, tuple(source_text(each) for each in operands), line, cell))

    def at_run_time(self, call: ast.Call, scope: Scope) -> None:
        """A module or class that is looked up by its name while the program runs."""
        for argument in call.args:
            constant = self.names.constant(argument, scope)
            if isinstance(constant, str) and (constant in sdk_classes() or _is_sdk(constant)):
                text = str(printable(constant))
                self.note(
                    "SMX148", f"{text} is looked up at run time: steps made from it are not seen", call.lineno, text
                )

    def unimported(self, name: str, last: str, line: int, exists: bool) -> bool:
        """Whether a name that is not imported can still be meant as the class of the SDK; if so, it is reported."""
        first = name.partition(".")[0]
        if first in self.names.defined:
            # a class of one's own, or a module under another name: st = importlib.import_module(...)
            return "." in name and exists
        if exists and not self.names.stars():
            home = sdk_classes()[last].home
            missing = "" if first == name else f"{first} is "
            self.note("SMX141", f"{name} is used, but {missing}not imported (from {home} import {last})", line, name)
        return True

    def step(self, call: ast.Call, class_: str, scope: Scope) -> None:
        known = sdk_classes().get(class_)
        position = None if class_ in ("NotebookJobStep", STEP_DECORATOR) else 0
        name, text = self.name(call, position, scope)
        line, cell = self.names.program.place(call.lineno)
        depends_on = tuple(self.dependencies(call, scope))
        step = Step(class_, known.type if known else None, name, line, cell, text, depends_on)
        self.file.steps.append(step)
        self.created[id(call)] = step.label
        if name is None and text is not None:
            message = f"the name of this {class_} is known at run time only: it may stand for several steps"
            self.note("SMX147", message, call.lineno, f"{line} {cell}")
        if known is not None and known.v3 is None:
            message = f"{class_} is in SDK v2 only; SDK v3 has {known.instead}"
            self.note("SMX149", message, call.lineno, class_)

    def dependencies(self, call: ast.Call, scope: Scope) -> Iterator[str]:
        given = _argument(call, "depends_on", None)
        for each in given.elts if isinstance(given, (ast.List, ast.Tuple)) else []:
            constant = printable(self.names.constant(each, scope))
            if isinstance(constant, str):
                yield constant
            else:
                base = each.value if isinstance(each, ast.Attribute) and each.attr == "name" else each
                yield self.label(base, scope)

    def label(self, node: ast.AST, scope: Scope) -> str:
        """How to speak of the step that an expression stands for: its name, else the expression."""
        for value in self.names.values(Node(node, scope)):
            label = self.created.get(id(value.node)) or self.early_label(value)
            if label:
                return label
        return source_text(node)

    def early_label(self, value: Node) -> str | None:
        """The name of a step that is created further down than where it is spoken of."""
        call = value.node
        if not isinstance(call, ast.Call) or (dotted(call.func) or "").rpartition(".")[2] not in sdk_classes():
            return None
        return self.name(call, 0, value.scope)[0]

    def name(self, call: ast.Call, position: int | None, scope: Scope) -> tuple[str | None, str | None]:
        """The constant name of what a call creates, or else the source text of the name."""
        given = _argument(call, "name", position)
        if given is None:
            return None, None
        constant = printable(self.names.constant(given, scope))
        return (constant, None) if isinstance(constant, str) else (None, source_text(given))

    def parameter(self, call: ast.Call, class_: str, scope: Scope) -> None:
        name, _ = self.name(call, 0, scope)
        given = _argument(call, "default_value", 1)
        constant = None if given is None else printable(self.names.constant(given, scope))
        text = source_text(given) if given is not None and constant is None else None
        line, cell = self.names.program.place(call.lineno)
        self.file.parameters.append(Parameter(class_, name, masked(name, constant), line, cell, text))

    def pipeline(self, call: ast.Call, path: str | None, scope: Scope) -> None:
        """A pipeline; the class of that name in scikit-learn and elsewhere takes other arguments."""
        given = {keyword.arg for keyword in call.keywords}
        of_sdk = path is not None and _is_sdk(path) and ".workflow" in path
        if not of_sdk and not {"name", "steps"} <= given:
            return
        if path is None and not self.names.stars() and "Pipeline" not in self.names.defined:
            message = "Pipeline is used, but not imported (from sagemaker.workflow.pipeline import Pipeline)"
            self.note("SMX141", message, call.lineno, "Pipeline")
        name, text = self.name(call, 0, scope)
        line, cell = self.names.program.place(call.lineno)
        self.file.pipelines.append(Pipeline(name, line, cell, text))

    def references(self) -> None:
        """Who uses what of whom, and what nobody is seen to use."""
        used: set[int] = set()
        found: dict[Reference, None] = {}
        for node in self.names.nodes:
            if id(node.node) in self.created:
                for place, producer, path in self.uses(node):
                    used.update(id(part) for part in _chain(place))
                    line, cell = self.names.program.place(place.lineno)
                    found.setdefault(Reference(producer, path, self.created[id(node.node)], line, cell))
        for node in self.names.nodes:
            if isinstance(node.node, ast.expr) and id(node.node) not in used and id(node.node) not in self.continued:
                unused = self.property(node)
                if unused is not None:
                    line, cell = self.names.program.place(node.node.lineno)
                    found.setdefault(Reference(*unused, None, line, cell))
                    used.update(id(inner) for inner in _chain(node.node))
        self.file.references.extend(sorted(found, key=lambda each: (each.cell or 0, each.line)))

    def uses(self, step: Node) -> Iterator[tuple[ast.expr, str, str]]:
        """What a step takes from others: the place, the producer and the path."""
        own = self.created[id(step.node)]
        waiting = [Node(child, step.scope) for child in ast.iter_child_nodes(step.node)]
        seen: set[int] = set()
        while waiting:
            found = waiting.pop()
            node = found.node
            if id(node) in seen:
                continue
            seen.add(id(node))
            self.visits += 1
            if self.visits > _MAX_VISITS:
                message = "too many steps use too many values: not all data flow is shown"
                self.note("SMX153", message, getattr(step.node, "lineno", 1), "visits")
                return
            reference = self.property(found) or self.json_get(found)
            if reference is not None and isinstance(node, ast.expr):
                yield node, *reference
                continue
            if id(node) in self.created:
                # the value that a @step function returns; a step inside of another speaks for itself
                if isinstance(node, ast.expr) and self.returns(node) and self.created[id(node)] != own:
                    yield node, self.created[id(node)], ""
                continue
            values = self.names.values(found)
            for value in values:
                label = self.created.get(id(value.node))
                if label is None:
                    waiting.append(value)
                elif isinstance(node, ast.expr) and isinstance(value.node, ast.expr) and self.returns(value.node):
                    yield node, label, ""
            if not values:
                waiting.extend(Node(child, found.scope) for child in ast.iter_child_nodes(node))

    def returns(self, call: ast.expr) -> bool:
        return isinstance(call, ast.Call) and dotted(call.func) in self.functions

    def property(self, found: Node) -> tuple[str, str] | None:
        """Producer and path of `step.properties.A.B["x"]`; None for every other expression."""
        if not isinstance(found.node, (ast.Attribute, ast.Subscript)):
            return None
        base = _properties_base(found.node)
        if base is None:
            return self.further(found.node, found.scope)
        path = source_text(found.node)[len(source_text(base)) + len(".properties") :]
        path = path.lstrip(".").removesuffix(".to_string")
        # RegisterModel and EstimatorTransformer are lists of steps
        while isinstance(base, ast.Subscript) and isinstance(base.value, ast.Attribute) and base.value.attr == "steps":
            base = base.value.value
        label = self.label(base, found.scope)
        is_known = label != source_text(base) or path[:1].isupper()
        return (label, path) if path and is_known else None

    def further(self, node: ast.Attribute | ast.Subscript, scope: Scope) -> tuple[str, str] | None:
        """The same where the expression goes on from a variable: `outputs["train"].S3Output.S3Uri`."""
        root = list(_chain(node))[-1]
        start = root.value if isinstance(root, (ast.Attribute, ast.Subscript)) else root
        values = self.names.values(Node(start, scope)) if isinstance(start, ast.Name) else []
        if len(values) != 1 or _properties_base(values[0].node) is None:
            return None
        known = self.property(values[0])
        self.continued.update(id(part) for part in _chain(values[0].node))
        return None if known is None else (known[0], known[1] + source_text(node)[len(source_text(start)) :])

    def json_get(self, found: Node) -> tuple[str, str] | None:
        """Producer and path of a JsonGet; None for every other expression."""
        call = found.node
        if not isinstance(call, ast.Call) or (dotted(call.func) or "").rpartition(".")[2] != "JsonGet":
            return None
        step, file = _argument(call, "step_name", 0), _argument(call, "property_file", 1)
        path = _argument(call, "json_path", 2)
        if step is None or file is None:
            return None
        inner = [self.text_of(each, found.scope) for each in (file, path) if each is not None]
        base = step.value if isinstance(step, ast.Attribute) and step.attr == "name" else step
        producer = printable(self.names.constant(step, found.scope))
        label = producer if isinstance(producer, str) else self.label(base, found.scope)
        return label, ".".join(["PropertyFiles", *inner])

    def text_of(self, node: ast.AST, scope: Scope) -> str:
        """A constant, or the name of a property file, or source text."""
        constant = printable(self.names.constant(node, scope))
        if isinstance(constant, str):
            return constant
        for value in self.names.values(Node(node, scope)):
            call = value.node
            if isinstance(call, ast.Call) and (dotted(call.func) or "").endswith("PropertyFile"):
                return self.name(call, 0, value.scope)[0] or source_text(node)
        return source_text(node)


def pointer_of(line: int | None, cell: int | None) -> str:
    """A place as findings write it."""
    words = [f"cell {cell}"] if cell is not None else []
    return ", ".join([*words, *([f"line {line}"] if line is not None else [])])


def _is_sdk(path: str) -> bool:
    return path == "sagemaker" or path.startswith("sagemaker.")


def _version(module: str) -> str | None:
    """The major version of the SDK that alone has a module."""
    if re.match(r"sagemaker\.(mlops|core|train)\b", module):
        return "v3"
    return "v2" if re.match(r"sagemaker\.workflow\b", module) else None


def _like_a_step(name: str) -> bool:
    return name.endswith("Step") and name[:1].isupper() and name not in ("Step", "ConfigurableRetryStep")


def _argument(call: ast.Call, name: str, position: int | None) -> ast.expr | None:
    """An argument of a call by its name, or else by its position."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if position is None or len(call.args) <= position or isinstance(call.args[position], ast.Starred):
        return None
    return call.args[position]


def _chain(node: ast.AST) -> Iterator[ast.AST]:
    """The expressions that a chain of attributes and items is built on, itself first."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        yield node
        node = node.value


def _properties_base(node: ast.AST) -> ast.expr | None:
    """The step in `step.properties.A.B["x"]`."""
    for part in _chain(node):
        if isinstance(part, ast.Attribute) and part.attr == "properties":
            return part.value
    return None
