"""How far a participant is: `progress.json` in the workshop folder, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..files import write_whole
from ..findings import Finding, InputError
from .answer import Answer

FILE = "progress.json"


@dataclass(slots=True)
class Progress:
    """One exercise of a participant.

    Attributes:
        started, passed: when, in UTC as ISO 8601; "" if not yet.
        attempts: how often it was checked.
        hints: how many hints were taken.
        solution: whether the solution was looked at before the exercise was passed.
        slips: by check, in how many attempts it was wrong.
        right, of: answers of the last attempt.
    """

    started: str = ""
    passed: str = ""
    attempts: int = 0
    hints: int = 0
    solution: bool = False
    slips: dict[str, int] = field(default_factory=dict)
    right: int = 0
    of: int = 0

    @property
    def state(self) -> str:
        """In one word, or few."""
        if self.passed:
            return "passed after the solution" if self.solution else "passed"
        return f"{self.right} of {self.of} right" if self.attempts else "started" if self.started else "not started"

    def attempt(self, answers: Iterable[Answer]) -> None:
        """Count an attempt and its slips."""
        found = list(answers)
        self.attempts += 1
        self.right = sum(answer.status == "right" for answer in found)
        self.of = len(found)
        for check in {answer.check for answer in found if answer.status == "wrong"}:
            self.slips[check] = self.slips.get(check, 0) + 1
        if found and self.right == self.of:
            self.passed = self.passed or now()


def now() -> str:
    """The time, in UTC, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0).isoformat()


def load(folder: Path) -> dict[str, Progress]:
    """The progress of a workshop folder, by exercise; empty if nothing was begun.

    Raises:
        InputError: the file holds something else (SMX700).
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["exercises"]
        return {str(name): _read(entry) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(Finding("SMX700", "is no progress of a workshop", file=str(path))) from error


def save(folder: Path, progress: Mapping[str, Progress]) -> None:
    """Write the progress: all or nothing."""
    document = {"exercises": {name: asdict(each) for name, each in sorted(progress.items())}}
    write_whole(folder / FILE, json.dumps(document, indent=2) + "\n")


def _read(entry: Mapping[str, Any]) -> Progress:
    """One exercise; raises TypeError for a value of another type than it is written with."""
    found = Progress(**entry)
    for name, value in asdict(Progress()).items():
        if type(getattr(found, name)) is not type(value):
            raise TypeError(name)
    if not all(isinstance(count, int) for count in found.slips.values()):
        raise TypeError("slips")
    return found
