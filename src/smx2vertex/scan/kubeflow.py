"""What a program says about Kubeflow pipelines: pipeline functions, components, branches, settings, submissions."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace

from ..findings import Finding
from .model import Call, Component, Decorator, KubeflowPipeline, ScannedFile, printable
from .names import Names, Node, Scope, dotted, source_text
from .sagemaker import pointer_of
from .tables import kfp_names

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# what people write without importing it: the usual names of the modules
_USUAL = {"dsl": "kfp.dsl", "kfp": "kfp", "aiplatform": "google.cloud.aiplatform"}


def scan_kubeflow(names: Names, file: ScannedFile) -> None:
    """Add to a file what its program says about Kubeflow pipelines, with findings."""
    scanner = _Scanner(names, file)
    if scanner.concerned():
        scanner.scan()


@dataclass(slots=True)
class _Scanner:
    names: Names
    file: ScannedFile
    # the components by the name they are called by
    components: dict[str, Component] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def concerned(self) -> bool:
        """Whether the program has to do with Kubeflow or Vertex AI at all."""
        roots = ("kfp", "google_cloud_pipeline_components", "google.cloud.aiplatform")
        return any(f"{path}.".startswith(f"{root}.") for path in self.names.aliases.values() for root in roots) or any(
            self.is_missing(found.node) for found in self.names.nodes
        )

    def is_missing(self, node: ast.AST) -> bool:
        """Whether an expression is such as `dsl.component` in a program that does not import dsl."""
        return isinstance(node, ast.Attribute) and self.path(node, report=False) in (
            *kfp_names().custom,
            *kfp_names().pipelines,
        )

    def path(self, node: ast.AST, report: bool = True) -> str | None:
        """The dotted path in the words of kfp v2 that an expression leads to."""
        path = self.names.path(node)
        text = dotted(node)
        if path is None and text is not None:
            first, dot, rest = text.partition(".")
            if dot and first in _USUAL and first not in self.names.defined:
                path = f"{_USUAL[first]}.{rest}"
                if report:
                    self.note_missing(first, getattr(node, "lineno", 0))
        return None if path is None else re.sub(r"^kfp\.v2\.(?=dsl|components|compiler)", "kfp.", path)

    def note_missing(self, name: str, line: int) -> None:
        if name not in self.missing:
            self.missing.add(name)
            package, _, module = _USUAL[name].rpartition(".")
            statement = f"from {package} import {module}" if package else f"import {module}"
            pointer = pointer_of(*self.names.program.place(line))
            message = f"{name} is used, but not imported ({statement})"
            self.file.findings.append(Finding("SMX141", message, pointer, file=self.file.path))

    def scan(self) -> None:
        for found in self.names.nodes:
            if isinstance(found.node, _FUNCTIONS):
                self.function(found.node, found.scope)
        for each in self.names.imports:
            if each.name and each.module.startswith(kfp_names().prebuilt_packages):
                self.prebuilt(f"{each.module}.{each.name}", *self.names.program.place(each.line), is_use=False)
        for found in self.names.nodes:
            if isinstance(found.node, (ast.Assign, ast.Call)):
                self.assigned(found.node)
        # in a chain of methods the outer call begins first and ends last: its name is what stands in reading order
        calls = [(found.node, found) for found in self.names.nodes if isinstance(found.node, ast.Call)]
        for call, found in sorted(calls, key=lambda each: (each[0].func.end_lineno, each[0].func.end_col_offset)):
            self.call(call, found)
        self.file.kubeflow.components.extend(
            sorted(self.components.values(), key=lambda each: (each.cell or 0, each.line))
        )

    def function(self, function: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        for decorator in function.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            path = self.path(call.func if call else decorator)
            if path is None or not path.startswith("kfp."):
                continue
            line, cell = self.names.program.place(decorator.lineno)
            self.file.decorators.append(Decorator(_short(path), function.name, line, cell))
            if path in kfp_names().pipelines:
                arguments = function.args
                parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
                name = self.pipeline_name(call, scope) if call else function.name
                names = tuple(each.arg for each in parameters)
                self.file.kubeflow.pipelines.append(KubeflowPipeline(name, function.name, names, line, cell))
            elif path in kfp_names().custom:
                because = kfp_names().custom[path]
                self.components[function.name] = Component(function.name, "custom", _short(path), because, line, cell)

    def pipeline_name(self, call: ast.Call, scope: Scope) -> str | None:
        given = next((keyword.value for keyword in call.keywords if keyword.arg == "name"), None)
        given = given or (call.args[0] if call.args else None)
        constant = None if given is None else printable(self.names.constant(given, scope))
        return constant if isinstance(constant, str) else None

    def assigned(self, node: ast.Assign | ast.Call) -> None:
        """A component that is made or loaded by a call: `train = load_component_from_url(...)`."""
        call = node.value if isinstance(node, ast.Assign) else node
        if not isinstance(call, ast.Call):
            return
        path = self.path(call.func)
        if path is None:
            return
        target = dotted(node.targets[0]) if isinstance(node, ast.Assign) else None
        because, origin = kfp_names().prebuilt.get(path), "prebuilt"
        if because is None:
            because, origin = kfp_names().custom.get(path), "custom"
        last = path.rpartition(".")[2]
        if because is None and path.startswith(kfp_names().prebuilt_packages) and last in kfp_names().helpers:
            because = "a component of this project, run as a custom job" if last.startswith("create") else None
        if because is None:
            return
        line, cell = self.names.program.place(call.lineno)
        is_task = path in ("kfp.dsl.importer", "kfp.dsl.ContainerOp")
        name = last if is_task or target is None else target
        if any((each.line, each.cell) == (line, cell) for each in self.components.values()):
            return
        made = Component(name, "prebuilt" if origin == "prebuilt" else "custom", _short(path), because, line, cell)
        known = self.components.setdefault(name, made)
        if is_task:
            self.components[name] = replace(known, uses=(*known.uses, line))

    def call(self, call: ast.Call, found: Node) -> None:
        if isinstance(call.func, ast.Call) and self.path(call.func.func) in kfp_names().pipelines and call.args:
            # the decorator called as a function: dsl.pipeline(name="...")(function)
            line, cell = self.names.program.place(call.lineno)
            name = self.pipeline_name(call.func, found.scope)
            self.file.kubeflow.pipelines.append(KubeflowPipeline(name, source_text(call.args[0]), (), line, cell))
            return
        path, name = self.path(call.func), dotted(call.func)
        line, cell = self.names.program.place(call.lineno)
        kubeflow = self.file.kubeflow
        if name in self.components:
            known = self.components[name]
            self.components[name] = replace(known, uses=(*known.uses, line))
        elif path is not None and path.startswith(kfp_names().prebuilt_packages):
            self.prebuilt(path, line, cell)
        elif path in kfp_names().control_flow:
            kubeflow.control_flow.append(Call(path.rpartition(".")[2], _arguments(call), "", line, cell))
        elif path in kfp_names().submissions:
            kubeflow.submissions.append(Call(path.rpartition(".")[2], "", _arguments(call), line, cell))
            self.job_settings(call, line, cell)
        elif isinstance(call.func, ast.Attribute):
            self.method(call, call.func, found, line, cell)

    def prebuilt(self, path: str, line: int, cell: int | None, is_use: bool = True) -> None:
        name = path.rpartition(".")[2]
        if name in kfp_names().helpers or not name[:1].isupper():
            return
        known = self.components.get(name)
        because = f"from {path.rpartition('.')[0]}"
        made = known or Component(name, "prebuilt", "import", because, line, cell)
        self.components[name] = replace(made, uses=(*made.uses, line)) if is_use else made

    def job_settings(self, call: ast.Call, line: int, cell: int | None) -> None:
        for keyword in call.keywords:
            if keyword.arg == "enable_caching":
                text = f"enable_caching={source_text(keyword.value)}"
                self.file.kubeflow.caching.append(Call("enable_caching", "the whole run", text, line, cell))

    def method(self, call: ast.Call, function: ast.Attribute, found: Node, line: int, cell: int | None) -> None:
        kubeflow, name = self.file.kubeflow, function.attr
        about = kfp_names().methods.get(name)
        if about is not None:
            # a chain of methods stands on several lines: the line of the name is the one to show
            line, cell = self.names.program.place(function.end_lineno or call.lineno)
            made = Call(name, self.task(function.value), _arguments(call), line, cell)
            lists = {
                "order": kubeflow.order,
                "resources": kubeflow.resources,
                "caching": kubeflow.caching,
                "retries": kubeflow.retries,
            }
            lists[about].append(made)
            return
        owner = self.owner(function.value, found)
        if owner == "kfp.compiler.Compiler" and name == "compile":
            kubeflow.compilations.append(Call("compile", "", _arguments(call), line, cell))
        elif owner in kfp_names().submissions:
            kubeflow.submissions.append(Call(f"{owner.rpartition('.')[2]}.{name}", "", _arguments(call), line, cell))

    def owner(self, node: ast.expr, found: Node) -> str:
        """The class of the object that a method belongs to, where the object is made in sight."""
        candidates = [value.node for value in self.names.values(Node(node, found.scope))] or [node]
        made = next((each for each in candidates if isinstance(each, ast.Call)), None)
        return (self.path(made.func) or "") if made is not None else (self.path(node) or "")

    def task(self, node: ast.expr) -> str:
        """The task that a chain of methods is about: its variable, or the component that makes it."""
        while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in kfp_names().methods and not node.func.attr.startswith(("set_", "add_")):
                break
            node = node.func.value
        return source_text(node.func if isinstance(node, ast.Call) else node)


def _short(path: str) -> str:
    """A path as people write it: `dsl.component`, `components.load_component_from_url`."""
    return path.removeprefix("kfp.")


def _arguments(call: ast.Call) -> str:
    words = [source_text(each) for each in call.args]
    words += [(f"{each.arg}=" if each.arg else "**") + source_text(each.value) for each in call.keywords]
    return ", ".join(words)
