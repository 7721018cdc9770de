"""The typed model of a pipeline definition (schema version 2020-12-01). It keeps every raw value it was read from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ..findings import Finding
from .expressions import Expression

BranchName: TypeAlias = Literal["if", "else"]


class _Missing:
    """The default of a parameter that has none (null is a value)."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A pipeline parameter.

    Attributes:
        type: `String`, `Integer`, `Float` or `Boolean`; `String` where the definition names none of these.
        default: a JSON value, or MISSING.
        allowed: the values of `EnumValues`, or None.
        declared: False for a parameter that is used, but not declared.
    """

    name: str
    type: str
    default: Any
    allowed: tuple[Any, ...] | None
    pointer: str
    declared: bool = True

    @property
    def required(self) -> bool:
        """Whether an execution must give a value."""
        return self.default is MISSING


@dataclass(frozen=True, slots=True)
class PropertyFile:
    """A JSON file among a step's outputs, from which conditions read."""

    name: str
    output: str
    path: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Cache:
    """`CacheConfig`: ExpireAfter is kept as written (`P30D`, `30d`, `PT1H`, …)."""

    enabled: bool
    expire_after: str | None


@dataclass(frozen=True, slots=True)
class Retry:
    """One retry policy. Intervals are seconds, `expire_after` minutes; MaxAttempts counts retries, not runs."""

    exceptions: tuple[str, ...]
    interval: float
    backoff: float
    max_attempts: int | None
    pointer: str
    expire_after: float | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """An entry of `DependsOn`. SDK v3 writes a trigger (`Failed`, `Stopped`, `Any`) where it is not `Completed`."""

    step: str
    trigger: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a step stands inside a condition step."""

    condition: str
    name: BranchName


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition with two sides, such as GreaterThanOrEqualTo."""

    type: str
    left: Expression
    right: Expression
    pointer: str


@dataclass(frozen=True, slots=True)
class Membership:
    """The condition In."""

    query: Expression
    values: tuple[Expression, ...]
    pointer: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    condition: Condition
    pointer: str


@dataclass(frozen=True, slots=True)
class Or:
    """True if one of the conditions is."""

    conditions: tuple[Condition, ...]
    pointer: str


@dataclass(frozen=True, slots=True)
class UnknownCondition:
    """A condition of a type that SageMaker does not know, kept as it stands."""

    value: Any
    pointer: str


# An expression with its JSON pointer.
Place: TypeAlias = tuple[str, Expression]
Condition: TypeAlias = Comparison | Membership | Not | Or | UnknownCondition


@dataclass(frozen=True, slots=True)
class Step:
    """A node of the source pipeline.

    Attributes:
        arguments: the raw `Arguments` (an empty dict where they are missing or no object).
        dependencies: the entries of `DependsOn`, both spellings.
        branch: the innermost condition branch that it stands in, or None.
        conditions: of a Condition step: all must hold for the if branch.
        if_steps, else_steps: of a Condition step.
        body: of a ForEach step: the steps that it repeats for each item.
        expressions: the outermost expressions of its own fields, each with its JSON pointer; those of what a ForEach
            repeats too, but not those of the steps inside a condition.
    """

    name: str
    type: str
    arguments: dict[str, Any]
    raw: dict[str, Any]
    pointer: str
    dependencies: tuple[Dependency, ...] = ()
    branch: Branch | None = None
    property_files: tuple[PropertyFile, ...] = ()
    cache: Cache | None = None
    retries: tuple[Retry, ...] = ()
    conditions: tuple[Condition, ...] = ()
    if_steps: tuple[Step, ...] = ()
    else_steps: tuple[Step, ...] = ()
    body: tuple[Step, ...] = ()
    expressions: tuple[Place, ...] = ()

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The names of the steps in `DependsOn`."""
        return tuple(dependency.step for dependency in self.dependencies)

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the request that are plain text."""
        entries = self.arguments.get("Tags")
        tags = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
        pairs = ((tag.get("Key"), tag.get("Value")) for tag in tags)
        return {key: value for key, value in pairs if isinstance(key, str) and isinstance(value, str)}

    @property
    def children(self) -> tuple[Step, ...]:
        """The steps of both branches."""
        return (*self.if_steps, *self.else_steps)


@dataclass(frozen=True, slots=True)
class FunctionArgument:
    """An argument of a function that was decorated with `@step`.

    Attributes:
        name: its name, or its position as a number.
        value: a JSON value or an expression, as in a definition.
        is_expression: whether it is an expression.
        unknown: the type of a value that JSON lacks; "" for all others.
    """

    name: str
    value: Any
    is_expression: bool
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The call behind a Training step that runs a function decorated with `@step`; a definition does not hold it.

    Attributes:
        sources: the S3 address below which its source and the modules that it imports were kept.
        file: the file of its source, relative to that.
        function: its name.
        problems: why calling it is not all that happens, in plain words.
    """

    sources: str
    file: str
    function: str
    arguments: tuple[FunctionArgument, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """A pipeline definition.

    Attributes:
        name: the name of the pipeline. A definition does not hold it: it is what the reader was told, or found in
            the default output addresses, or the name of the file.
        parameters: by name; those that are used but not declared follow the declared ones.
        steps: the steps at top level; conditions hold the others.
        findings: what the reader noticed; one of severity error means that the definition is broken.
        raw: the whole document.
        expressions: all outermost expressions of the document, each with its JSON pointer.
        functions: the calls of functions decorated with `@step`, by step, where a bundle knows them.
    """

    name: str
    parameters: dict[str, Parameter]
    steps: tuple[Step, ...]
    raw: dict[str, Any]
    file: str | None = None
    findings: list[Finding] = field(default_factory=list)
    expressions: tuple[Place, ...] = ()
    functions: Mapping[str, FunctionCall] = field(default_factory=dict)

    @property
    def faults(self) -> list[Finding]:
        """Why the definition is broken; none if it can be mapped, converted and compared."""
        return [finding for finding in self.findings if finding.severity == "error"]

    def all_steps(self, bodies: bool = False) -> Iterator[Step]:
        """Every step, in the order of the document, conditions before the steps inside them.

        Args:
            bodies: whether to list the steps that a ForEach repeats too. They are a part of it: only their copies
                run, and no other step can refer to them.
        """
        stack = list(reversed(self.steps))
        while stack:
            step = stack.pop()
            yield step
            stack.extend(reversed(step.children))
            if bodies:
                stack.extend(reversed(step.body))

    def step_names(self) -> frozenset[str]:
        """The names of all steps, those in the body of a ForEach too."""
        return frozenset(step.name for step in self.all_steps(bodies=True))
