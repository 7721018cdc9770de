"""The result of a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..findings import Finding, by_severity
from ..words import counted
from .alignment import Entry
from .stories import Behaviour

Status = Literal["pass", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer."""

    name: str
    findings: tuple[Finding, ...]
    note: str = ""
    skipped: bool = False

    @property
    def status(self) -> Status:
        """It fails by any error."""
        if self.skipped:
            return "skip"
        return "fail" if any(finding.severity == "error" for finding in self.findings) else "pass"

    def to_dict(self) -> dict[str, Any]:
        """The check as `validate --format json` prints it."""
        found = {
            "name": self.name,
            "status": self.status,
            "findings": [f.to_dict() for f in by_severity(self.findings)],
        }
        return {**found, "note": self.note} if self.note else found


@dataclass(frozen=True, slots=True)
class Excluded:
    """A step that equality does not speak of, and the finding that says why."""

    step: str
    code: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found.

    Attributes:
        checks: structure, parameters, behaviour, and further ones.
        alignment: an entry for each step.
        excluded: steps that are not translated, or never start.
        correspondences: kind, source value and target value of each known difference.
        counts: steps, tasks, data edges, branches, parameters.
        behaviour: what the simulations showed; None if the structure allowed none.
        ignored: how many findings of each code were left out because somebody said so.
    """

    checks: tuple[Check, ...]
    alignment: tuple[Entry, ...]
    excluded: tuple[Excluded, ...]
    correspondences: tuple[dict[str, Any], ...]
    counts: dict[str, int] = field(default_factory=dict)
    behaviour: Behaviour | None = None
    ignored: dict[str, int] = field(default_factory=dict)

    @property
    def equivalent(self) -> bool:
        """Whether no check fails."""
        return all(check.status != "fail" for check in self.checks)

    @property
    def findings(self) -> list[Finding]:
        """The findings of all checks, errors first."""
        return by_severity(finding for check in self.checks for finding in check.findings)

    @property
    def in_words(self) -> str:
        """The verdict in a few words."""
        if not self.equivalent:
            errors = sum(1 for finding in self.findings if finding.severity == "error")
            return f"not equivalent: {counted(errors, 'difference')}"
        simulated = (
            f", in {self.behaviour.run} simulated executions too" if self.behaviour and self.behaviour.run else ""
        )
        apart = ", apart from what is ignored" if self.ignored else ""
        return f"equivalent in structure and parameters{simulated}{apart}"

    def ignoring(self, codes: Collection[str]) -> Comparison:
        """The comparison without the findings and stories of some codes; `ignored` counts them."""
        left_out = Counter(finding.code for finding in self.findings if finding.code in codes)
        behaviour = self.behaviour and self.behaviour.ignoring(codes)
        checks = [replace(c, findings=tuple(f for f in c.findings if f.code not in codes)) for c in self.checks]
        if behaviour is not None:
            checks = [replace(c, note=behaviour.summary) if c.name == "behaviour" else c for c in checks]
        return replace(self, checks=tuple(checks), behaviour=behaviour, ignored=dict(sorted(left_out.items())))

    def to_dict(self) -> dict[str, Any]:
        """The result as `validate --format json` prints it."""
        return {
            "equivalent": self.equivalent,
            "summary": self.in_words,
            "checks": [check.to_dict() for check in self.checks],
            "alignment": [entry.to_dict() for entry in self.alignment],
            "scenarios": {"run": 0, "differing": 0} if self.behaviour is None else self.behaviour.to_dict(),
            "excluded": [{"step": excluded.step, "code": excluded.code} for excluded in self.excluded],
            "correspondences": list(self.correspondences),
            "counts": self.counts,
            "ignored": self.ignored,
        }
