"""The expressions of a definition: `Get`, `Std:Join`, `Std:JsonGet`, and plain values."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A plain JSON value; a list or an object may hold expressions of its own."""

    value: Any


@dataclass(frozen=True, slots=True)
class ParameterReference:
    """`{"Get": "Parameters.NAME"}`."""

    name: str


@dataclass(frozen=True, slots=True)
class ExecutionVariable:
    """`{"Get": "Execution.NAME"}`."""

    name: str


@dataclass(frozen=True, slots=True)
class PropertyReference:
    """`{"Get": "Steps.STEP.PATH"}`.

    Attributes:
        step: the name of the step.
        path: the property, element by element: names, and keys and indices in brackets as they stand,
            such as `("ProcessingOutputConfig", "Outputs", "['train']", "S3Output", "S3Uri")`.
    """

    step: str
    path: tuple[str, ...]

    @property
    def key(self) -> str | None:
        """The first key or index in brackets, without brackets and quotes: `train`; None if there is none."""
        found = next((part for part in self.path if part.startswith("[")), None)
        return None if found is None else bracket_key(found)

    @property
    def pattern(self) -> str:
        """The path with every bracket empty, as the mapping tables write it: `….Outputs[].S3Output.S3Uri`."""
        return "".join("[]" if part.startswith("[") else f".{part}" for part in self.path).lstrip(".")

    @property
    def written(self) -> str:
        """The path as the definition writes it: `OutputParameters['rows']`."""
        return "".join(part if part.startswith("[") else f".{part}" for part in self.path).lstrip(".")


@dataclass(frozen=True, slots=True)
class Join:
    """`{"Std:Join": {"On": ..., "Values": [...]}}`."""

    on: str
    values: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class JsonGet:
    """`{"Std:JsonGet": {...}}`: a value of a property file, or of the JSON object at an S3 URI.

    Attributes:
        step: the step that writes the property file; None for the form with a URI.
        property_file: the name of the property file; None for the form with a URI.
        uri: the URI; None for the form with a property file.
        path: the path inside the JSON document.
    """

    step: str | None
    property_file: str | None
    uri: Expression | None
    path: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that looks like an expression and is none that is known; kept as it stands."""

    value: Any


@dataclass(frozen=True, slots=True)
class LoopReference(Unknown):
    """What has a value inside a ForEach step only; everywhere else it is as good as unknown.

    Attributes:
        step: the step of the body whose output is meant, in `{"Get": "IterationOutput.STEP.PATH"}`; None for a part of
            the current item, in `{"Get": "ForEach.CurrentItem.PATH"}`.
        path: as for a property reference.
    """

    step: str | None
    path: tuple[str, ...]


Reference: TypeAlias = ParameterReference | ExecutionVariable | PropertyReference | JsonGet | Unknown
Expression: TypeAlias = Literal | Join | Reference
# What an expression is made of, once its joins are undone.
Part: TypeAlias = str | Reference

_FUNCTIONS = frozenset({"Get", "Std:Join", "Std:JsonGet"})
# Releases of the SDK v3 differ in the name.
_BODY_OUTPUTS = ("IterationOutput", "ChildOutput")
# a name, or a key in brackets; a key may hold quotes and brackets of its own
_PATH_PART = re.compile(r"\.?([^.\[]+)|(\[(?:'.*?'|\".*?\"|[^\]]*)\](?=[.\[]|$))", re.DOTALL)


def bracket_key(part: str) -> str:
    """The key in a bracket of a property path, without its quotes: `['train']` is `train`."""
    inner = part[1:-1]
    return inner[1:-1] if len(inner) > 1 and inner[0] == inner[-1] and inner[0] in "'\"" else inner


def is_expression(value: Any) -> bool:
    """Whether a JSON value is an expression: an object with the one key `Get`, `Std:Join` or `Std:JsonGet`."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _FUNCTIONS


def parse(value: Any, steps: Collection[str] = ()) -> Expression:
    """Read an expression.

    Args:
        value: a JSON value.
        steps: the names of all steps; they decide where a name that holds dots ends.
    """
    if not is_expression(value):
        return Literal(value)
    function, argument = next(iter(value.items()))
    if function == "Get":
        return _get(argument, steps)
    if function == "Std:Join":
        return _join(argument, steps)
    return _json_get(argument, steps)


def _get(text: Any, steps: Collection[str]) -> Expression:
    if not isinstance(text, str):
        return Unknown({"Get": text})
    root, _, rest = text.partition(".")
    if root == "Parameters" and rest:
        return ParameterReference(rest)
    if root == "Execution" and rest:
        return ExecutionVariable(rest)
    if root == "Steps" and rest:
        return _property(rest, steps)
    if root in _BODY_OUTPUTS and rest:
        output = _property(rest, steps)
        return LoopReference({"Get": text}, output.step, output.path)
    if re.match(r"ForEach\.CurrentItem(?![^.\[])", text):
        return LoopReference({"Get": text}, None, _path(text.removeprefix("ForEach.CurrentItem")))
    return Unknown({"Get": text})


def _path(text: str) -> tuple[str, ...]:
    return tuple(name or bracket for name, bracket in _PATH_PART.findall(text))


def _property(text: str, steps: Collection[str]) -> PropertyReference:
    """Split after the longest known step name that ends at a dot, a bracket or the end; else at the first dot."""
    ends = [match.start() for match in re.finditer(r"[.\[]", text)] + [len(text)]
    end = next((end for end in reversed(ends) if text[:end] in steps), ends[0])
    return PropertyReference(text[:end], _path(text[end:]))


def _join(argument: Any, steps: Collection[str]) -> Expression:
    if not isinstance(argument, dict) or not isinstance(argument.get("Values"), list):
        return Unknown({"Std:Join": argument})
    on = argument.get("On", "")
    if not isinstance(on, str):
        return Unknown({"Std:Join": argument})
    return Join(on, tuple(parse(value, steps) for value in argument["Values"]))


def _json_get(argument: Any, steps: Collection[str]) -> Expression:
    if not isinstance(argument, dict) or not isinstance(argument.get("Path"), str):
        return Unknown({"Std:JsonGet": argument})
    path = argument["Path"]
    if "S3Uri" in argument:
        return JsonGet(None, None, parse(argument["S3Uri"], steps), path)
    file = argument.get("PropertyFile")
    if isinstance(file, str) and isinstance(argument.get("Step"), str):
        return JsonGet(argument["Step"].removeprefix("Steps."), file, None, path)
    reference = parse(file, steps)
    if isinstance(reference, PropertyReference) and len(reference.path) > 1 and reference.path[0] == "PropertyFiles":
        # a name that holds dots was split like any other path
        name = ".".join(bracket_key(part) if part.startswith("[") else part for part in reference.path[1:])
        return JsonGet(reference.step, name, None, path)
    return Unknown({"Std:JsonGet": argument})


def parts(expression: Expression) -> Iterator[Expression]:
    """The expression and all that it is made of, outermost first."""
    yield expression
    if isinstance(expression, Join):
        for value in expression.values:
            yield from parts(value)
    elif isinstance(expression, JsonGet) and expression.uri is not None:
        yield from parts(expression.uri)


def as_text(value: Any) -> str:
    """A plain value as SageMaker puts it into text: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def flatten(expression: Expression) -> list[Part]:
    """An expression as a sequence of texts and references; neighbouring texts are one."""
    merged: list[Part] = []
    for part in _pieces(expression):
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    return merged


def _pieces(expression: Expression) -> Iterator[Part]:
    if isinstance(expression, Literal):
        yield as_text(expression.value)
    elif isinstance(expression, Join):
        for index, value in enumerate(expression.values):
            if index:
                yield expression.on
            yield from _pieces(value)
    else:
        yield expression


def pointer_token(key: str | int) -> str:
    """One reference token of a JSON pointer, escaped (RFC 6901)."""
    return str(key).replace("~", "~0").replace("/", "~1")


_NESTED = (dict, list)
# The keys from a value up to the root, the last one first.
Trail: TypeAlias = "tuple[Trail | None, str | int]"


def expressions_in(value: Any, steps: Collection[str] = (), pointer: str = "") -> Iterator[tuple[str, Expression]]:
    """All outermost expressions inside a JSON value, each with its JSON pointer; plain leaves are left out."""
    # most leaves are plain: pointers are only written for the others
    stack: list[tuple[Any, Trail | None]] = [(value, None)]
    while stack:
        found, trail = stack.pop()
        if isinstance(found, list):
            stack += [(found[i], (trail, i)) for i in range(len(found) - 1, -1, -1) if isinstance(found[i], _NESTED)]
        elif is_expression(found):
            yield pointer + pointer_of(trail), parse(found, steps)
        elif isinstance(found, dict):
            stack += [(item, (trail, key)) for key, item in reversed(found.items()) if isinstance(item, _NESTED)]


def pointer_of(trail: Trail | None) -> str:
    """The JSON pointer of a value; building it is put off until it is asked for."""
    tokens = []
    while trail is not None:
        trail, key = trail
        tokens.append(f"/{pointer_token(key)}")
    return "".join(reversed(tokens))
