"""What the names of a program stand for: imports, aliases, and the values they were given, scope by scope."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from .code import Program

Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a name is known: a function, or the whole file (no parent)."""

    name: str = ""
    parent: Scope | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the program, and the scope it stands in."""

    node: ast.AST
    scope: Scope


@dataclass(frozen=True, slots=True)
class Binding:
    """A value that a name has from `position` on; one that does not replace is added: `x.append(value)`."""

    position: Position
    value: Node
    replaces: bool = True


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: `from module import name`; name None is `import module`, `*` all names."""

    module: str
    name: str | None
    line: int
    level: int = 0


@dataclass(slots=True)
class Names:
    """The names of a program.

    Attributes:
        nodes: all nodes, parents before children.
        aliases: the dotted path that a name stands for: `st` is `sagemaker.workflow.steps`.
        defined: all names that the program itself gives a meaning.
    """

    program: Program
    nodes: list[Node] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    bindings: dict[tuple[Scope | None, str], list[Binding]] = field(default_factory=dict)

    def path(self, node: ast.AST) -> str | None:
        """The dotted path that an expression such as `st.ProcessingStep` leads to; None if it is not imported."""
        text = dotted(node)
        if text is None:
            return None
        first, dot, rest = text.partition(".")
        known = self.aliases.get(first)
        return None if known is None else f"{known}{dot}{rest}"

    def modules(self) -> Iterator[str]:
        """The modules that are imported."""
        return (each.module for each in self.imports)

    def stars(self) -> list[Import]:
        """The imports of all names of a module."""
        return [each for each in self.imports if each.name == "*"]

    def values(self, found: Node) -> list[Node]:
        """The values that a name, an attribute or an item may have where it is used; empty if nothing is known."""
        name = dotted(found.node) or _item(found.node)
        if name is None:
            return []
        line, column = _start(found.node)
        scope: Scope | None = found.scope
        while scope is not None:
            bindings = self.bindings.get((scope, name))
            if bindings:
                # an outer function or file is complete when the inner one runs
                known = len(bindings)
                if scope is found.scope:
                    known = bisect_right(bindings, (line, column), key=lambda each: each.position)
                return _current(bindings, known or len(bindings))
            scope = scope.parent
        return []

    def constant(self, node: ast.AST, scope: Scope) -> object:
        """The value of a constant, also behind a name that has one value; None for everything else."""
        for _ in range(10):
            if isinstance(node, ast.Constant):
                return node.value
            values = self.values(Node(node, scope)) if isinstance(node, (ast.Name, ast.Attribute)) else []
            if len(values) != 1:
                return None
            node, scope = values[0].node, values[0].scope
        return None


def read_names(program: Program) -> Names:
    """Walk a program once and note what its names stand for."""
    names = Names(program)
    stack = [Node(statement, Scope()) for statement in reversed(program.statements)]
    while stack:
        found = stack.pop()
        names.nodes.append(found)
        _note(names, found)
        inner = _inner_scope(found)
        stack.extend(Node(child, inner) for child in reversed(list(ast.iter_child_nodes(found.node))))
    for bindings in names.bindings.values():
        bindings.sort(key=lambda each: each.position)
    _follow_aliases(names)
    return names


def _inner_scope(found: Node) -> Scope:
    node = found.node
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return Scope(f"{node.name}:{node.lineno}", found.scope)
    return found.scope


def _note(names: Names, found: Node) -> None:
    node = found.node
    if isinstance(node, ast.Import):
        for each in node.names:
            names.imports.append(Import(each.name, None, node.lineno))
            names.aliases[each.asname or each.name.partition(".")[0]] = (
                each.name if each.asname else each.name.partition(".")[0]
            )
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        for each in node.names:
            names.imports.append(Import(module, each.name, node.lineno, node.level))
            if each.name != "*":
                names.aliases[each.asname or each.name] = f"{'.' * node.level}{module}.{each.name}"
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        names.defined.add(node.name)
    elif isinstance(node, ast.arg):
        names.defined.add(node.arg)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        names.defined.add(node.id)
    else:
        _bind(names, found)


def _bind(names: Names, found: Node) -> None:
    node, scope = found.node, found.scope
    if isinstance(node, ast.Assign):
        for target in node.targets:
            _assign(names, target, node.value, scope)
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and node.value is not None:
        _assign(names, node.target, node.value, scope, replaces=not isinstance(node, ast.AugAssign))
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        for item in node.items:
            if item.optional_vars is not None:
                _assign(names, item.optional_vars, item.context_expr, scope)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        # a method may put its arguments into its object: steps.append(step), estimator.set_hyperparameters(...)
        function = node.value.func
        if isinstance(function, ast.Attribute):
            for argument in (*node.value.args, *(keyword.value for keyword in node.value.keywords)):
                _assign(names, function.value, argument, scope, replaces=False)


def _assign(names: Names, target: ast.AST, value: ast.AST, scope: Scope, replaces: bool = True) -> None:
    if isinstance(target, (ast.Tuple, ast.List)):
        values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
        if len(values) == len(target.elts):
            for each, part in zip(target.elts, values, strict=True):
                _assign(names, each, part, scope, replaces)
        return
    name = dotted(target) or _item(target)
    if name is None:
        return
    # an attribute (self.step) lives in all functions
    owner = _outermost(scope) if not isinstance(target, ast.Name) and "." in name.partition("[")[0] else scope
    binding = Binding(_end(value), Node(value, scope), replaces)
    names.bindings.setdefault((owner, name), []).append(binding)
    if isinstance(target, ast.Subscript):
        # what is put into a list or a dictionary is reached through the whole of it as well
        _assign(names, target.value, value, scope, replaces=False)


def _outermost(scope: Scope) -> Scope:
    while scope.parent is not None:
        scope = scope.parent
    return scope


def _current(bindings: list[Binding], known: int) -> list[Node]:
    """Of so many bindings the last value, and what was added to it since."""
    start = known - 1
    while start > 0 and not bindings[start].replaces:
        start -= 1
    return [each.value for each in bindings[start:known]]


def _follow_aliases(names: Names) -> None:
    """`Processing = ProcessingStep` and `class MyStep(ProcessingStep)` are names of the class, too."""
    for found in names.nodes:
        node = found.node
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, source = node.targets[0].id, node.value
        elif isinstance(node, ast.ClassDef) and node.bases:
            name, source = node.name, node.bases[0]
        else:
            continue
        path = names.path(source) if isinstance(source, (ast.Name, ast.Attribute)) else None
        if path is not None and name not in names.aliases:
            names.aliases[name] = path


def dotted(node: ast.AST) -> str | None:
    """The text of a chain of names: `dsl.component`; None for every other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def _item(node: ast.AST) -> str | None:
    """The text of `name[constant]`; None for every other expression."""
    if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)):
        return None
    base = dotted(node.value)
    return None if base is None else f"{base}[{node.slice.value!r}]"


def _start(node: ast.AST) -> Position:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _end(node: ast.AST) -> Position:
    return getattr(node, "end_lineno", 0) or 0, getattr(node, "end_col_offset", 0) or 0


def source_text(node: ast.AST) -> str:
    """An expression as source text, on one line, shortened, of characters that can be written to a file."""
    try:
        text = " ".join(ast.unparse(node).encode("utf-8", "replace").decode().split())
    except (RecursionError, ValueError):
        return "…"
    return text if len(text) <= 200 else f"{text[:199]}…"
