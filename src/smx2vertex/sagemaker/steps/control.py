"""Steps that steer, record or tidy up: Fail, ForEach, Lineage and Cleanup."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..definition import Step
from ..expressions import LoopReference, PropertyReference, bracket_key
from .fields import Field, Look, arguments


@dataclass(frozen=True, slots=True)
class ForEach:
    """The arguments of a ForEach step; the steps that it repeats are `Step.body`.

    Attributes:
        items: gives a JSON list as text.
        pick: `MaxBy` or `MinBy`, which iteration `Selected` means, by `field`.
    """

    items: Field | None
    max_concurrency: Field | None
    pick: str | None
    field: Field | None


@dataclass(frozen=True, slots=True)
class Repeated:
    """What a property of a ForEach step says of the step that it repeats.

    Attributes:
        copy: which of the copies: its index, from 0, or `selected` for the one that the selector picks.
        property: the property of the step that is repeated.
    """

    copy: str
    property: PropertyReference


@dataclass(frozen=True, slots=True)
class Association:
    """A link between two lineage entities, each by name or ARN."""

    source: Field | None
    destination: Field | None
    type: str | None


@dataclass(frozen=True, slots=True)
class Lineage:
    """The arguments of a Lineage step: the names of the entities that it makes, and their links."""

    artifacts: tuple[Field, ...]
    actions: tuple[Field, ...]
    contexts: tuple[Field, ...]
    associations: tuple[Association, ...]


@dataclass(frozen=True, slots=True)
class Cleanup:
    """The arguments of a Cleanup step: addresses to delete, each with the step that it names."""

    addresses: tuple[tuple[str | None, Field], ...]


def fail_message(step: Step, names: Collection[str] = ()) -> Field | None:
    """The message of a Fail step."""
    return arguments(step, names).field("ErrorMessage")


def for_each(step: Step, names: Collection[str] = ()) -> ForEach:
    """What a ForEach step says; `names` are the names of all steps."""
    look = arguments(step, names)
    return ForEach(
        items=look.field("IterableItems"),
        max_concurrency=look.field("MaxConcurrency"),
        pick=look.text("Selector.Pick"),
        field=look.field("Selector.Field"),
    )


def repeated(step: Step, path: tuple[str, ...]) -> Repeated | None:
    """What a property path of a ForEach step says of its only inner step; None if it is about the loop itself.

    Releases of the SDK v3 differ in the name: `ChildOutputs[0].…`, `IterationOutputs[0].…`, `Selected.…`.
    """
    if len(step.body) != 1:
        return None
    inner = step.body[0].name
    match path:
        case ("ChildOutputs" | "IterationOutputs", index, *rest) if rest and bracket_key(index).isdecimal():
            return Repeated(bracket_key(index), PropertyReference(inner, tuple(rest)))
        case ("Selected", *rest) if rest:
            return Repeated("selected", PropertyReference(inner, tuple(rest)))
    return None


def selected_by(step: Step, names: Collection[str] = ()) -> PropertyReference | None:
    """The property of its only inner step by which the selector of a ForEach step picks a copy."""
    field = for_each(step, names).field
    if field is None or len(step.body) != 1 or not isinstance(field.value, LoopReference):
        return None
    return PropertyReference(step.body[0].name, field.value.path) if field.value.step == step.body[0].name else None


def lineage(step: Step, names: Collection[str] = ()) -> Lineage:
    """What a Lineage step says; `names` are the names of all steps."""
    look = arguments(step, names)

    def named(path: str, key: str) -> tuple[Field, ...]:
        return tuple(name for item in look.each(path) if (name := item.field(key)) is not None)

    def end(item: Look, key: str) -> Field | None:
        return item.field(f"{key}.Name") or item.field(f"{key}.Arn")

    return Lineage(
        artifacts=named("Artifacts", "ArtifactName"),
        actions=named("Actions", "ActionName"),
        contexts=named("Contexts", "ContextName"),
        associations=tuple(
            Association(end(item, "Source"), end(item, "Destination"), item.text("AssociationType"))
            for item in look.each("Associations")
        ),
    )


def cleanup(step: Step, names: Collection[str] = ()) -> Cleanup:
    """What a Cleanup step says; `names` are the names of all steps."""
    entries = arguments(step, names).each("Resources.S3")
    return Cleanup(tuple((item.text("StepName"), uri) for item in entries for uri in item.fields("S3Uris")))
