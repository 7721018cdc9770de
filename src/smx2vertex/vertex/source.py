"""Python source of a plan: pipeline.py and the modules of components. `ruff format` gives it its final layout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .names import Names, docstring, formatted, literal, plain, reads_as_placeholder
from .plan import (
    HELPERS,
    Address,
    Branches,
    BucketName,
    Code,
    Collected,
    Component,
    Data,
    Item,
    Loop,
    Machine,
    Node,
    Option,
    Output,
    Parameter,
    PipelineParameter,
    Plain,
    Plan,
    Port,
    Setting,
    Task,
    Value,
)
from .planner import all_tasks, output_of

_SETTINGS: dict[str, type | tuple[type, ...]] = {"buckets": (Address, BucketName), "code": Code, "data": Data}
_CLASSES = ("Artifact", "Dataset", "Input", "Model", "Output", "OutputPath")


def component_module(component: Component) -> str:
    """The module of one component."""
    ports = [*component.inputs, *component.outputs]
    used = {name for name in _CLASSES if any(_mentions(port.annotation, name) for port in ports)}
    settings = sorted({_root(field) for field in _settings(component)} | {"images"})
    lines = [
        _module_docstring(component),
        "",
        "from kfp import dsl",
        f"from kfp.dsl import {', '.join(sorted(used))}",
        "",
        f"from ..settings import {', '.join(settings)}",
        "",
        "",
        "@dsl.container_component",
        f"def {component.function}({''.join(f'{_port(port)},' for port in ports)}) -> dsl.ContainerSpec:",
        "    return dsl.ContainerSpec(",
        f"        image=images.{component.image},",
        '        command=["python3", code.path],',
        "        args=[",
        *(f"            {argument}," for argument in _arguments(component)),
        "        ],",
        "    )",
    ]
    return "\n".join(lines) + "\n"


def _module_docstring(component: Component) -> str:
    paragraphs = [docstring(text)[3:-3] for text in (component.title, *component.notes)]
    end = "\n" if len(paragraphs) > 1 else ""
    return '"""' + "\n\n".join(paragraphs) + end + '"""'


def _mentions(annotation: str, name: str) -> bool:
    return name in re.split(r"[\[\]()]", annotation)


def _root(setting: str) -> str:
    return setting.partition(".")[0]


def _settings(component: Component) -> Iterator[str]:
    for option in component.all_options:
        for field in option.fields:
            if isinstance(field, Setting):
                yield field.name


def _port(port: Port) -> str:
    return f"{port.name}: {port.annotation}"


def _arguments(component: Component) -> Iterator[str]:
    yield "dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER"
    yield literal(component.verb)
    for option in component.options:
        yield _option(option)
    if component.words is not None:
        yield literal("--")
        yield from (literal(word) if isinstance(word, str) else _option(word) for word in component.words)


def _option(option: Option) -> str:
    parts: list[tuple[bool, str]] = [(False, f"--{option.name}")]
    for index, field in enumerate(option.fields):
        parts.append((False, ":" if index else "="))
        parts.append((True, field.name) if isinstance(field, Setting) else (False, field))
    if any(is_source for is_source, _ in parts):
        return formatted(parts)
    return literal("".join(text for _, text in parts))


def components_package(plan: Plan) -> str:
    """`components/__init__.py`."""
    names = sorted(component.function for component in plan.components)
    lines = ['"""One module for each step of the SageMaker pipeline that became a task."""', ""]
    lines += [f"from .{name} import {name}" for name in names]
    return "\n".join([*lines, "", f"__all__ = [{', '.join(map(literal, names))}]"]) + "\n"


def pipeline_module(plan: Plan) -> str:
    """`pipeline.py`."""
    return _PipelineWriter(plan).module()


class _PipelineWriter:
    """Writes pipeline.py.

    Parameters keep the names that SageMaker's users know them by; a helper whose name one of them has is imported
    under another.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        names = Names(parameter.name for parameter in plan.parameters)
        self.helpers = {helper: names.take(helper, helper, "helper") for helper in HELPERS}
        self.referenced = _referenced(plan)

    def module(self) -> str:
        body = list(self.nodes(self.plan.body, 1))
        tasks = list(all_tasks(self.plan.body))
        compute = [name for name in _COMPUTE if any(_binding(task) == name for task in tasks)]
        parameters = [f"    {self.parameter(parameter)}" for parameter in self.plan.parameters]
        values = [value for task in tasks for value in task.inputs.values()]
        values += [value.uri for value in values if isinstance(value, Data)]
        values += [parameter.default for parameter in self.plan.parameters if parameter.default is not None]
        settings = [name for name, kind in _SETTINGS.items() if any(isinstance(value, kind) for value in values)]
        lines = [
            '"""The pipeline. `python compile_pipeline.py` compiles it; what is left to do stands in MIGRATION.md."""',
            "",
            *([f"from kfp import {self.imported('dsl')}", ""] if f"{self.helpers['dsl']}." in "".join(body) else []),
            f"from .components import {', '.join(sorted(task.component.function for task in tasks))}",
            *([f"from .compute import {', '.join(map(self.imported, compute))}"] if compute else []),
            f"from .settings import {', '.join(map(self.imported, settings))}",
            "",
            "",
            f"def {self.plan.package}(",
            *parameters,
            ") -> None:",
            f"    {docstring(self.description())}",
            *body,
        ]
        return "\n".join(lines) + "\n"

    def description(self) -> str:
        """The docstring of the function becomes the description of the pipeline spec."""
        name = "" if reads_as_placeholder(self.plan.source) else f" `{self.plan.source}`"
        return f"Converted from the SageMaker pipeline{name}."

    def imported(self, helper: str) -> str:
        name = self.helpers[helper]
        return helper if name == helper else f"{helper} as {name}"

    def parameter(self, parameter: PipelineParameter) -> str:
        default = "" if parameter.default is None else f" = {self.value(parameter.default)}"
        comment = f"  # {plain(parameter.comment)}" if parameter.comment else ""
        return f"{parameter.name}: {parameter.type}{default},{comment}"

    def nodes(self, nodes: list[Node], level: int) -> Iterator[str]:
        indent = "    " * level
        for index, node in enumerate(nodes):
            if index:
                yield ""
            if isinstance(node, Task):
                yield indent + self.task(node)
            elif isinstance(node, Loop):
                yield from self.loop(node, level)
            else:
                yield from self.branches(node, level)

    def loop(self, node: Loop, level: int) -> Iterator[str]:
        name = "" if reads_as_placeholder(node.step) else f", name={literal(plain(node.step))}"
        head = f"{self.helpers['dsl']}.ParallelFor({self.value(node.items)}{name}, parallelism={node.parallelism})"
        yield f"{'    ' * level}with {head} as {node.variable}:"
        yield from self.branch(node.body, level + 1)

    def branches(self, node: Branches, level: int) -> Iterator[str]:
        indent = "    " * level
        # a branch without tasks cannot stand in a pipeline: then the comparison is turned around
        first, second = (node.then, node.otherwise) if node.then else (node.otherwise, [])
        yield f"{indent}with {self.helpers['dsl']}.If({self.condition(node, opposite=not node.then)}"
        yield from self.branch(first, level + 1)
        if second:
            yield f"{indent}with {self.helpers['dsl']}.Else():"
            yield from self.branch(second, level + 1)

    def branch(self, nodes: list[Node], level: int) -> Iterator[str]:
        """The tasks of a branch or loop. Python nests at most 20 blocks, so that deep ones get functions inside."""
        if level % 15:
            yield from self.nodes(nodes, level)
            return
        indent = "    " * level
        yield f"{indent}def deeper() -> None:"
        yield from self.nodes(nodes, level + 1)
        yield ""
        yield f"{indent}deeper()"

    def condition(self, node: Branches, opposite: bool) -> str:
        operator = _OPPOSITE[node.operator] if opposite else node.operator
        name = "" if reads_as_placeholder(node.step) else f", name={literal(plain(node.step))}"
        is_bool = isinstance(node.right, Plain) and isinstance(node.right.value, bool)
        comment = "  # noqa: E712 (a comparison that Kubeflow evaluates)" if is_bool else ""
        return f"{self.value(node.left)} {operator} {self.value(node.right)}{name}):{comment}"

    def task(self, task: Task) -> str:
        function = task.component.function
        binding = _binding(task)
        called = f"{self.helpers[binding]}({function})" if binding else function
        if task.machine is not None:
            called = f"{self.helpers['on_machine']}({function}, {self.machine(task.machine)})"
        inputs = ", ".join(f"{name}={self.value(value)}" for name, value in task.inputs.items())
        settings = [f".set_caching_options({task.caching})"]
        if task.retry is not None:
            settings.append(
                f".set_retry({task.retry.attempts}, backoff_duration={literal(f'{task.retry.interval_s:g}s')}, "
                f"backoff_factor={task.retry.backoff:g})"
            )
        if task.display_name is not None:
            settings.append(f".set_display_name({literal(task.display_name)})")
        if task.after:
            settings.append(f".after({', '.join(task.after)})")
        target = f"{task.variable} = " if task.variable in self.referenced else ""
        return f"{target}{called}({inputs},){''.join(settings)}"

    def machine(self, machine: Machine) -> str:
        arguments = [self.value(machine.type)]
        if machine.accelerator is not None:
            arguments.append(f"accelerator={literal(machine.accelerator)}")
            arguments.append(f"accelerator_count={machine.accelerator_count}")
        if machine.disk_type not in (None, "pd-ssd"):
            arguments.append(f"disk_type={literal(machine.disk_type)}")
        if machine.disk_gb != 100:
            arguments.append(f"disk_gb={machine.disk_gb}")
        if machine.timeout_s is not None:
            arguments.append(f"timeout_s={machine.timeout_s}")
        if machine.replicas != 1:
            arguments.append(f"replicas={machine.replicas}")
        if machine.spot:
            arguments.append("spot=True")
        if machine.labels:
            arguments.append(f"labels={literal(dict(machine.labels))}")
        return ", ".join(arguments)

    def value(self, value: Value) -> str:
        """A value as Python source."""
        if isinstance(value, Plain):
            return literal(value.value)
        if isinstance(value, Parameter):
            return value.name
        if isinstance(value, Output):
            return f"{value.task}.outputs[{literal(value.name)}]"
        if isinstance(value, Collected):
            return f"{self.helpers['dsl']}.Collected({self.value(value.output)})"
        if isinstance(value, Item):
            return f"{value.loop}.{value.part}"
        if isinstance(value, Address):
            bucket = f"{self.helpers['buckets']}.{value.bucket}"
            return formatted([(False, "gs://"), (True, bucket), (False, value.path)])
        if isinstance(value, BucketName):
            return f"{self.helpers['buckets']}.{value.bucket}"
        if isinstance(value, Data):
            return f"{self.helpers['data']}({self.value(value.uri)})"
        if isinstance(value, Code):
            return f"{self.helpers['code']}({literal(value.folder)})"
        return f"{self.helpers['dsl']}.{value.constant}"


_COMPUTE = ("on_machine", "running_trials")


def _binding(task: Task) -> str | None:
    """The function of compute.py that a task's component goes through, if any."""
    return "running_trials" if task.trials else "on_machine" if task.machine is not None else None


_OPPOSITE = {"==": "!=", ">": "<=", ">=": "<", "<": ">=", "<=": ">"}


def _referenced(plan: Plan) -> set[str]:
    """The variables of tasks that something in pipeline.py refers to."""
    found: set[str] = set()
    for task in all_tasks(plan.body):
        found.update(task.after)
        found.update(output.task for value in task.inputs.values() if (output := output_of(value)) is not None)
    for node in _all_groups(plan.body):
        values = (node.left, node.right) if isinstance(node, Branches) else (node.items,)
        found.update(value.task for value in values if isinstance(value, Output))
    return found


def _all_groups(nodes: Iterable[Node]) -> Iterator[Branches | Loop]:
    for node in nodes:
        if isinstance(node, Task):
            continue
        yield node
        yield from _all_groups(node.body if isinstance(node, Loop) else [*node.then, *node.otherwise])
