"""The shape that both sides are brought to: nodes with facts, values made of parts, guards of branches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from .programs import Program


@dataclass(frozen=True, slots=True)
class Param:
    """The value of a pipeline parameter; `format` is the type that it is written as: str, int, float, bool, json."""

    name: str
    format: str = "str"


@dataclass(frozen=True, slots=True)
class Product:
    """Something that a node makes.

    Attributes:
        owner: the node: a step's name, or a task's id before the alignment is known.
        what: `("output", mount path)`, `("model",)`, `("predictions",)`, `("serving model",)`, `("resource name",)`,
            `("value", file, JSON path)`, `("items",)` of a loop, `("item", field)` of one of them, `("count", which)`,
            `("copy", which one, property)`, `("metric", name)`, `("result",)`, or `("named", name)` where the program
            cannot be looked into, so that only the name of the output tells; `("unpublished", name)` where it can,
            and leaves nothing there.
    """

    owner: str
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bucket:
    """The beginning of an address, such as `s3://acme-ml`."""

    scheme: str
    name: str


@dataclass(frozen=True, slots=True)
class Execution:
    """What only the engine knows: `execution id`, `execution name`, `start time`, …."""

    what: str


@dataclass(frozen=True, slots=True)
class Const:
    """A typed value that a condition compares with; `kind` is number, text, bool or other."""

    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Unseen:
    """A value that cannot be known from the document."""

    text: str


Part: TypeAlias = str | Param | Product | Bucket | Execution | Const | Unseen
Template: TypeAlias = tuple[Part, ...]

_BUCKET = re.compile(r"\b(s3|s3a|s3n|gs)://([^/\s\"',]*)")


def template(parts: Iterable[Part]) -> Template:
    """Parts as a value: neighbouring texts are one, the buckets in them parts of their own, empty texts gone."""
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return tuple(found for part in merged for found in (_buckets(part) if isinstance(part, str) else (part,)) if found)


def _buckets(text: str) -> Iterator[Part]:
    end = 0
    for match in _BUCKET.finditer(text):
        yield text[end : match.start()]
        yield Bucket("gs" if match[1] == "gs" else "s3", match[2])
        end = match.end()
    yield text[end:]


def const(value: Any) -> Const:
    """A plain value in a condition."""
    if isinstance(value, bool):
        return Const("bool", value)
    if isinstance(value, int | float):
        return Const("number", float(value))
    return Const("text", value) if isinstance(value, str) else Const("other", repr(value))


def address(value: Template, file: str = "") -> Template:
    """An address of data, with a file below it; a model and the archive that holds it are one."""
    parts = template((*value, f"/{file}" if file else ""))
    if parts and isinstance(parts[-1], str):
        last = parts[-1].rstrip("/")
        is_model = isinstance(parts[0], Product) and (parts[0].what == ("model",) or parts[0].what[0] == "copy")
        is_archive = is_model and last in ("/model.tar.gz", "/model")
        parts = template((*parts[:-1], "" if is_archive else last))
    return parts


def show(value: Iterable[Part]) -> str:
    """A value as people read it in a message."""
    return "".join(_show(part) for part in value) or "nothing"


def _show(part: Part) -> str:
    match part:
        case str():
            return part
        case Param(name):
            return f"{{parameter {name}}}"
        case Product(owner, ("value", file, path)):
            return f"{{{path} in {file.rpartition('/')[2]} of {owner}}}"
        case Product(owner, ("named", name)):
            return f"{{{name} of {owner}}}"
        case Product(owner, what):
            return f"{{{' '.join(what)} of {owner}}}"
        case Bucket(scheme, name):
            return f"{scheme}://{name}"
        case Execution(what):
            return f"{{{what}}}"
        case Const(_, value):
            return f"{value:g}" if isinstance(value, float) else repr(value)
        case Unseen(text):
            return f"{{unknown: {text}}}"


# --- conditions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison; `operator` is one of `== > >= < <=`."""

    operator: str
    left: Part
    right: Part


@dataclass(frozen=True, slots=True)
class In:
    """Whether a value is among others."""

    query: Part
    values: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    test: Test


@dataclass(frozen=True, slots=True)
class All:
    """True if all are."""

    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True if one is."""

    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Opaque:
    """A condition that cannot be read; `step` is set where a step stands for it that is not translated."""

    text: str
    step: str | None = None


Test: TypeAlias = Compare | In | Not | All | AnyOf | Opaque
# The format of a parameter that the engine writes into a text, as it likes.
BY_ENGINE = "any"
TURNED = {"==": "==", ">": "<", ">=": "<=", "<": ">", "<=": ">="}


def operands(test: Test) -> Iterator[Part]:
    """All values that a condition compares."""
    match test:
        case Compare(_, left, right):
            yield from (left, right)
        case In(query, values):
            yield from (query, *values)
        case Not(inner):
            yield from operands(inner)
        case All(tests) | AnyOf(tests):
            for each in tests:
                yield from operands(each)


def show_test(test: Test) -> str:
    """A condition as people read it."""
    match test:
        case Compare(operator, left, right):
            return f"{_show(left)} {operator} {_show(right)}"
        case In(query, values):
            return f"{_show(query)} in [{', '.join(map(_show, values))}]"
        case Not(inner):
            return f"not ({show_test(inner)})"
        case All(tests):
            return " and ".join(f"({show_test(each)})" for each in tests)
        case AnyOf(tests):
            return " or ".join(f"({show_test(each)})" for each in tests)
        case Opaque(text):
            return text


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition that must have this outcome for a node to run.

    Attributes:
        condition: the condition step, if it is known.
        at: JSON pointer or place in the pipeline spec.
    """

    test: Test
    outcome: bool
    condition: str | None = None
    at: str = ""


def split_guard(guard: Guard) -> Iterator[Guard]:
    """Conditions joined by "and" hold one by one; so do those joined by "or" where none may hold."""
    match guard.test, guard.outcome:
        case Not(inner), outcome:
            yield from split_guard(replace(guard, test=inner, outcome=not outcome))
        case (All(tests), True) | (AnyOf(tests), False):
            for test in tests:
                yield from split_guard(replace(guard, test=test))
        case _:
            yield guard


# --- nodes -----------------------------------------------------------------------------------------------------------

Key: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A value that reaches a node, and the place that says so."""

    value: Template
    at: str = ""


@dataclass(frozen=True, slots=True)
class Repetition:
    """A loop around a node: the items that it runs over, how many copies run at once, the place that says so."""

    items: Template
    at_once: str
    at: str = ""


@dataclass(slots=True)
class Node:
    """A step, a task, or the tasks that stand for a step.

    Attributes:
        kind: processing, training, transform, model, register, condition, fail, not translated, importer, or what the
            document calls it.
        facts: what reaches it, by what it is: `("hyperparameter", "max_depth")`, `("input", "/opt/ml/processing/x")`,
            `("machine",)`; `("machine", "trial")` is that of the training jobs that it starts.
        words: the entry point with its arguments; None where the image's own runs.
        guards: the conditions around it.
        guards_of_others: of a step with several tasks: the conditions around the others.
        loops: the loops around it, outermost first.
        branches: of a step: the branches, as (condition step, outcome), that it needs to be taken.
        waits: the nodes that it waits for.
        after: those among them that it names for the order alone, with the places.
        visible: whether the document tells what reaches the program. If not, `facts` has the kind `value` only.
        step: the step that it says it stands for.
        code: of a step that is not translated: the finding.
        names: what people call it, the surest name first.
        test: of a condition: what it tests.
        imports: the importers that bring its inputs in.
        guess: the kind that it probably is, where the document does not tell: by what it makes, by its code.
        asked: the tasks whose results the conditions around it read.
        label: what people call a task.
        programs: the functions of lightweight components, by task.
        makes: its outputs, where nothing else tells what they are: schema titles by name, "" for a value.
    """

    name: str
    kind: str
    at: str
    facts: dict[Key, Fact] = field(default_factory=dict)
    words: tuple[Fact, ...] | None = None
    guards: tuple[Guard, ...] = ()
    guards_of_others: tuple[tuple[Guard, ...], ...] = ()
    loops: tuple[Repetition, ...] = ()
    branches: frozenset[tuple[str, bool]] = frozenset()
    waits: set[str] = field(default_factory=set)
    after: dict[str, str] = field(default_factory=dict)
    visible: bool = True
    step: str | None = None
    code: str | None = None
    names: tuple[str, ...] = ()
    test: Test | None = None
    imports: set[str] = field(default_factory=set)
    guess: str = ""
    asked: set[str] = field(default_factory=set)
    programs: dict[str, Program] = field(default_factory=dict)
    makes: dict[str, str] = field(default_factory=dict)
    label: str = ""

    def add(self, key: Key, value: Iterable[Part], at: str = "") -> None:
        """Note a fact; the first one of a key stays."""
        self.facts.setdefault(key, Fact(template(value), at or self.at))

    def parts(self) -> Iterator[Part]:
        """All parts of all values that reach it."""
        for fact in (*self.facts.values(), *(self.words or ())):
            yield from fact.value
        for guard in self.guards:
            yield from operands(guard.test)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A pipeline parameter: type is str, int, float, bool or another word; the default a value, or MISSING."""

    name: str
    type: str
    default: Any
    required: bool
    at: str
    allowed: tuple[Any, ...] | None = None


@dataclass(slots=True)
class Pipeline:
    """A pipeline of either side."""

    name: str
    parameters: dict[str, Parameter]
    nodes: dict[str, Node]
    file: str | None = None
