"""The report model of a portfolio: what `assess` found in many pipelines. Every form of the report is made from it.

Pipelines are named by their `id`: the name, followed by the file where two have one name. Person-days are ranges (low,
likely, high). Compute is per hour of run: a machine with 4 vCPU has 4 vCPU-hours in each hour that its step runs. Lists
are in order of importance, or of `id`; the same input gives the same order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TextIO


@dataclass(frozen=True, slots=True)
class Days:
    """Person-days, as a range."""

    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0

    def __add__(self, other: Days) -> Days:
        """Both."""
        return Days(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def __mul__(self, factor: float) -> Days:
        """So many times as much."""
        return Days(self.low * factor, self.likely * factor, self.high * factor)

    def part(self, share: Days) -> Days:
        """A share that is a range itself."""
        return Days(self.low * share.low, self.likely * share.likely, self.high * share.high)

    def rounded(self) -> Days:
        """With two decimals, as every form shows it."""
        return Days(round(self.low, 2), round(self.likely, 2), round(self.high, 2))


@dataclass(frozen=True, slots=True)
class Driver:
    """What a part of the effort is for: `count` times what a row of the effort table (`row`) costs.

    `because` says why the row costs what it costs.
    """

    row: str
    label: str
    count: int
    days: Days
    because: str


@dataclass(frozen=True, slots=True)
class Compute:
    """Machines in hours per hour of run; `cost` is money per hour, None where a price is not known or asked for."""

    vcpu_hours: float = 0.0
    gpu_hours: float = 0.0
    memory_gib_hours: float = 0.0
    cost: float | None = None

    def __add__(self, other: Compute) -> Compute:
        """Both; the cost is known if both are."""
        cost = None if self.cost is None or other.cost is None else round(self.cost + other.cost, 6)
        return Compute(
            self.vcpu_hours + other.vcpu_hours,
            self.gpu_hours + other.gpu_hours,
            self.memory_gib_hours + other.memory_gib_hours,
            cost,
        )

    def __mul__(self, count: int) -> Compute:
        """Of so many machines."""
        cost = None if self.cost is None else round(self.cost * count, 6)
        return Compute(self.vcpu_hours * count, self.gpu_hours * count, self.memory_gib_hours * count, cost)


@dataclass(frozen=True, slots=True)
class Machines:
    """What a step runs on and will run on; `source` is for all its machines, and None for an unknown instance type."""

    instance_type: str
    machine: str
    accelerator: str | None
    count: int
    source: Compute | None
    target: Compute


@dataclass(frozen=True, slots=True)
class StepEntry:
    """A step: what it becomes, how many of its fields have which verdict, and its machines, if it has any."""

    name: str
    type: str
    target: str
    verdict: str
    exact: int
    adapted: int
    redesign: int
    unsupported: int
    machines: Machines | None


@dataclass(frozen=True, slots=True)
class Excluded:
    """A step that is not translated, and the code of the finding that says why."""

    step: str
    code: str


@dataclass(slots=True)
class PipelineEntry:
    """A pipeline of the portfolio.

    Attributes:
        source: `definition`, or `bundle`.
        page: the page about it, relative to the report; None if none was written.
        verdict: the worst of its steps.
        fields, step_verdicts: how many fields and steps have which verdict.
        findings: how many of which severity; `codes`: how many of which code.
        excluded: the steps that are not translated.
        template: the id of its template.
        similarity: how much of its structure it shares with the first pipeline of the template, from 0 to 1.
        level: kind of work and technical difficulty, from A-1 to C-5, by what the pipeline costs alone.
        days: what it costs; a further pipeline of a template costs a share of what its `drivers` say.
        depends_on: the pipelines that it needs, the first twenty; all stand in the dependencies.
        why: why it is in its wave.
    """

    id: str
    name: str
    file: str
    source: str
    page: str | None
    parameters: int
    branches: int
    verdict: str
    fields: dict[str, int]
    step_verdicts: dict[str, int]
    findings: dict[str, int]
    codes: dict[str, int]
    excluded: list[Excluded]
    steps: list[StepEntry]
    template: str = ""
    similarity: float = 1.0
    level: str = ""
    days: Days = field(default_factory=Days)
    drivers: list[Driver] = field(default_factory=list)
    depends_on: list[str] = field(default_factory=list)
    wave: int = 0
    why: str = ""
    compute_source: Compute = field(default_factory=Compute)
    compute_target: Compute = field(default_factory=Compute)


@dataclass(frozen=True, slots=True)
class Used:
    """Something that pipelines use: how often it is named, and by which pipelines; `note` tells what stands for it."""

    name: str
    count: int
    pipelines: list[str]
    note: str = ""


@dataclass(frozen=True, slots=True)
class StepType:
    """How many steps of a type there are, in how many pipelines, with which verdicts."""

    name: str
    steps: int
    pipelines: int
    verdicts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts a pipeline; `pipeline` is the name as the bundle has it, None where that is not known."""

    kind: str
    name: str
    pipeline: str | None
    state: str
    when: str


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """All findings of one code."""

    code: str
    severity: str
    title: str
    count: int
    pipelines: list[str]
    help: str


@dataclass(frozen=True, slots=True)
class Blocker:
    """Something to settle once, for all pipelines that wait for it.

    Attributes:
        kind: `finding`, `bucket`, `image`, `role`, `key`, `network`, or `function`; these are shared by several.
        blocks: whether steps are left out until it is settled; else it is asked for before the first run.
    """

    kind: str
    name: str
    pipelines: list[str]
    blocks: bool
    help: str


@dataclass(frozen=True, slots=True)
class Template:
    """Pipelines of one structure: one conversion serves all. `similarity` is the least of them to the first."""

    id: str
    name: str
    steps: int
    pipelines: list[str]
    similarity: float


@dataclass(frozen=True, slots=True)
class Dependency:
    """Pipelines that others need.

    Attributes:
        kind: `location`, `model group`, or `pipeline`.
        name: the address, the group, or the pipeline.
        sources: those that write, register, or are started.
        users: those that read, use, or start; they move with or after the sources, a started one before its starter.
    """

    kind: str
    name: str
    sources: list[str]
    users: list[str]


@dataclass(frozen=True, slots=True)
class Wave:
    """Pipelines that move together."""

    number: int
    title: str
    pipelines: list[str]
    days: Days


@dataclass(frozen=True, slots=True)
class Effort:
    """The forecast.

    Attributes:
        days: the sum of `pipelines` and `shared`.
        pipelines: what the pipelines cost, after the discount for templates.
        shared: what is done once for all.
        drivers: the rows of the effort table, the costliest first; their days sum up to `days`.
        file: the table.
        assumptions: what the numbers rest on.
    """

    days: Days
    pipelines: Days
    shared: Days
    drivers: list[Driver]
    file: str
    assumptions: list[str]


@dataclass(frozen=True, slots=True)
class MachinePair:
    """An instance type and the machine that stands for it; the hours are of all machines of all steps."""

    instance_type: str
    machine: str
    accelerator: str | None
    steps: int
    machines: int
    source: Compute | None
    target: Compute


@dataclass(frozen=True, slots=True)
class ComputeComparison:
    """Machines before and after, in hours per hour of run.

    Attributes:
        currency: of the costs, None without prices.
        source, target: the steps whose machine is known on both sides.
        not_compared: steps on machines that are missing in our tables, or that are not translated.
        unpriced: types without a price.
    """

    currency: str | None
    source: Compute
    target: Compute
    pairs: list[MachinePair]
    not_compared: int
    unpriced: list[str]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that holds no definition that can be used, and why."""

    file: str
    code: str
    message: str
    help: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many fields, steps and pipelines have which verdict."""

    fields: dict[str, int]
    steps: dict[str, int]
    pipelines: dict[str, int]


@dataclass(frozen=True, slots=True)
class Totals:
    """The numbers of the whole; no other place adds up."""

    pipelines: int
    steps: int
    parameters: int
    branches: int
    fields: int
    excluded_steps: int
    findings: dict[str, int]
    templates: int
    dependencies: int
    waves: int
    unreadable: int
    days: Days


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the pipelines use, the most used first."""

    step_types: list[StepType]
    images: list[Used]
    instance_types: list[Used]
    buckets: list[Used]
    roles: list[Used]
    keys: list[Used]
    networks: list[Used]
    functions: list[Used]
    model_groups: list[Used]
    regions: list[Used]
    accounts: list[Used]
    triggers: list[Trigger]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The report: see the classes of its parts; `skipped` are files in folders that hold something else."""

    version: str
    inputs: list[str]
    totals: Totals
    coverage: Coverage
    inventory: Inventory
    findings: list[FindingGroup]
    blockers: list[Blocker]
    templates: list[Template]
    dependencies: list[Dependency]
    waves: list[Wave]
    effort: Effort
    compute: ComputeComparison
    pipelines: list[PipelineEntry]
    unreadable: list[Unreadable]
    skipped: list[str]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data; its form is docs/schema/assess.schema.json."""
        document: dict[str, Any] = _plain(self)
        return document


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding of one pipeline, as findings.csv and the workbook list it."""

    pipeline: str
    step: str | None
    code: str
    severity: str
    message: str
    pointer: str
    file: str | None
    help: str


def write_json(portfolio: Portfolio, file: TextIO) -> None:
    """Write what `to_dict` gives, one entry of each list after the other: a large report is never in memory twice."""
    for index, each in enumerate(fields(portfolio)):
        file.write(f"{',' if index else '{'}\n {json.dumps(each.name)}: ")
        value = getattr(portfolio, each.name)
        if isinstance(value, list) and value:
            for number, item in enumerate(value):
                file.write(f"{',' if number else '['}\n  {json.dumps(_plain(item), ensure_ascii=False)}")
            file.write("\n ]")
        else:
            file.write(json.dumps(_plain(value), ensure_ascii=False))
    file.write("\n}\n")


def total(days: Iterable[Days]) -> Days:
    """The sum of ranges, rounded."""
    return sum(days, Days()).rounded()


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, list) else value
