"""The part of a module that one of its functions needs.

A module that decorates functions with `@step` mostly builds the pipeline too. SageMaker pickles the function with what
it refers to, and nothing else of the module runs; the same statements are found here, in the module's source.
"""

import ast
import symtable
from typing import Dict, Iterator, List, Set

from .command_line import ContractError

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)


def function_slice(source: str, path: str, function: str) -> ast.Module:
    """A module without the statements that a function does not need, and without the decorator `@step`."""
    tree = ast.parse(source, path)
    defined = [node for node in tree.body if isinstance(node, DEFINITIONS) and node.name == function]
    if len(defined) != 1:
        raise ContractError("{} defines the function {} {} times".format(path, function, len(defined)))
    sdk = sdk_names(tree)
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            node.decorator_list = [each for each in node.decorator_list if not is_step(each, sdk)]
    inner = names_inside(symtable.symtable(source, path, "exec"))
    reads = [names_read(node, inner) for node in tree.body]
    built = built_names(tree, sdk, reads)
    needed, chosen = {function}, set()  # type: Set[str], Set[int]
    growing = True
    while growing:
        growing = False
        for index, node in enumerate(tree.body):
            if index not in chosen and is_needed(node, reads[index], needed, built):
                chosen.add(index)
                needed |= reads[index]
                growing = True
    tree.body = [narrowed(node, needed) for index, node in enumerate(tree.body) if index in chosen]
    return tree


def is_needed(node: ast.stmt, reads: Set[str], needed: Set[str], built: Set[str]) -> bool:
    """Whether a statement gives one of these names its value, or changes what it holds (`np.random.seed(0)`)."""
    if isinstance(node, ast.ImportFrom) and (node.module == "__future__" or node.names[0].name == "*"):
        return not (node.module or "").startswith("sagemaker")
    if isinstance(node, ast.If) and "__name__" in loaded_names(node.test):
        return False
    if needed & set(bound_names(node)):
        return True
    return changed_name(node) in needed and not reads & built


def names_inside(table: symtable.SymbolTable) -> Dict[str, Set[str]]:
    """The names of the module that the bodies of its functions and classes read, by the names of these."""

    def of_module(inner: symtable.SymbolTable) -> Set[str]:
        found = {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
        return found.union(*(of_module(child) for child in inner.get_children()))

    found: Dict[str, Set[str]] = {}
    for child in table.get_children():
        found.setdefault(child.get_name(), set()).update(of_module(child))
    return found


def names_read(node: ast.stmt, inside: Dict[str, Set[str]]) -> Set[str]:
    """The names of the module that a statement at its top reads, at once or in the body of a function."""
    if not isinstance(node, DEFINITIONS):
        return loaded_names(node)
    heads = [each for each in ast.iter_child_nodes(node) if each not in node.body]
    return inside.get(node.name, set()).union(*(loaded_names(each) for each in heads))


def bound_names(node: ast.stmt) -> Iterator[str]:
    """The names that a statement at the top of a module gives a value."""
    if isinstance(node, DEFINITIONS):
        yield node.name
        return
    for inner in ast.walk(node):
        if isinstance(inner, IMPORTS):
            yield from (imported_as(alias) for alias in inner.names)
        elif isinstance(inner, DEFINITIONS):
            yield inner.name
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id


def imported_as(alias: ast.alias) -> str:
    return alias.asname or alias.name.split(".")[0]


def loaded_names(node: ast.AST) -> Set[str]:
    """The names that a statement or expression reads."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def changed_name(node: ast.stmt) -> str:
    """The name whose value `a.b(...)`, `a.b = ...` or `a[b] = ...` changes; "" for all other statements."""
    place = None  # type: object
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        place = node.value.func if isinstance(node.value.func, ast.Attribute) else None
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        place = node.targets[0]
    while isinstance(place, (ast.Attribute, ast.Subscript)):
        place = place.value
    return place.id if isinstance(place, ast.Name) else ""


def sdk_names(tree: ast.Module) -> Dict[str, str]:
    """The names under which a module imports something of the SageMaker SDK, each with what it is called there."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, IMPORTS):
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            names = [alias for alias in node.names if (module or alias.name).split(".")[0] == "sagemaker"]
            found.update({imported_as(alias): alias.name for alias in names})
    return found


def is_step(decorator: ast.expr, sdk: Dict[str, str]) -> bool:
    """Whether a decorator is `step` of the SageMaker SDK, with or without arguments."""
    place = decorator.func if isinstance(decorator, ast.Call) else decorator
    last = place.attr if isinstance(place, ast.Attribute) else ""
    while isinstance(place, ast.Attribute):
        place = place.value
    return isinstance(place, ast.Name) and place.id in sdk and (last or sdk[place.id]) == "step"


def built_names(tree: ast.Module, sdk: Dict[str, str], reads: List[Set[str]]) -> Set[str]:
    """The names that hold something of the SageMaker SDK, such as the pipeline; the functions themselves excepted."""
    found = set(sdk)
    for index, node in enumerate(tree.body):
        if not isinstance(node, DEFINITIONS + IMPORTS) and reads[index] & found:
            found.update(bound_names(node))
    return found


def narrowed(node: ast.stmt, needed: Set[str]) -> ast.stmt:
    """An import of several names, without those that are not needed."""
    if isinstance(node, IMPORTS) and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
        kept = [alias for alias in node.names if alias.name == "*" or imported_as(alias) in needed]
        node.names = kept
    return node


def imports_sdk(tree: ast.Module) -> bool:
    """Whether a module imports the SageMaker SDK, at its top or in a function."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.split(".")[0] == "sagemaker" for name in names):
            return True
    return False
