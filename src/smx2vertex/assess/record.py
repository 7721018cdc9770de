"""What the portfolio needs to know of one definition: read, mapped and planned, and small enough to keep thousands."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ..findings import Finding
from ..mapping.ledger import MappedPipeline, MappedStep, map_pipeline
from ..mapping.machines import Machine as TargetMachine
from ..mapping.machines import SourceMachine
from ..mapping.tables import VERDICTS
from ..sagemaker.definition import Definition
from ..sagemaker.reader import references
from ..sagemaker.secrets import Secrets
from ..vertex.config import Config
from ..vertex.plan import Machine as PlannedMachine
from ..vertex.planner import Planned, plan
from .pipeline import step_target
from .resources import resources


@dataclass(frozen=True, slots=True)
class MachineRecord:
    """A step's instance type and machine; the numbers are of one, `source` is None for an unknown instance type.

    Attributes:
        source, target: vCPUs, accelerators and GiB of memory.
    """

    instance_type: str
    machine: str
    accelerator: str | None
    count: int
    source: tuple[float, int, float] | None
    target: tuple[float, int, float]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step; `fields` counts its fields by verdict, in the order of `VERDICTS`."""

    name: str
    type: str
    target: str
    verdict: str
    fields: tuple[int, ...]
    machine: MachineRecord | None


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """A finding, without what the catalogue tells."""

    code: str
    step: str | None
    pointer: str
    message: str


@dataclass(frozen=True, slots=True)
class Record:
    """The analysis of one definition; nothing in it is likely a secret.

    Attributes:
        kind: `definition` or `bundle`.
        fields: how many fields have which verdict, in the order of `VERDICTS`, those outside of steps too.
        branches: how many branches of conditions hold steps.
        excluded: steps that are not translated, with the code that says why.
        used: how often each thing is named, by kind and name; `images` that the user makes are in `own_images` too.
        reads, writes, registers, takes, starts: as in `Resources`.
        shape: how often each rule and each kind of data flow occurs; the names and values are left out.
    """

    name: str
    file: str
    kind: str
    parameters: int
    branches: int
    fields: tuple[int, ...]
    steps: tuple[StepRecord, ...]
    excluded: dict[str, str]
    findings: tuple[FindingRecord, ...]
    used: dict[str, dict[str, int]]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    registers: tuple[str, ...]
    takes: tuple[str, ...]
    starts: tuple[str, ...]
    shape: dict[str, int]

    def to_row(self) -> list[Any]:
        """As plain data; rows, as a portfolio has many."""
        steps = [[*_values(step)[:-1], step.machine and _values(step.machine)] for step in self.steps]
        findings = [_values(finding) for finding in self.findings]
        return [*(getattr(self, name) for name in _plain_fields()), steps, findings]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Record:
        """The record that `to_row` has written.

        Raises:
            TypeError, ValueError: the data are of something else.
        """
        *plain, steps, findings = row
        return cls(
            **dict(zip(_plain_fields(), map(_frozen, plain), strict=True)),
            steps=tuple(map(_step_of, steps)),
            findings=tuple(FindingRecord(*each) for each in findings),
        )


def _plain_fields() -> list[str]:
    return [each.name for each in fields(Record) if each.name not in ("steps", "findings")]


def _values(record: Any) -> list[Any]:
    return [getattr(record, each.name) for each in fields(record)]


def _step_of(row: Sequence[Any]) -> StepRecord:
    *plain, machine = row
    made = None if machine is None else MachineRecord(*map(_frozen, machine))
    return StepRecord(*map(_frozen, [*plain, made]))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Analysis:
    """A definition, what the tables and the plan say, and the record of it."""

    definition: Definition
    mapped: MappedPipeline
    planned: Planned
    record: Record


def analyse(definition: Definition, config: Config, kind: str) -> Analysis:
    """Map and plan a definition, and make its record.

    Args:
        definition: one without faults.
        config: the user's settings.
        kind: where it comes from.
    """
    mapped = map_pipeline(definition, config.tables)
    planned = plan(definition, mapped, config.correspondences, config.hooks)
    mapped = planned.settled(mapped)
    hidden = Secrets(definition.raw).hidden
    found = dict.fromkeys([*definition.findings, *planned.with_tables(mapped)])
    used = resources(definition)
    machines = planned.machines()
    by_verdict = mapped.by_verdict()
    record = Record(
        name=hidden(definition.name),
        file=definition.file or "",
        kind=kind,
        parameters=len(definition.parameters),
        branches=sum(bool(steps) for step in definition.all_steps(True) for steps in (step.if_steps, step.else_steps)),
        fields=tuple(by_verdict[verdict] for verdict in VERDICTS),
        steps=tuple(_step(each, planned, machines, hidden) for each in mapped.steps.values()),
        excluded={hidden(name): finding.code for name, finding in planned.excluded.items()},
        findings=tuple(_finding(each, hidden) for each in found),
        used={
            kind: {hidden(name): names[name] for name in sorted(names)}
            for kind, names in sorted((used.used | _own_images(planned)).items())
        },
        reads=tuple(sorted(map(hidden, used.reads))),
        writes=tuple(sorted(map(hidden, used.writes))),
        registers=tuple(sorted(map(hidden, used.registers))),
        takes=tuple(sorted(map(hidden, used.takes))),
        starts=tuple(sorted(map(hidden, used.starts))),
        shape=_shape(definition, mapped),
    )
    return Analysis(definition, mapped, planned, record)


def _own_images(planned: Planned) -> dict[str, Counter[str]]:
    """The images that the user makes: each is copied to Artifact Registry, or built anew."""
    own = Counter(choice.uri for choice in planned.plan.images.values() if choice.kind == "custom")
    return {"own_images": own}


def _step(
    step: MappedStep, planned: Planned, machines: dict[str, PlannedMachine], hidden: Callable[[str], str]
) -> StepRecord:
    verdicts = Counter(field.verdict for field in step.fields)
    machine = machines.get(step.name)
    return StepRecord(
        name=hidden(step.name),
        type=step.type,
        target=hidden(step_target(step, planned)),
        verdict=step.verdict,
        fields=tuple(verdicts[verdict] for verdict in VERDICTS),
        machine=None if machine is None else _machine(machine),
    )


def _machine(machine: PlannedMachine) -> MachineRecord:
    source, target = machine.choice.source, machine.choice.target
    return MachineRecord(
        instance_type=source.name if source is not None else "",
        machine=target.name,
        accelerator=target.accelerator,
        count=machine.replicas,
        source=None if source is None else _source_numbers(source),
        target=_target_numbers(target),
    )


def _source_numbers(machine: SourceMachine) -> tuple[float, int, float]:
    return machine.vcpus, machine.gpu_count, machine.memory_gib


def _target_numbers(machine: TargetMachine) -> tuple[float, int, float]:
    return machine.vcpus, machine.accelerator_count, machine.memory_gib


def _finding(finding: Finding, hidden: Callable[[str], str]) -> FindingRecord:
    step = None if finding.step is None else hidden(finding.step)
    return FindingRecord(finding.code, step, hidden(finding.pointer), hidden(finding.message))


def _shape(definition: Definition, mapped: MappedPipeline) -> dict[str, int]:
    """What two pipelines of one template have in common: the rules of their fields, and which kind reads from which."""
    types = {step.name: step.type for step in definition.all_steps(bodies=True)}
    found = Counter(field.rule for field in mapped.all_fields())
    for step in definition.all_steps(bodies=True):
        found[f"type {step.type}"] += 1
        for other in {name for _, name in references(step)}:
            found[f"flow {types.get(other, '')} {step.type}"] += 1
    return dict(sorted(found.items()))


def shape_digest(shape: Mapping[str, int]) -> str:
    """A name for a shape."""
    return hashlib.sha256(repr(list(shape.items())).encode()).hexdigest()[:16]
