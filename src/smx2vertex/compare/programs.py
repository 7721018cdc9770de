"""Lightweight components: what the function in a task's command tells without being run."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

MAX_SOURCE = 200_000


@dataclass(frozen=True, slots=True)
class Program:
    """A function.

    Attributes:
        aliases: by input, the further names under which its value is handed on: keys, keywords.
        constants: values as texts, by the names under which they are handed on; those without a name under "".
        returned: what it returns, if it does nothing else.
        raises: whether it only prints and raises.
        calls: the names of what it calls.
    """

    aliases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    constants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    returned: ast.expr | None = None
    raises: bool = False
    calls: frozenset[str] = frozenset()

    def holds(self, text: str) -> bool:
        """Whether a value stands in the function."""
        return any(text in values for values in self.constants.values())


def read_program(command: Iterable[Any], arguments: Iterable[Any]) -> Program | None:
    """The function that a lightweight component runs; None for any other command, and for what cannot be read."""
    words = [word for word in arguments if isinstance(word, str)]
    name = next((after for word, after in pairwise(words) if word == "--function_to_execute"), None)
    texts = [text for text in command if isinstance(text, str) and f"def {name}(" in text and len(text) < MAX_SOURCE]
    if name is None or not texts:
        return None
    try:
        tree = ast.parse(texts[-1])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    function = next(functions, None)
    return None if function is None else _program(function)


def _program(function: ast.FunctionDef) -> Program:
    inputs = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
    aliases: dict[str, set[str]] = defaultdict(set)
    constants: dict[str, set[str]] = defaultdict(set)
    for name, value in _named(function):
        if isinstance(value, ast.Constant):
            constants[name].add(_text(value.value))
        found = {node.id for node in ast.walk(value) if isinstance(node, ast.Name) and node.id in inputs}
        if len(found) == 1:
            aliases[found.pop()].add(name)
    body = [node for node in function.body if not _is_text(node)]
    for node in (found for statement in body for found in ast.walk(statement)):
        if isinstance(node, ast.Constant):
            constants[""].add(_text(node.value))
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    returned = body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None
    return Program(
        {name: frozenset(names) for name, names in aliases.items()},
        {name: frozenset(values) for name, values in constants.items()},
        returned,
        bool(body) and _raises(body),
        frozenset(call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls),
    )


def _named(function: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """What is handed on under a name: entries of dictionaries, keywords, variables."""
    for node in ast.walk(function):
        match node:
            case ast.Dict(keys, values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield key.value, value
            case ast.keyword(arg=str(name), value=value):
                yield name, value
            case ast.Assign([ast.Name(name)], value):
                yield name, value


def _raises(body: list[ast.stmt]) -> bool:
    """Whether the last statement ends the program with an error, and those before it only import or print."""
    *before, last = body
    ends = isinstance(last, ast.Raise) or (isinstance(last, ast.Expr) and _called(last.value) == "exit")
    return ends and all(
        isinstance(node, ast.Import | ast.ImportFrom) or (isinstance(node, ast.Expr) and _called(node.value) == "print")
        for node in before
    )


def _called(node: ast.expr) -> str:
    match node:
        case ast.Call(ast.Name(name)) | ast.Call(ast.Attribute(attr=name)):
            return name
    return ""


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
