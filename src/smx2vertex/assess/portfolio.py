"""Adds up the records of many pipelines to the report model of a portfolio."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..findings import Finding, catalogue
from ..mapping.regions import target_region
from ..mapping.tables import VERDICTS
from ..report.portfolio import (
    Blocker,
    Compute,
    ComputeComparison,
    Coverage,
    Days,
    Dependency,
    Driver,
    Effort,
    Excluded,
    FindingGroup,
    Inventory,
    MachinePair,
    Machines,
    PipelineEntry,
    Portfolio,
    StepEntry,
    StepType,
    Template,
    Totals,
    Trigger,
    Unreadable,
    Used,
    Wave,
    total,
)
from ..sagemaker.secrets import masked
from ..vertex.config import Config
from ..words import first_of
from .dependencies import Link, Links
from .effort import EffortTable
from .prices import Prices
from .record import MachineRecord, Record, StepRecord
from .templates import Templates
from .waves import Place, waves

_SEVERITIES = ("error", "warning", "info")
# As many pipelines of a list are named in a sentence, or as what one pipeline needs; all stand in the dependencies.
_MOST_NAMED = 3
_MOST_NEEDED = 20
# What several pipelines wait for, until it is settled once: the kind in a record, its name, what to do.
_SHARED_HELP = {
    "buckets": ("bucket", "Copy the data once, keep it in step until all moved, and name the bucket in config.yaml."),
    "own_images": ("image", "Copy or rebuild the image once in Artifact Registry, and name it in config.yaml."),
    "roles": ("role", "Make one service account with the permissions that the role gave, and name it in config.yaml."),
    "keys": ("key", "Make one key in Cloud KMS, and name it in config.yaml."),
    "networks": ("network", "Make one network that Vertex AI reaches, with routes to what the scripts call."),
    "functions": ("function", "Move the function to Cloud Run once, and name its address in config.yaml."),
}  # fmt: skip
# Types of steps that run on machines of their own.
_ON_MACHINES = frozenset({"Processing", "Training", "Transform", "Tuning", "QualityCheck", "ClarifyCheck"})
_LETTERS = (
    "The level's letter: A, no step must be rewritten; B, some must; C, more likely days than the table allows. Its "
    "digit: 1 without branches, 2 with them, 3 with loops, searches, endpoints or calls, 4 with steps to be rewritten, "
    "5 where these are more than a third."
)


@dataclass(slots=True)
class _Usage:
    """How often a thing is named, and by which pipelines."""

    count: int = 0
    pipelines: dict[int, None] = field(default_factory=dict)


@dataclass(slots=True)
class Gathering:
    """Takes in one record after the other, and keeps of each what the report needs.

    Attributes:
        triggers: the entries of the bundles' triggers.yaml.
    """

    config: Config
    table: EffortTable
    prices: Prices
    triggers: list[dict[str, Any]]
    entries: list[PipelineEntry] = field(default_factory=list)
    links: Links = field(default_factory=Links)
    templates: Templates = field(default_factory=Templates)
    used: defaultdict[str, defaultdict[str, _Usage]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(_Usage))
    )
    codes: defaultdict[str, _Usage] = field(default_factory=lambda: defaultdict(_Usage))
    unpriced: set[str] = field(default_factory=set)
    _triggers_of: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Count the triggers of each pipeline."""
        self._triggers_of.update(str(each["pipeline"]) for each in self.triggers if each.get("pipeline"))

    def add(self, record: Record, page: str | None) -> None:
        """Take in a pipeline; `page` is where the page about it stands."""
        number = len(self.entries)
        drivers = self.table.drivers(record, self._triggers_of[record.name] if record.kind == "bundle" else 0)
        days = total(driver.days for driver in drivers)
        codes = Counter(finding.code for finding in record.findings)
        severities: Counter[str] = Counter(catalogue()[finding.code].severity for finding in record.findings)
        steps = [self._step(step) for step in record.steps]
        compared = [step.machines for step in steps if step.machines is not None and step.machines.source is not None]
        zero = Compute(cost=None if self.prices.currency is None else 0.0)
        self.entries.append(
            PipelineEntry(
                id=record.name,
                name=record.name,
                file=record.file,
                source=record.kind,
                page=page,
                parameters=record.parameters,
                branches=record.branches,
                verdict=_worst(step.verdict for step in record.steps),
                fields=dict(zip(VERDICTS, record.fields, strict=True)),
                step_verdicts=_by_verdict(step.verdict for step in record.steps),
                findings={severity: severities[severity] for severity in _SEVERITIES},
                codes=dict(sorted(codes.items())),
                excluded=[Excluded(step, code) for step, code in record.excluded.items()],
                steps=steps,
                level=self.table.level(record, days),
                days=days,
                drivers=drivers,
                compute_source=sum((each.source for each in compared if each.source is not None), zero),
                compute_target=sum((each.target for each in compared), zero),
            )
        )
        self.links.add(number, record)
        self.templates.add(number, record.shape)
        for kind, names in record.used.items():
            for name, count in names.items():
                _count(self.used[kind][name], number, count)
        for code, count in codes.items():
            _count(self.codes[code], number, count)

    def _step(self, step: StepRecord) -> StepEntry:
        machines = None if step.machine is None else self._machines(step.machine)
        exact, adapted, redesign, unsupported = step.fields
        return StepEntry(
            name=step.name,
            type=step.type,
            target=step.target,
            verdict=step.verdict,
            exact=exact,
            adapted=adapted,
            redesign=redesign,
            unsupported=unsupported,
            machines=machines,
        )

    def _machines(self, machine: MachineRecord) -> Machines:
        self.unpriced |= self.prices.missing(machine)
        return Machines(
            instance_type=machine.instance_type,
            machine=machine.machine,
            accelerator=machine.accelerator,
            count=machine.count,
            source=self.prices.source(machine),
            target=self.prices.target(machine),
        )

    # --- the whole ---

    def portfolio(self, inputs: Iterable[Path], problems: Sequence[Finding], skipped: Sequence[Path]) -> Portfolio:
        """The report of all that was taken in.

        Args:
            inputs: what the user named.
            problems: why something is missing in the report.
            skipped: files in folders that hold something else.
        """
        self._tell_apart()
        links = self.links.found()
        templates = self._templates()
        placed = self._place(links)
        effort = self._effort()
        steps = [step for entry in self.entries for step in entry.steps]
        return Portfolio(
            version=__version__,
            inputs=[str(path) for path in inputs],
            totals=Totals(
                pipelines=len(self.entries),
                steps=len(steps),
                parameters=sum(entry.parameters for entry in self.entries),
                branches=sum(entry.branches for entry in self.entries),
                fields=sum(sum(entry.fields.values()) for entry in self.entries),
                excluded_steps=sum(len(entry.excluded) for entry in self.entries),
                findings=_summed((entry.findings for entry in self.entries), _SEVERITIES),
                templates=len(templates),
                dependencies=len(links),
                waves=max((entry.wave for entry in self.entries), default=0),
                unreadable=len(problems),
                days=effort.days,
            ),
            coverage=Coverage(
                fields=_summed((entry.fields for entry in self.entries), VERDICTS),
                steps=_by_verdict(step.verdict for step in steps),
                pipelines=_by_verdict(entry.verdict for entry in self.entries),
            ),
            inventory=self._inventory(),
            findings=self._findings(),
            blockers=self._blockers(),
            templates=templates,
            dependencies=[
                Dependency(link.kind, link.name, self._ids(link.sources), self._ids(link.users)) for link in links
            ],
            waves=self._waves(placed, links),
            effort=effort,
            compute=self._compute(steps),
            pipelines=self.entries,
            unreadable=[Unreadable(each.file or "", each.code, each.message, each.help) for each in problems],
            skipped=[str(path) for path in skipped],
        )

    def _tell_apart(self) -> None:
        """Give pipelines of one name an id with as much of the end of their file as tells them apart."""
        named: defaultdict[str, list[PipelineEntry]] = defaultdict(list)
        for entry in self.entries:
            named[entry.name].append(entry)
        given: Counter[str] = Counter()
        for entries in named.values():
            ends = _ends([entry.file for entry in entries]) if len(entries) > 1 else [""]
            for entry, end in zip(entries, ends, strict=True):
                entry.id = f"{entry.name} ({end})" if end else entry.name
                given[entry.id] += 1
                entry.id += f" {given[entry.id]}" if given[entry.id] > 1 else ""

    def _ids(self, numbers: Iterable[int]) -> list[str]:
        return [self.entries[number].id for number in numbers]

    def _templates(self) -> list[Template]:
        """Give each pipeline its template and what it costs there."""
        found = []
        for index, group in enumerate(self.templates.groups, 1):
            first, *further = group.members
            for number, similar in group.members.items():
                self.entries[number].template, self.entries[number].similarity = f"T{index}", similar
            for number in further:
                entry = self.entries[number]
                entry.drivers = [_following(driver, self.table.following) for driver in entry.drivers]
                entry.days = total(driver.days for driver in entry.drivers)
            ids, steps = self._ids(group.members), len(self.entries[first].steps)
            found.append(Template(f"T{index}", self.entries[first].name, steps, ids, min(group.members.values())))
        return sorted(found, key=lambda template: -len(template.pipelines))

    def _place(self, links: Sequence[Link]) -> list[Place]:
        """Give each pipeline its wave, what it needs, and why."""
        blocked = {number for number, entry in enumerate(self.entries) if entry.excluded}
        members = [list(group.members) for group in self.templates.groups]
        placed = waves(len(self.entries), links, blocked, members)
        needed: defaultdict[int, dict[int, None]] = defaultdict(dict)
        for link in links:
            for user in link.users:
                if len(needed[user]) < _MOST_NEEDED:
                    needed[user].update(dict.fromkeys(link.sources[:_MOST_NEEDED]))
        for number, (entry, place) in enumerate(zip(self.entries, placed, strict=True)):
            entry.wave, entry.depends_on = place.wave, self._ids(list(needed[number])[:_MOST_NEEDED])
            entry.why = "; ".join(self._reasons(number, place))
        return placed

    def _reasons(self, number: int, place: Place) -> Iterator[str]:
        entry = self.entries[number]
        if entry.excluded:
            codes = ", ".join(sorted({each.code for each in entry.excluded}))
            yield f"to be rewritten first: {len(entry.excluded)} of {len(entry.steps)} steps ({codes})"
        elif place.late and not place.circle:
            yield "needs a pipeline with steps to be rewritten"
        if place.circle:
            others = [other for other in place.circle if other != number]
            yield f"together with {first_of(self._ids(others), _MOST_NAMED)}: they need each other"
        elif entry.depends_on:
            yield f"after {first_of(entry.depends_on, _MOST_NAMED)}, which it needs"
        if place.with_template:
            yield f"with the others of template {entry.template}"
        if not (entry.excluded or place.late or place.circle or entry.depends_on or place.with_template):
            yield "needs no other pipeline"

    def _waves(self, placed: Sequence[Place], links: Sequence[Link]) -> list[Wave]:
        users: Counter[int] = Counter()
        for link in links:
            users.update(dict.fromkeys(link.sources, len(link.users)))
        members: defaultdict[int, list[int]] = defaultdict(list)
        for number, place in enumerate(placed):
            members[place.wave].append(number)
        return [
            Wave(
                number=wave,
                title="after steps are rewritten" if placed[members[wave][0]].late else "ready to convert",
                pipelines=self._ids(self._in_order(members[wave], users)),
                days=total(self.entries[number].days for number in members[wave]),
            )
            for wave in sorted(members)
        ]

    def _in_order(self, numbers: Sequence[int], users: Mapping[int, int]) -> list[int]:
        """The pipelines of a wave: what most others need, then large templates, then what takes the fewest days.

        The pattern of a template stands before the others.
        """
        members = Counter(self.entries[number].template for number in numbers)

        def place(number: int) -> tuple[int, int, tuple[str, float]]:
            entry = self.entries[number]
            size = members[entry.template]
            within = (entry.template, float(number)) if size > 1 else ("", entry.days.likely)
            return -users.get(number, 0), -size, within

        return sorted(numbers, key=place)

    def _effort(self) -> Effort:
        shared = self.table.shared_drivers({kind: len(names) for kind, names in self.used.items()})
        summed: dict[str, Driver] = {}
        for driver in (driver for entry in self.entries for driver in entry.drivers):
            before = summed.get(driver.row)
            summed[driver.row] = driver if before is None else _both(before, driver)
        of_pipelines = total(entry.days for entry in self.entries)
        of_all = total(driver.days for driver in shared)
        return Effort(
            days=total((of_pipelines, of_all)),
            pipelines=of_pipelines,
            shared=of_all,
            drivers=sorted([*shared, *summed.values()], key=lambda driver: (-driver.days.likely, driver.row)),
            file=self.table.file,
            assumptions=self._assumptions(),
        )

    def _assumptions(self) -> list[str]:
        following = self.table.following
        return [
            f"Person-days are counts times the rows of {self.table.file}: a starting point to be replaced by your own "
            "numbers, not a measurement.",
            f"The first pipeline of a template costs all of its own effort, each further one {following.low:.0%} to "
            f"{following.high:.0%}, likely {following.likely:.0%}: {self.table.following_because}.",
            "In a pipeline, the first step that is left out for a reason costs all of its row, each further one "
            f"likely {self.table.repeated.likely:.0%}: {self.table.repeated_because}.",
            "Images, buckets, roles, keys and networks are counted once for all pipelines that use them.",
            "What scripts call inside their containers is not in a definition, and not in these numbers.",
            "Copying the data itself, training of people and waiting for approvals are not in these numbers.",
            _LETTERS,
        ]

    # --- what pipelines use ---

    def _inventory(self) -> Inventory:
        return Inventory(
            step_types=self._step_types(),
            images=self._used("images"),
            instance_types=self._used("instance_types"),
            buckets=self._used("buckets"),
            roles=self._used("roles"),
            keys=self._used("keys"),
            networks=self._used("networks"),
            functions=self._used("functions"),
            model_groups=self._used("model_groups"),
            regions=self._used("regions"),
            accounts=self._used("accounts"),
            triggers=[_trigger(each) for each in self.triggers],
        )

    def _step_types(self) -> list[StepType]:
        verdicts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        pipelines: Counter[str] = Counter()
        for entry in self.entries:
            for step in entry.steps:
                verdicts[step.type][step.verdict] += 1
            pipelines.update({step.type for step in entry.steps})
        return [
            StepType(name, sum(counts.values()), pipelines[name], {verdict: counts[verdict] for verdict in VERDICTS})
            for name, counts in sorted(verdicts.items(), key=lambda item: (-sum(item[1].values()), item[0]))
        ]

    def _used(self, kind: str) -> list[Used]:
        return [
            Used(name, usage.count, self._ids(usage.pipelines), self._note(kind, name))
            for name, usage in _most_used(self.used[kind])
        ]

    def _note(self, kind: str, name: str) -> str:
        """What stands for it, as far as that is known."""
        correspondences = self.config.correspondences
        match kind:
            case "images":
                choice = correspondences.image(name)
                return choice.target or f"{choice.kind}: {choice.because}"
            case "instance_types":
                machine = correspondences.machine(name)
                return "" if machine is None else " ".join(filter(None, (machine.target.name, machine.changes)))
            case "buckets":
                return correspondences.buckets.get(name, "")
            case "functions":
                return correspondences.functions.get(name, "")
            case "regions":
                return correspondences.regions.get(name) or target_region(name) or ""
        return ""

    def _findings(self) -> list[FindingGroup]:
        groups = [(catalogue()[code], usage) for code, usage in self.codes.items()]
        return [
            FindingGroup(code.code, code.severity, code.title, usage.count, self._ids(usage.pipelines), code.help)
            for code, usage in sorted(
                groups,
                key=lambda item: (_SEVERITIES.index(item[0].severity), -len(item[1].pipelines), item[0].code),
            )
        ]

    def _blockers(self) -> list[Blocker]:
        excluding: defaultdict[str, dict[int, None]] = defaultdict(dict)
        for number, entry in enumerate(self.entries):
            for each in entry.excluded:
                excluding[each.code][number] = None
        blockers = [
            Blocker("finding", f"{code}: {catalogue()[code].title}", self._ids(numbers), True, catalogue()[code].help)
            for code, numbers in excluding.items()
        ]
        for kind, (name, help_) in _SHARED_HELP.items():
            for thing, usage in self.used[kind].items():
                if len(usage.pipelines) > 1 and not self._is_settled(kind, thing):
                    blockers.append(Blocker(name, thing, self._ids(usage.pipelines), False, help_))
        return sorted(blockers, key=lambda each: (not each.blocks, -len(each.pipelines), each.kind, each.name))

    def _is_settled(self, kind: str, name: str) -> bool:
        """Whether the user's configuration says what stands for it."""
        correspondences = self.config.correspondences
        settled = {
            "buckets": correspondences.buckets,
            "own_images": correspondences.images,
            "functions": correspondences.functions,
        }
        return name in settled.get(kind, {})

    def _compute(self, steps: Sequence[StepEntry]) -> ComputeComparison:
        zero = Compute(cost=None if self.prices.currency is None else 0.0)
        machines = [step.machines for step in steps if step.machines is not None]
        compared = [each for each in machines if each.source is not None]
        grouped: defaultdict[tuple[str, str, str | None], list[Machines]] = defaultdict(list)
        for each in machines:
            grouped[each.instance_type, each.machine, each.accelerator].append(each)
        pairs = [
            MachinePair(
                *key,
                steps=len(group),
                machines=sum(each.count for each in group),
                source=None if group[0].source is None else sum((each.source or zero for each in group), zero),
                target=sum((each.target for each in group), zero),
            )
            for key, group in grouped.items()
        ]
        return ComputeComparison(
            currency=self.prices.currency,
            source=sum((each.source for each in compared if each.source is not None), zero),
            target=sum((each.target for each in compared), zero),
            pairs=sorted(pairs, key=lambda pair: (-pair.steps, pair.instance_type, pair.machine)),
            not_compared=sum(step.type in _ON_MACHINES for step in steps) - len(compared),
            unpriced=sorted(self.unpriced),
        )


def _following(driver: Driver, share: Days) -> Driver:
    """What a part costs in a further pipeline of a template."""
    return replace(driver, days=driver.days.part(share).rounded())


def _both(one: Driver, other: Driver) -> Driver:
    return replace(one, count=one.count + other.count, days=total((one.days, other.days)))


def _count(usage: _Usage, number: int, count: int) -> None:
    usage.count += count
    usage.pipelines[number] = None


def _most_used(used: Mapping[str, _Usage]) -> list[tuple[str, _Usage]]:
    return sorted(used.items(), key=lambda item: (-len(item[1].pipelines), -item[1].count, item[0]))


def _worst(verdicts: Iterable[str]) -> str:
    order: list[str] = list(VERDICTS)
    return max(verdicts, key=order.index, default=order[0])


def _by_verdict(verdicts: Iterable[str]) -> dict[str, int]:
    counts = Counter(verdicts)
    return {verdict: counts[verdict] for verdict in VERDICTS}


def _summed(counts: Iterable[Mapping[str, int]], keys: Sequence[str]) -> dict[str, int]:
    summed: Counter[str] = Counter()
    for each in counts:
        summed.update(each)
    return {key: summed[key] for key in keys}


def _ends(files: Sequence[str]) -> list[str]:
    """The shortest ends of paths that tell them apart; of paths that are the same, as long as any."""
    parts = [Path(file).parts for file in files]
    for length in range(1, max(map(len, parts)) + 1):
        ends = ["/".join(each[-length:]) for each in parts]
        if len(set(ends)) == len(set(files)):
            return ends
    return list(files)


def _trigger(entry: dict[str, Any]) -> Trigger:
    when = entry.get("expression") or (f"objects in {entry['bucket']}" if entry.get("bucket") else "an event")
    return Trigger(
        kind=masked("", str(entry.get("kind", ""))),
        name=masked("", str(entry.get("name", ""))),
        pipeline=None if entry.get("pipeline") is None else str(entry["pipeline"]),
        state=str(entry.get("state", "")),
        when=masked("", str(when)),
    )
