"""What `convert` would write for each step, without a project: the call in pipeline.py and the component."""

from __future__ import annotations

import ast
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from .compiling import LINE_LENGTH, format_code
from .plan import Plan
from .planner import all_tasks
from .source import component_module, pipeline_module


def generated_code(plan: Plan) -> dict[str, list[tuple[str, str]]]:
    """The generated code of each step: paths in the project, and the text or the part of it that is the step's."""
    files = _formatted(plan)
    pipeline = f"{plan.package}/pipeline.py"
    calls = _calls(files[pipeline])
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for task in all_tasks(plan.body):
        function = task.component.function
        if function in calls:
            found[task.step].append((pipeline, calls[function]))
        path = f"{plan.package}/components/{function}.py"
        found[task.step].append((path, files[path]))
    blocks = _blocks(files[pipeline])
    for step, texts in blocks.items():
        found[step].extend((pipeline, text) for text in texts)
    return dict(found)


def _formatted(plan: Plan) -> dict[str, str]:
    files = {f"{plan.package}/pipeline.py": pipeline_module(plan)}
    for component in plan.components:
        files[f"{plan.package}/components/{component.function}.py"] = component_module(component)
    with tempfile.TemporaryDirectory(prefix="smx2vertex-") as name:
        folder = Path(name)
        for path, text in {**files, "ruff.toml": f"line-length = {LINE_LENGTH}\n"}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        format_code(folder)
        return {path: (folder / path).read_text(encoding="utf-8") for path in files}


def _calls(source: str) -> dict[str, str]:
    """The statements of pipeline.py that make tasks, by the function of the component."""
    lines = source.splitlines()
    found = {}
    for statement in ast.walk(ast.parse(source)):
        if isinstance(statement, ast.Assign | ast.Expr):
            for node in ast.walk(statement):
                if isinstance(node, ast.Name):
                    found[node.id] = _dedented(lines, statement.lineno, statement.end_lineno or statement.lineno)
    return found


def _blocks(source: str) -> dict[str, list[str]]:
    """The heads of `with dsl.If(...)` and `with dsl.ParallelFor(...)`, by the step that they are named after."""
    lines = source.splitlines()
    found: dict[str, list[str]] = defaultdict(list)
    for block in ast.walk(ast.parse(source)):
        if isinstance(block, ast.With):
            for name in _named(block):
                found[name].append(_dedented(lines, block.lineno, block.body[0].lineno - 1))
    return found


def _named(block: ast.With) -> Iterator[str]:
    for item in block.items:
        keywords = item.context_expr.keywords if isinstance(item.context_expr, ast.Call) else ()
        for keyword in keywords:
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                yield str(keyword.value.value)


def _dedented(lines: list[str], first: int, last: int) -> str:
    chosen = lines[first - 1 : last]
    indent = len(chosen[0]) - len(chosen[0].lstrip())
    return "\n".join(line[indent:] for line in chosen) + "\n"
