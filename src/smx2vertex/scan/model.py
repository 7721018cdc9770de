"""What a scan finds: plain data, each item with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from ..findings import Finding

Constant = str | int | float | bool | None

_SECRET = re.compile(r"passw|secret|token|api_?key|access_?key|credential", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """A place that creates a step.

    Attributes:
        class_: the class, or `@step`; None in a definition, which knows types only.
        type: the type in a definition; None if the class is in no SDK.
        name: None if it is not a constant.
        text: the source text of a name that is not a constant.
        depends_on: what `depends_on` names, as far as it can be seen.
        cell: number of the notebook's cell, from 1; then lines are counted in the cell.
    """

    class_: str | None
    type: str | None
    name: str | None
    line: int | None
    cell: int | None = None
    text: str | None = None
    depends_on: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """How to speak of the step."""
        return self.name or self.text or self.class_ or "?"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A place that creates a pipeline parameter; `default` is a constant, or else `text` the source of it."""

    class_: str | None
    name: str | None
    default: Constant
    line: int | None
    cell: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A place that creates a condition; operands as source text."""

    class_: str
    operands: tuple[str, ...]
    line: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A place that creates a SageMaker pipeline, or a definition."""

    name: str | None
    line: int | None
    cell: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """What one step gives and another uses.

    Attributes:
        producer: the name of the step, or of the variable that holds it.
        path: the property, such as `ModelArtifacts.S3ModelArtifacts`; `PropertyFiles.…` for a JsonGet; "" for the
            value that a `@step` function returns.
        consumer: None if no step is seen to use it.
    """

    producer: str
    path: str
    consumer: str | None
    line: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """A step class that is imported, used or not."""

    class_: str
    module: str
    line: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Decorator:
    """A decorator of one of the SDKs."""

    decorator: str
    function: str
    line: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """A component of Kubeflow Pipelines: made here, or brought in.

    Attributes:
        origin: `custom` or `prebuilt`.
        because: why, in a few words.
        uses: the lines where it becomes a task (of the cell, in a notebook).
    """

    name: str
    origin: Literal["custom", "prebuilt"]
    made_by: str
    because: str
    line: int
    cell: int | None = None
    uses: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A construct or a method of Kubeflow Pipelines, by its name, and what it is about (a task, a condition)."""

    call: str
    subject: str
    arguments: str
    line: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class KubeflowPipeline:
    """A function that is a pipeline, or a compiled one (then line is None); `name` is None if it is not a constant."""

    name: str | None
    function: str
    parameters: tuple[str, ...]
    line: int | None
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a compiled pipeline spec."""

    name: str
    component: str
    group: bool


@dataclass(slots=True)
class Kubeflow:
    """What a file holds of Kubeflow Pipelines."""

    pipelines: list[KubeflowPipeline] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)
    control_flow: list[Call] = field(default_factory=list)
    order: list[Call] = field(default_factory=list)
    resources: list[Call] = field(default_factory=list)
    caching: list[Call] = field(default_factory=list)
    retries: list[Call] = field(default_factory=list)
    compilations: list[Call] = field(default_factory=list)
    submissions: list[Call] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)


@dataclass(slots=True)
class ScannedFile:
    """What one file holds.

    Attributes:
        path: as given, or below the folder that was given; `NOTEBOOK::FILE` for a file that a notebook writes.
        kind: what it is; see `kinds`.
        because: what shows that it is of this kind.
    """

    path: str
    kind: str = "plain"
    because: str = ""
    pipelines: list[Pipeline] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    imports: list[Imported] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    decorators: list[Decorator] = field(default_factory=list)
    kubeflow: Kubeflow = field(default_factory=Kubeflow)
    findings: list[Finding] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The file in the form of the JSON output."""
        made: dict[str, Any] = plain(self)
        return made


def plain(value: Any) -> Any:
    """Data of this module as plain JSON values."""
    if isinstance(value, Finding):
        return plain(value.to_dict())
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {each.name.rstrip("_"): plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return printable(value)


def printable(value: object) -> Constant:
    """A constant as a JSON value; None if it is none. Text that cannot be written to a file is replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, bool) or (isinstance(value, int) and value.bit_length() < 64):
        return value
    if isinstance(value, float) and value - value == 0:  # neither infinite nor NaN
        return value
    return None


def masked(name: str | None, default: Constant) -> Constant:
    """The default of a parameter; text that is likely a secret, by the parameter's name, is not shown."""
    return "***" if name and default and isinstance(default, str) and _SECRET.search(name) else default
