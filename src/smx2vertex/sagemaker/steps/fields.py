"""Looks into the raw arguments of a step: every value an expression, every place a pointer."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ..definition import Step
from ..expressions import Expression, Literal, parse, pointer_token


@dataclass(frozen=True, slots=True)
class Field:
    """An expression and its place."""

    value: Expression
    pointer: str

    @property
    def text(self) -> str | None:
        """The value, where it is plain text."""
        return string(self.value.value) if isinstance(self.value, Literal) else None


@dataclass(frozen=True, slots=True)
class Resources:
    """What a step runs on; `groups` are type and count of each instance group of a heterogeneous cluster."""

    instance_type: Field | None
    instance_count: Field | None
    volume_gb: Field | None
    max_runtime_s: Field | None
    spot: bool = False
    groups: tuple[tuple[Field | None, Field | None], ...] = ()


@dataclass(frozen=True, slots=True)
class OutputParameter:
    """A value that a Lambda or Callback step gives, of type `String`, `Integer`, `Float` or `Boolean`."""

    name: str
    type: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Look:
    """A JSON value inside a step, and its place. What is not there is None, or empty.

    Paths are names of fields with dots between them.
    """

    value: Any
    pointer: str
    names: Collection[str]

    def raw(self, path: str) -> Any:
        value = self.value
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def at(self, path: str) -> Look:
        return Look(self.raw(path), f"{self.pointer}/{path.replace('.', '/')}", self.names)

    def text(self, path: str) -> str | None:
        return string(self.raw(path))

    def field(self, path: str) -> Field | None:
        found = self.at(path)
        return None if found.value is None else Field(parse(found.value, self.names), found.pointer)

    def fields(self, path: str) -> tuple[Field, ...]:
        """The elements of a list; a bare value counts as a list of one."""
        found = self.at(path)
        if not isinstance(found.value, list):
            return () if found.value is None else (Field(parse(found.value, self.names), found.pointer),)
        return tuple(
            Field(parse(item, self.names), f"{found.pointer}/{index}") for index, item in enumerate(found.value)
        )

    def mapping(self, path: str) -> dict[str, Field]:
        found = self.at(path)
        return found.entries() if isinstance(found.value, dict) else {}

    def entries(self) -> dict[str, Field]:
        """The fields of this object."""
        return {
            str(key): Field(parse(item, self.names), f"{self.pointer}/{pointer_token(key)}")
            for key, item in (self.value.items() if isinstance(self.value, dict) else ())
        }

    def each(self, path: str) -> Iterator[Look]:
        """The objects of a list."""
        found = self.at(path)
        for index, item in enumerate(found.value if isinstance(found.value, list) else ()):
            if isinstance(item, dict):
                yield Look(item, f"{found.pointer}/{index}", self.names)

    def resources(self, path: str, spot: bool = False) -> Resources:
        found = self.at(path)
        return Resources(
            instance_type=found.field("InstanceType"),
            instance_count=found.field("InstanceCount"),
            volume_gb=found.field("VolumeSizeInGB"),
            max_runtime_s=self.field("StoppingCondition.MaxRuntimeInSeconds"),
            spot=spot,
            groups=tuple(
                (group.field("InstanceType"), group.field("InstanceCount")) for group in found.each("InstanceGroups")
            ),
        )


def arguments(step: Step, names: Collection[str] = ()) -> Look:
    """The arguments of a step; `names` are the names of all steps."""
    return Look(step.arguments, f"{step.pointer}/Arguments", names)


def whole(step: Step, names: Collection[str] = ()) -> Look:
    """A step with the fields beside its arguments."""
    return Look(step.raw, step.pointer, names)


def output_parameters(step: Step) -> tuple[OutputParameter, ...]:
    """`OutputParameters` of a Lambda or Callback step, which stand beside the arguments."""
    return tuple(
        OutputParameter(name, item.text("OutputType") or "String", item.pointer)
        for item in whole(step).each("OutputParameters")
        if (name := item.text("OutputName")) is not None
    )


def string(value: Any) -> str | None:
    """The value, if it is text."""
    return value if isinstance(value, str) else None


def unquoted(field: Field | None) -> str | None:
    """The text of a field, without the JSON quotes that framework estimators put around it."""
    text = field.text if field else None
    if text is None or not text.startswith('"'):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text
