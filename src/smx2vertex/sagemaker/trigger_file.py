"""Reads triggers.yaml of a bundle: what starts its pipelines, and who is told of them. docs/bundle.md has its form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ..documents import DocumentError, load_yaml, read_text
from ..findings import Finding, InputError

TRIGGERS = "triggers.yaml"
KINDS = ("codepipeline", "notification", "rule", "schedule", "topic")


@dataclass(frozen=True, slots=True)
class Trigger:
    """An entry of triggers.yaml.

    Attributes:
        pipeline: the pipeline that it starts, or tells of; None where nothing says which.
        fields: all the entry says.
    """

    kind: str
    name: str
    pipeline: str | None
    fields: Mapping[str, Any]

    def text(self, key: str) -> str:
        """A field as text; empty where there is none."""
        value = self.fields.get(key)
        return "" if value is None else value.isoformat() if isinstance(value, date) else str(value)

    def texts(self, key: str) -> list[str]:
        """A field that is a list, as texts."""
        value = self.fields.get(key)
        return [str(each) for each in value] if isinstance(value, list) else []

    def mapping(self, key: str) -> dict[str, Any]:
        """A field that is a mapping; empty where there is none."""
        value = self.fields.get(key)
        return value if isinstance(value, dict) else {}


def read_triggers(bundle: Path) -> list[Trigger]:
    """The triggers of a bundle, in the order of the file; none where there is no file.

    Raises:
        InputError: the file is not of the form that docs/bundle.md describes (SMX329).
    """
    file = bundle / TRIGGERS
    if not file.is_file():
        return []
    try:
        entries = load_yaml(read_text(file)) or []
    except (OSError, DocumentError) as error:
        raise _error(file, f"cannot be read: {error}") from error
    if not isinstance(entries, list):
        raise _error(file, "is no list of triggers")
    return [_trigger(entry, number, file) for number, entry in enumerate(entries)]


def _trigger(entry: Any, number: int, file: Path) -> Trigger:
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if kind not in KINDS:
        raise _error(file, f"entry {number} has no kind; there are: {', '.join(KINDS)}")
    name, pipeline = entry.get("name"), entry.get("pipeline")
    if not isinstance(name, str) or not (pipeline is None or isinstance(pipeline, str)):
        raise _error(file, f"entry {number} needs the texts name and pipeline")
    return Trigger(kind, name, pipeline, entry)


def _error(file: Path, message: str) -> InputError:
    return InputError(Finding("SMX329", message, file=str(file)))
