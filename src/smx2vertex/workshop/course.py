"""A class: the progress of all participants, from a folder that holds one folder each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..findings import Finding, InputError
from .progress import FILE, Progress, load


@dataclass(frozen=True, slots=True)
class Course:
    """A class.

    Attributes:
        participants: progress by exercise, by participant.
        findings: participants whose progress cannot be read.
    """

    participants: Mapping[str, Mapping[str, Progress]]
    findings: tuple[Finding, ...]

    def slips(self) -> list[tuple[str, str, int]]:
        """Exercise, check, and how many participants had it wrong at least once; most frequent first."""
        counted: Counter[tuple[str, str]] = Counter()
        for exercises in self.participants.values():
            counted.update((name, check) for name, each in exercises.items() for check in each.slips)
        ordered = sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
        return [(exercise, check, count) for (exercise, check), count in ordered]

    def to_dict(self) -> dict[str, Any]:
        """As `workshop class --format json` prints it."""
        return {
            "participants": [
                {
                    "name": name,
                    "passed": sum(bool(each.passed) for each in exercises.values()),
                    "exercises": [_entry(exercise, each) for exercise, each in exercises.items()],
                }
                for name, exercises in self.participants.items()
            ],
            "slips": [{"exercise": a, "check": b, "participants": count} for a, b, count in self.slips()],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def _entry(exercise: str, progress: Progress) -> dict[str, Any]:
    return {
        "id": exercise,
        "state": progress.state,
        "attempts": progress.attempts,
        "hints": progress.hints,
        "solution": progress.solution,
        "passed": progress.passed or None,
    }


def read_course(folder: Path) -> Course:
    """Read the folders of a class, each with a `progress.json` in it or in a folder just below.

    Raises:
        InputError: no participant has begun (SMX705).
    """
    participants, findings = {}, []
    for path in sorted({*folder.glob(f"*/{FILE}"), *folder.glob(f"*/*/{FILE}")}):
        try:
            participants[path.relative_to(folder).parts[0]] = load(path.parent)
        except InputError as error:
            findings.append(error.finding)
    if not participants and not findings:
        raise InputError(Finding("SMX705", f"holds no folder with a {FILE}", file=str(folder)))
    return Course(participants, tuple(findings))
