"""Python source of a plan: pipeline.py and the modules of components. `ruff format` gives it its final layout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .names import docstring, formatted, literal, plain, reads_as_placeholder
from .plan import (
    Address,
    Branches,
    Code,
    Component,
    Data,
    Machine,
    Node,
    Option,
    Output,
    Parameter,
    PipelineParameter,
    Placeholder,
    Plain,
    Plan,
    Port,
    Setting,
    Task,
    Value,
)
from .planner import all_tasks

_SETTINGS = {"buckets": Address, "code": Code, "data": Data}
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
        f"def {component.function}({''.join(f'{_port(port)},' for port in ports)}):",
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
    for option in component.options:
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
        yield from map(literal, component.words)


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
    body = list(_nodes(plan.body, 1, _referenced(plan)))
    text = "\n".join(body)
    parameters = [_parameter(parameter) for parameter in plan.parameters]
    values = [value for task in all_tasks(plan.body) for value in task.inputs.values()]
    values += [value.uri for value in values if isinstance(value, Data)]
    values += [parameter.default for parameter in plan.parameters if parameter.default is not None]
    settings = [name for name, kind in _SETTINGS.items() if any(isinstance(value, kind) for value in values)]
    lines = [
        '"""The pipeline. Compile it with `python compile_pipeline.py`; what is left to do stands in MIGRATION.md."""',
        "",
        "from kfp import dsl",
        "",
        f"from .components import {', '.join(sorted(task.component.function for task in all_tasks(plan.body)))}",
        *(["from .compute import on_machine"] if "on_machine(" in text else []),
        f"from .settings import {', '.join(settings)}",
        "",
        "",
        f"def {plan.package}(",
        *(f"    {parameter}" for parameter in parameters),
        ") -> None:",
        f"    {docstring(f'Converted from the SageMaker pipeline `{plan.source}`.')}",
        *body,
    ]
    return "\n".join(lines) + "\n"


def _parameter(parameter: PipelineParameter) -> str:
    default = "" if parameter.default is None else f" = {value_source(parameter.default)}"
    comment = f"  # {plain(parameter.comment)}" if parameter.comment else ""
    return f"{parameter.name}: {parameter.type}{default},{comment}"


def _referenced(plan: Plan) -> set[str]:
    """The variables of tasks that something in pipeline.py refers to."""
    found: set[str] = set()
    for task in all_tasks(plan.body):
        found.update(task.after)
        found.update(value.task for value in task.inputs.values() if isinstance(value, Output))
    for branches in _all_branches(plan.body):
        found.update(value.task for value in (branches.left, branches.right) if isinstance(value, Output))
    return found


def _all_branches(nodes: Iterable[Node]) -> Iterator[Branches]:
    for node in nodes:
        if isinstance(node, Branches):
            yield node
            yield from _all_branches([*node.then, *node.otherwise])


def _nodes(nodes: list[Node], level: int, referenced: set[str]) -> Iterator[str]:
    indent = "    " * level
    for index, node in enumerate(nodes):
        if index:
            yield ""
        if isinstance(node, Task):
            yield from (indent + line for line in _task(node, node.variable in referenced))
        else:
            yield from _branches(node, level, referenced)


def _branches(node: Branches, level: int, referenced: set[str]) -> Iterator[str]:
    indent = "    " * level
    name = "" if reads_as_placeholder(node.step) else f", name={literal(plain(node.step))}"
    if node.then:
        yield f"{indent}with dsl.If({_condition(node, name)}"
        yield from _branch(node.then, level + 1, referenced)
        if node.otherwise:
            yield f"{indent}with dsl.Else():"
            yield from _branch(node.otherwise, level + 1, referenced)
        return
    # a branch without tasks cannot stand in a pipeline, so the comparison is turned around
    yield f"{indent}with dsl.If({_condition(node, name, opposite=True)}"
    yield from _branch(node.otherwise, level + 1, referenced)


def _branch(nodes: list[Node], level: int, referenced: set[str]) -> Iterator[str]:
    """The tasks of a branch. Python nests at most 20 blocks in a function, so that deep ones get functions inside."""
    if level % 15:
        yield from _nodes(nodes, level, referenced)
        return
    indent = "    " * level
    yield f"{indent}def deeper() -> None:"
    yield from _nodes(nodes, level + 1, referenced)
    yield ""
    yield f"{indent}deeper()"


_OPPOSITE = {"==": "!=", ">": "<=", ">=": "<", "<": ">=", "<=": ">"}


def _condition(node: Branches, name: str, opposite: bool = False) -> str:
    operator = _OPPOSITE[node.operator] if opposite else node.operator
    is_bool = isinstance(node.right, Plain) and isinstance(node.right.value, bool)
    comment = "  # noqa: E712 (a comparison that Kubeflow evaluates)" if is_bool else ""
    return f"{value_source(node.left)} {operator} {value_source(node.right)}{name}):{comment}"


def _task(task: Task, assigned: bool) -> Iterator[str]:
    function = task.component.function
    called = function if task.machine is None else f"on_machine({function}, {_machine(task.machine)})"
    inputs = ", ".join(f"{name}={value_source(value)}" for name, value in task.inputs.items())
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
    target = f"{task.variable} = " if assigned else ""
    yield f"{target}{called}({inputs},){''.join(settings)}"


def _machine(machine: Machine) -> str:
    arguments = [value_source(machine.type)]
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
    return ", ".join(arguments)


def value_source(value: Value) -> str:
    """A value as Python source."""
    if isinstance(value, Plain):
        return literal(value.value)
    if isinstance(value, Parameter):
        return value.name
    if isinstance(value, Output):
        return f"{value.task}.outputs[{literal(value.name)}]"
    if isinstance(value, Address):
        return formatted([(False, "gs://"), (True, f"buckets.{value.bucket}"), (False, f"/{value.key}")])
    if isinstance(value, Data):
        return f"data({value_source(value.uri)})"
    if isinstance(value, Code):
        return f"code({literal(value.folder)})"
    if isinstance(value, Placeholder):
        return f"dsl.{value.constant}"
    raise AssertionError(value)
