"""The report of a portfolio as tables: what text, Markdown, CSV and the workbook show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TypeAlias

from .portfolio import Compute, Days, FindingRow, PipelineEntry, Portfolio, Used
from .portfolio_words import HOURS, Cell, answers, before, listed

Row: TypeAlias = "tuple[Cell, ...]"

_VERDICTS = ("exact", "adapted", "redesign", "unsupported")
_DAYS = ("days_low", "days_likely", "days_high")
_COMPUTE = tuple(f"{side}_{name}" for side in ("source", "target") for name in HOURS)


@dataclass(frozen=True, slots=True)
class PortfolioTable:
    """A table; its rows are made anew for each who asks, so that none is held."""

    title: str
    columns: tuple[str, ...]
    make_rows: Callable[[], Iterable[Row]]

    def rows(self) -> Iterator[Row]:
        """The rows: numbers are numbers, and what is not known is None."""
        yield from self.make_rows()


def tables(portfolio: Portfolio) -> list[PortfolioTable]:
    """All tables but that of the single findings, in the order in which people read."""
    return [
        PortfolioTable("Summary", ("what", "value"), lambda: _summary(portfolio)),
        PortfolioTable("Coverage", ("of", *_VERDICTS), lambda: _coverage(portfolio)),
        PortfolioTable(
            "Waves",
            ("wave", "what", "pipelines", *_DAYS),
            lambda: ((each.number, each.title, len(each.pipelines), *_days(each.days)) for each in portfolio.waves),
        ),
        pipelines_table(portfolio),
        PortfolioTable(
            "Blockers",
            ("kind", "name", "pipelines", "settle before", "what to do", "which"),
            lambda: (
                (each.kind, each.name, len(each.pipelines), before(each.blocks), each.help, listed(each.pipelines))
                for each in portfolio.blockers
            ),
        ),
        PortfolioTable(
            "Templates",
            ("template", "like", "pipelines", "steps", "similarity", "which"),
            lambda: (
                (each.id, each.name, len(each.pipelines), each.steps, each.similarity, listed(each.pipelines))
                for each in portfolio.templates
            ),
        ),
        PortfolioTable(
            "Dependencies",
            ("kind", "name", "from", "to"),
            lambda: (
                (each.kind, each.name, listed(each.sources), listed(each.users)) for each in portfolio.dependencies
            ),
        ),
        PortfolioTable(
            "Effort",
            ("what", "count", *_DAYS, "because"),
            lambda: ((each.label, each.count, *_days(each.days), each.because) for each in portfolio.effort.drivers),
        ),
        PortfolioTable("Assumptions", ("assumption",), lambda: ((each,) for each in portfolio.effort.assumptions)),
        PortfolioTable(
            "Compute",
            ("instance type", "machine", "accelerator", "steps", "machines", *_COMPUTE),
            lambda: _compute(portfolio),
        ),
        PortfolioTable(
            "Findings by code",
            ("code", "severity", "title", "count", "pipelines", "what to do"),
            lambda: (
                (each.code, each.severity, each.title, each.count, len(each.pipelines), each.help)
                for each in portfolio.findings
            ),
        ),
        PortfolioTable(
            "Step types",
            ("type", "steps", "pipelines", *_VERDICTS),
            lambda: (
                (each.name, each.steps, each.pipelines, *(each.verdicts[verdict] for verdict in _VERDICTS))
                for each in portfolio.inventory.step_types
            ),
        ),
        PortfolioTable(
            "Inventory", ("kind", "name", "mentions", "pipelines", "what stands for it"), lambda: _inventory(portfolio)
        ),
        PortfolioTable(
            "Triggers",
            ("kind", "name", "pipeline", "state", "when"),
            lambda: (
                (each.kind, each.name, each.pipeline, each.state, each.when) for each in portfolio.inventory.triggers
            ),
        ),
        PortfolioTable(
            "Not assessed",
            ("file", "code", "why", "what to do"),
            lambda: ((each.file, each.code, each.message, each.help) for each in portfolio.unreadable),
        ),
        steps_table(portfolio),
    ]


def pipelines_table(portfolio: Portfolio) -> PortfolioTable:
    """One row a pipeline."""
    columns = (
        "id", "name", "file", "source", "page", "wave", "why", "template", "similarity", "level", "verdict", "steps",
        "excluded_steps", "parameters", "branches", *_VERDICTS, "errors", "warnings", "notes", *_DAYS, *_COMPUTE,
        "depends_on",
    )  # fmt: skip
    return PortfolioTable("Pipelines", columns, lambda: map(_pipeline, portfolio.pipelines))


def steps_table(portfolio: Portfolio) -> PortfolioTable:
    """One row a step."""
    columns = (
        "pipeline", "step", "type", "becomes", "verdict", *_VERDICTS, "instance type", "machine", "accelerator",
        "machines", *_COMPUTE,
    )  # fmt: skip
    return PortfolioTable("Steps", columns, lambda: _steps(portfolio))


def findings_table(findings: Callable[[], Iterable[FindingRow]]) -> PortfolioTable:
    """One row a finding."""
    columns = tuple(each.name for each in fields(FindingRow))
    return PortfolioTable("Findings", columns, lambda: map(attrgetter(*columns), findings()))


def _days(days: Days) -> Row:
    return days.low, days.likely, days.high


def rows_to_read(table: PortfolioTable) -> list[Row]:
    """The rows that a person reads: of templates those that several pipelines share."""
    rows = list(table.rows())
    if table.title == "Templates":
        place = table.columns.index("pipelines")
        return [row for row in rows if row[place] != 1]
    return rows


def _hours(compute: Compute | None) -> Row:
    if compute is None:
        return (None,) * len(HOURS)
    return compute.vcpu_hours, compute.gpu_hours, compute.memory_gib_hours, compute.cost


def _summary(portfolio: Portfolio) -> Iterator[Row]:
    for answer in answers(portfolio):
        yield answer.question, " ".join((f"{answer.text}.", *answer.notes))
    totals = portfolio.totals
    yield "pipelines", totals.pipelines
    yield "steps", totals.steps
    yield "steps to be rewritten", totals.excluded_steps
    yield "parameters", totals.parameters
    yield "branches", totals.branches
    yield "fields", totals.fields
    for severity, count in totals.findings.items():
        yield f"findings: {severity}", count
    yield "templates", totals.templates
    yield "dependencies", totals.dependencies
    yield "waves", totals.waves
    yield "not assessed", totals.unreadable
    for name, days in zip(("low", "likely", "high"), _days(totals.days), strict=True):
        yield f"person-days, {name}", days
    for side, compute in (("source", portfolio.compute.source), ("target", portfolio.compute.target)):
        for name, value in zip(HOURS, _hours(compute), strict=True):
            if value is not None:
                yield f"{name.replace('_', ' ')} per hour of run, {side}", value
    if portfolio.compute.currency is not None:
        yield "currency", portfolio.compute.currency
    yield "steps without a known machine", portfolio.compute.not_compared


def _coverage(portfolio: Portfolio) -> Iterator[Row]:
    for name, counts in (
        ("fields", portfolio.coverage.fields),
        ("steps", portfolio.coverage.steps),
        ("pipelines", portfolio.coverage.pipelines),
    ):
        yield name, *(counts[verdict] for verdict in _VERDICTS)


def _pipeline(entry: PipelineEntry) -> Row:
    return (
        entry.id, entry.name, entry.file, entry.source, entry.page, entry.wave, entry.why, entry.template,
        entry.similarity, entry.level, entry.verdict, len(entry.steps), len(entry.excluded), entry.parameters,
        entry.branches, *(entry.fields[verdict] for verdict in _VERDICTS), *entry.findings.values(),
        *_days(entry.days), *_hours(entry.compute_source), *_hours(entry.compute_target), listed(entry.depends_on),
    )  # fmt: skip


def _steps(portfolio: Portfolio) -> Iterator[Row]:
    for entry in portfolio.pipelines:
        for step in entry.steps:
            machines = step.machines
            counts = (step.exact, step.adapted, step.redesign, step.unsupported)
            about: Row = (None,) * (4 + len(_COMPUTE))
            if machines is not None:
                named = (machines.instance_type, machines.machine, machines.accelerator, machines.count)
                about = (*named, *_hours(machines.source), *_hours(machines.target))
            yield entry.id, step.name, step.type, step.target, step.verdict, *counts, *about


def _compute(portfolio: Portfolio) -> Iterator[Row]:
    for pair in portfolio.compute.pairs:
        named = (pair.instance_type, pair.machine, pair.accelerator, pair.steps, pair.machines)
        yield *named, *_hours(pair.source), *_hours(pair.target)


def _inventory(portfolio: Portfolio) -> Iterator[Row]:
    for each in fields(portfolio.inventory):
        for used in getattr(portfolio.inventory, each.name):
            if isinstance(used, Used):
                yield each.name.replace("_", " "), used.name, used.count, len(used.pipelines), used.note
