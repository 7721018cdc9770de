"""Puts the parts of the container contract together into the one file that travels in generated projects."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module, resources
from pkgutil import iter_modules

from . import parts
from .parts.task import PROGRAMS, VERBS
from .parts.training import ALGORITHMS

# Every project gets these, so that people can add tasks of their own without converting again.
ALWAYS = ("processing", "training", "condition", "fail")
_HEAD = re.compile(r"^# Verbs: (.*)$", re.MULTILINE)

for _module in iter_modules(parts.__path__):
    import_module(f"{parts.__name__}.{_module.name}")


def verbs() -> dict[str, str]:
    """All verbs, built-in algorithms and programs, each with the name of the part that defines it."""
    functions = {**VERBS, **ALGORITHMS, **PROGRAMS}
    return {name: functions[name].__module__.rpartition(".")[2] for name in sorted(functions)}


def source(wanted: Iterable[str] | None = None) -> str:
    """The text of the contract, as a generated project carries it.

    Args:
        wanted: the verbs and algorithms that the pipeline uses; `ALWAYS` are there as well. None stands for all.
    """
    known = verbs()
    names = tuple(known if wanted is None else sorted({*ALWAYS, *wanted} & known.keys()))
    return _source(names)


def is_of_this_version(text: str) -> bool:
    """Whether a text is a contract as this version writes it."""
    head = _HEAD.search(text)
    return head is not None and text == source(head[1].split(", "))


@cache
def _source(names: tuple[str, ...]) -> str:
    known = verbs()
    modules = _ordered([*(known[name] for name in names), "main"])
    imports, from_typing, bodies = set(), set(), []
    for name in modules:
        text = _text(name)
        tree = ast.parse(text)
        end = 0
        for node in tree.body:
            match node:
                case ast.Import():
                    imports.add(ast.unparse(node))
                case ast.ImportFrom(level=0):
                    from_typing |= {alias.name for alias in node.names}
                case ast.ImportFrom() | ast.Expr(ast.Constant()):
                    pass
                case _:
                    break
            end = node.end_lineno or 0
        title = (ast.get_docstring(tree) or "").splitlines()[0].rstrip(".")
        body = "\n".join(text.splitlines()[end:]).strip("\n")
        bodies.append(f"# --- {title} ".ljust(120, "-") + "\n\n" + body)
    head = ast.get_docstring(ast.parse(_text("main")), clean=False)
    return "\n".join(
        [
            f'"""{head}"""\n',
            "# Written by smx2vertex from its parts; converting again puts in what the pipeline needs.",
            f"# Verbs: {', '.join(names)}\n",
            *sorted(imports),
            f"from typing import {', '.join(sorted(from_typing))}\n",
            "\n\n\n".join(bodies),
            "",
        ]
    )


def _ordered(names: Iterable[str]) -> list[str]:
    """The parts with all that they import, each after those."""
    found: list[str] = []

    def add(name: str) -> None:
        if name not in found:
            for other in _imported(name):
                add(other)
            found.append(name)

    for name in names:
        add(name)
    return found


def _imported(name: str) -> Iterator[str]:
    for node in ast.parse(_text(name)).body:
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
            yield node.module


def _text(name: str) -> str:
    return resources.files(parts).joinpath(f"{name}.py").read_text(encoding="utf-8")
