"""The report of one pipeline: what becomes of each step and each field. All forms are made from this model.

`pipeline_text`, `pipeline_markdown`, `pipeline_csv` and `pipeline_html` hold one form each; JSON is `to_dict()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..findings import Finding
from ..mapping.ledger import MappedField
from ..mapping.tables import Verdict
from ..words import counted, one_line
from .diagram import Diagram

FIELD_COLUMNS = ("field", "becomes", "verdict", "rule", "file", "note")
STEP_COLUMNS = ("step", "type", "becomes", "verdict")
MACHINE_COLUMNS = ("step", "instance type", "machine", "gained", "lost", "alternatives")
FINDING_COLUMNS = ("finding", "severity", "step", "place", "message")


@dataclass(frozen=True, slots=True)
class Resources:
    """A machine: SageMaker's, or the one that takes its place.

    Attributes:
        memory_gib: memory, in GiB.
        accelerator: its kind, or None; `accelerator_count` is 0 then.
    """

    name: str
    vcpus: int
    memory_gib: float
    accelerator: str | None
    accelerator_count: int

    def __str__(self) -> str:
        """`g2-standard-4: 4 vCPU, 16 GiB, 1 NVIDIA_L4`."""
        accelerator = f", {self.accelerator_count} {self.accelerator}" if self.accelerator else ""
        return f"{self.name}: {self.vcpus} vCPU, {self.memory_gib:g} GiB{accelerator}"


@dataclass(frozen=True, slots=True)
class TargetResources(Resources):
    """A machine of Compute Engine, with the type of its boot disk."""

    disk_type: str | None


@dataclass(frozen=True, slots=True)
class Alternative(TargetResources):
    """Another machine that would do, with what it gains and loses against the source."""

    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a step ran on and will run on, what that changes, and what else there is.

    Attributes:
        pointer: JSON pointer of the instance type.
        parameter: the pipeline parameter that names the machine at run time, or None.
        source: None where our tables don't know the instance type.
        count: how many of them.
        volume_gb: the volume that the step asks for; None where it does not say.
        disk_gb: the boot disk.
    """

    pointer: str
    parameter: str | None
    source: Resources | None
    chosen: TargetResources
    count: int
    spot: bool
    volume_gb: int | None
    disk_gb: int
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    alternatives: tuple[Alternative, ...]

    def cells(self) -> tuple[str, ...]:
        """Instance type, machine, what is gained, what is lost, alternatives: in words."""
        count = f"{self.count} × " if self.count > 1 else ""
        chosen = [f"{count}{self.chosen}", f"{self.disk_gb} GB disk"]
        chosen += ["spot"] if self.spot else []
        chosen += [f"named at run time by {self.parameter}"] if self.parameter else []
        return (
            f"{count}{self.source}" if self.source else "not in our tables",
            ", ".join(chosen),
            ", ".join(self.gained) or "nothing",
            ", ".join(self.lost) or "nothing",
            "; ".join(map(str, self.alternatives)) or "none known",
        )


@dataclass(frozen=True, slots=True)
class ReportedStep:
    """What becomes of one step.

    Attributes:
        target: in a few words.
        machine: None where the step has no machine of its own.
    """

    name: str
    type: str
    target: str
    verdict: Verdict
    machine: Machine | None
    fields: tuple[MappedField, ...]

    def to_dict(self) -> dict[str, Any]:
        """As `map --format json` prints it."""
        return {
            "name": self.name,
            "type": self.type,
            "target": self.target,
            "verdict": self.verdict,
            "machine": asdict(self.machine) if self.machine else None,
            "fields": [mapped.to_dict() for mapped in self.fields],
        }


@dataclass(frozen=True, slots=True)
class PipelineReport:
    """What becomes of one pipeline.

    Attributes:
        pipeline: its name.
        parameters: how many it has.
        fields: the fields outside steps.
        total: the number of all fields.
        unaccounted: JSON pointers of fields that no rule was applied to.
        by_verdict: how many fields have which verdict.
        findings: of the definition, the tables and the plan.
        own_fields: the fields that rows of the user's own decide about.
    """

    pipeline: str
    parameters: int
    steps: tuple[ReportedStep, ...]
    fields: tuple[MappedField, ...]
    total: int
    unaccounted: tuple[str, ...]
    by_verdict: Mapping[str, int]
    findings: tuple[Finding, ...]
    own_fields: tuple[MappedField, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As `map --format json` prints it."""
        return {
            "pipeline": self.pipeline,
            "steps": [step.to_dict() for step in self.steps],
            "fields": [mapped.to_dict() for mapped in self.fields],
            "ledger": {
                "fields": self.total,
                "accounted": self.total - len(self.unaccounted),
                "unaccounted": list(self.unaccounted),
                "by_verdict": dict(self.by_verdict),
            },
            "findings": [finding.to_dict() for finding in self.findings],
        }

    @property
    def summary(self) -> str:
        """The ledger in a line."""
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.by_verdict.items())
        return f"{counted(self.total, 'field')}: {counts}; {len(self.unaccounted)} unaccounted"

    def step_rows(self) -> list[tuple[str, ...]]:
        """The rows below `STEP_COLUMNS`."""
        return [cells(step.name, step.type, step.target, step.verdict) for step in self.steps]

    def machine_rows(self) -> list[tuple[str, ...]]:
        """The rows below `MACHINE_COLUMNS`."""
        return [cells(step.name, *step.machine.cells()) for step in self.steps if step.machine]

    def finding_rows(self) -> list[tuple[str, ...]]:
        """The rows below `FINDING_COLUMNS`."""
        return [
            cells(finding.code, finding.severity, finding.step, finding.pointer, finding.message)
            for finding in self.findings
        ]


@dataclass(frozen=True, slots=True)
class GeneratedCode:
    """Text of a generated file, or a part of it, with its path in the project."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a table rests on: a page, its address, and the day on which it was read."""

    title: str
    url: str
    checked: str


@dataclass(frozen=True, slots=True)
class Diagrams:
    """A pipeline as two pictures.

    Attributes:
        source: the definition; the titles of its nodes are the names of steps, their ids JSON pointers.
        target: the plan.
        steps: the step that each node of `target` belongs to, by the title of the node.
    """

    source: Diagram
    target: Diagram
    steps: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PipelineDetails:
    """What the page of a pipeline shows beyond its report.

    Attributes:
        code: the generated code of each step, by name.
        values: the value of each field as text, by JSON pointer; secrets are masked.
        claims: what the tables rest on, by the name of the table.
    """

    diagrams: Diagrams
    code: Mapping[str, tuple[GeneratedCode, ...]]
    values: Mapping[str, str]
    claims: Mapping[str, tuple[Claim, ...]]


def cells(*texts: str | None) -> tuple[str, ...]:
    """Texts in one line each, for a row of a table; a dash stands for nothing."""
    return tuple(one_line(text or "–") for text in texts)


def field_rows(fields: tuple[MappedField, ...]) -> list[tuple[str, ...]]:
    """The rows below `FIELD_COLUMNS`."""
    return [cells(each.source, each.target, each.verdict, each.rule, each.file, each.note) for each in fields]


def rule_table(rule: str) -> str:
    """The name of the table that a rule stands in: `lambda` for `lambda.step:FunctionArn`."""
    return rule.partition(":")[0].removesuffix(".step")
