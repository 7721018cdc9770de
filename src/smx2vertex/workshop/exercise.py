"""The exercises: one folder each, with all that is particular to it in `exercise.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import yaml

Settings: TypeAlias = Mapping[str, Any]
"""An entry of `checks` in `exercise.yaml`."""


@dataclass(frozen=True, slots=True)
class Check:
    """One entry of `checks`: the kind says which grader answers, the settings are that grader's."""

    kind: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class Exercise:
    """An exercise.

    Attributes:
        id: lab, number and a word, such as `5.1.1-components`.
        lab: such as `5.1`.
        goal: what a participant can do afterwards.
        steps: what to do first, one sentence each.
        hints: one more of the answer each.
        roles: how to know the steps or tasks that checks speak of, whatever a participant calls them.
        folder: where `start/`, `solution/` and `explanation.md` are.
    """

    id: str
    lab: str
    title: str
    goal: str
    steps: tuple[str, ...]
    hints: tuple[str, ...]
    roles: Mapping[str, Mapping[str, str]]
    checks: tuple[Check, ...]
    folder: Path

    @property
    def start(self) -> Path:
        """The files that a participant begins with."""
        return self.folder / "start"

    @property
    def solution(self) -> Path:
        """The files of the solution: those of the start that change, with their answers."""
        return self.folder / "solution"

    @property
    def explanation(self) -> str:
        """Why the solution is what it is, as Markdown."""
        return (self.folder / "explanation.md").read_text(encoding="utf-8")


@cache
def exercises() -> dict[str, Exercise]:
    """All exercises by id, in the order of the labs."""
    folder = Path(str(resources.files(__package__))) / "exercises"
    return {file.parent.name: _read(file) for file in sorted(folder.glob("*/exercise.yaml"))}


def find(name: str) -> Exercise | None:
    """The exercise of an id, or of the only id that begins so, such as `5.1.1`; None if there is none."""
    found = [each for each in exercises().values() if each.id == name or each.id.startswith(f"{name}-")]
    return found[0] if len(found) == 1 else None


def files_in(folder: Path) -> list[Path]:
    """The files of a folder at any depth, relative to it, in order."""
    found = (file.relative_to(folder) for file in sorted(folder.rglob("*")) if file.is_file())
    return [file for file in found if "__pycache__" not in file.parts]


def _read(file: Path) -> Exercise:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    return Exercise(
        id=file.parent.name,
        lab=str(document["lab"]),
        title=document["title"],
        goal=document["goal"],
        steps=tuple(document["steps"]),
        hints=tuple(document["hints"]),
        roles=document.get("roles", {}),
        checks=tuple(Check(entry["kind"], entry) for entry in document["checks"]),
        folder=file.parent,
    )
