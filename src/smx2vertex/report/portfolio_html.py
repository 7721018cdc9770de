"""The page of a portfolio: the answers that stand first, charts, and all tables for who asks.

What is short is markup. Long tables are data, which `templates/portfolio.js` shows page by page, sorts and filters.
Pipelines are known by their number there, so that a list of ten thousand is short.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from markupsafe import Markup

from ..mapping.tables import VERDICTS
from ..words import counted, one_line
from .diagram import DiagramTooLargeError
from .diagram_svg import to_page_svg
from .page import arrows, json_block, page
from .pipeline_html import MEANINGS, SIGNS
from .portfolio import Days, PipelineEntry, Portfolio, Used
from .portfolio_diagram import dependencies_diagram
from .portfolio_words import answers, before, both_ends, cell_text, days_text, hours, share_text

# In lists of pipelines.
_LONGEST_NAME = 64
# In the chart of effort, and as the first of a wave.
_COSTLIEST = 15
_FIRST = 3
# The scale of the chart of effort begins with so many person-days.
_LEAST_DAYS = 0.1
_SEVERITY_SIGNS = {"error": "✕", "warning": "!", "info": "i"}

Row: TypeAlias = "list[Any]"


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a bar: its class in the style sheet, where it begins and how wide it is, in percent."""

    kind: str
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Scale:
    """Person-days from 0 to `most` in proportion, or from `_LEAST_DAYS` with every power of ten equally wide."""

    most: float
    powers: bool = False

    def at(self, days: float) -> float:
        """Where so many days stand, in percent."""
        if not self.powers:
            return 100 * days / self.most if self.most else 0
        return 100 * math.log10(max(days, _LEAST_DAYS) / _LEAST_DAYS) / math.log10(self.most / _LEAST_DAYS)

    def bar(self, days: Days) -> list[Bar]:
        """The range, and what is likely."""
        low, likely, high = self.at(days.low), self.at(days.likely), self.at(days.high)
        return [Bar("range", low, high - low), Bar("likely", max(likely - 0.4, 0), 0.8)]

    def ticks(self) -> list[tuple[float, str]]:
        """The powers of ten."""
        first, last = (round(math.log10(days)) for days in (_LEAST_DAYS, self.most))
        return [
            (self.at(10.0**power), f"{10.0**power:g}" if power < 3 else f"{10 ** (power - 3)}k")
            for power in range(first, last + 1)
        ]


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table for the script: its columns are pairs of a heading and a kind, which says how cells are shown."""

    caption: str
    columns: tuple[tuple[str, str], ...]
    rows: list[Row]


def to_html(portfolio: Portfolio) -> str:
    """The page."""
    tables = _tables(portfolio)
    numbers = _numbers(portfolio)
    picture, missing, why_none = _picture(portfolio)
    return page(
        "portfolio.html.j2",
        styles=("portfolio.css",),
        scripts=("portfolio.js",),
        report=portfolio,
        answers=answers(portfolio),
        signs=SIGNS,
        meanings=MEANINGS,
        coverage=list(_coverage(portfolio)),
        waves=list(_waves(portfolio, numbers)),
        effort=_effort(portfolio),
        hours=list(_hours(portfolio)),
        levels=sorted({entry.level for entry in portfolio.pipelines}),
        step_types=[each.name for each in portfolio.inventory.step_types],
        inventory=[name for name in _KINDS if name in tables],
        tables={name: table.caption for name, table in tables.items()},
        sizes={name: len(table.rows) for name, table in tables.items()},
        picture=picture,
        missing=missing,
        why_none=why_none,
        name_text=name_text,
        days_text=days_text,
        data=json_block(_data(portfolio, tables)),
    )


def name_text(name: str) -> str:
    """The name of a pipeline in a list."""
    return both_ends(name, _LONGEST_NAME)


def _numbers(portfolio: Portfolio) -> dict[str, int]:
    return {entry.id: number for number, entry in enumerate(portfolio.pipelines)}


def _hours(portfolio: Portfolio) -> Iterator[tuple[str, str, str, str]]:
    """The machines of all steps together: the unit, before, after, and the change."""
    compute = portfolio.compute
    for unit, one, other, change in hours(compute.source, compute.target):
        yield str(compute.currency) if unit == "cost" else unit, cell_text("", one), cell_text("", other), change


# --- charts ---


def _coverage(portfolio: Portfolio) -> Iterator[tuple[str, list[Bar], list[tuple[str, str, str]]]]:
    """For pipelines, steps and fields: the bar, and how many have which verdict, with their share."""
    coverage = portfolio.coverage
    for of, counts in (("pipelines", coverage.pipelines), ("steps", coverage.steps), ("fields", coverage.fields)):
        whole = sum(counts.values())
        bars, left = [], 0.0
        for verdict in VERDICTS:
            width = 100 * counts[verdict] / (whole or 1)
            bars.append(Bar(verdict, left, width))
            left += width
        yield of, bars, [(verdict, f"{counts[verdict]:,}", share_text(counts[verdict], whole)) for verdict in VERDICTS]


def _waves(portfolio: Portfolio, numbers: dict[str, int]) -> Iterator[dict[str, Any]]:
    scale = Scale(max((wave.days.high for wave in portfolio.waves), default=0))
    for wave in portfolio.waves:
        yield {
            "number": wave.number,
            "title": wave.title,
            "count": counted(len(wave.pipelines), "pipeline"),
            "share": [Bar("count", 0, 100 * len(wave.pipelines) / portfolio.totals.pipelines)],
            "days": scale.bar(wave.days),
            "text": days_text(wave.days),
            "first": [portfolio.pipelines[numbers[name]] for name in wave.pipelines[:_FIRST]],
            "more": max(0, len(wave.pipelines) - _FIRST),
        }


def _effort(portfolio: Portfolio) -> dict[str, Any]:
    """The costliest pipelines with their bars, and what the others cost together."""
    ranked = sorted(portfolio.pipelines, key=lambda entry: -entry.days.likely)
    shown, others = ranked[:_COSTLIEST], ranked[_COSTLIEST:]
    most = max((entry.days.high for entry in shown), default=0)
    scale = Scale(10.0 ** max(0, math.ceil(math.log10(most))) if most else 1.0, powers=True)
    return {
        "rows": [(entry, scale.bar(entry.days), days_text(entry.days)) for entry in shown],
        "ticks": scale.ticks(),
        "others": len(others),
        "rest": days_text(sum((entry.days for entry in others), Days())),
    }


def _picture(portfolio: Portfolio) -> tuple[Markup, int, str]:
    """The dependencies, how many are missing there, and why there is no picture."""
    diagram, missing = dependencies_diagram(portfolio)
    if not diagram.edges:
        return Markup(""), missing, ""
    try:
        return Markup(to_page_svg(diagram, "dependencies-picture", {})), missing, ""
    except DiagramTooLargeError as error:
        return Markup(""), 0, f"No picture: {error}. All dependencies stand in the table."


# --- tables ---

_KINDS = {
    "images": "Images",
    "instance_types": "Instance types",
    "buckets": "Buckets",
    "roles": "Roles",
    "keys": "Keys",
    "networks": "Subnets and security groups",
    "functions": "Functions",
    "model_groups": "Groups of model packages",
    "regions": "Regions",
    "accounts": "Accounts",
}


def _tables(portfolio: Portfolio) -> dict[str, DataTable]:
    """All tables that hold anything, by their name in the page."""
    numbers = _numbers(portfolio)

    def of(names: Iterable[str]) -> list[int]:
        return [numbers[name] for name in names]

    inventory = portfolio.inventory
    waiting = ("pipelines that wait", "pipelines")
    used_by = ("pipelines", "pipelines")
    tables = {
        "pipelines": _pipelines(portfolio, numbers),
        "blockers": DataTable(
            f"To be settled before {before(True)}",
            (("what", "text"), waiting, ("what to do, once", "help")),
            [[one_line(each.name), of(each.pipelines), each.help] for each in portfolio.blockers if each.blocks],
        ),
        "preparations": DataTable(
            f"To be settled before {before(False)}",
            (("kind", "text"), ("name", "text"), waiting, ("what to do, once", "help")),
            [
                [each.kind, one_line(each.name), of(each.pipelines), each.help]
                for each in portfolio.blockers
                if not each.blocks
            ],
        ),
        "templates": DataTable(
            "Templates of several pipelines",
            (
                ("template", "text"),
                ("its pattern", "pipeline"),
                ("steps", "number"),
                ("similarity, at least", "amount"),
                used_by,
            ),
            [
                [each.id, numbers[each.pipelines[0]], each.steps, _similarity(each.similarity), of(each.pipelines)]
                for each in portfolio.templates
                if len(each.pipelines) > 1
            ],
        ),
        "dependencies": DataTable(
            "Dependencies between pipelines",
            (("through", "text"), ("name", "text"), ("moves first", "pipelines"), ("needs it", "pipelines")),
            [[each.kind, one_line(each.name), of(each.sources), of(each.users)] for each in portfolio.dependencies],
        ),
        "drivers": DataTable(
            "What the days are for",
            (("work", "text"), ("how often", "number"), ("person-days", "amount"), ("why", "text")),
            [[each.label, each.count, _days(each.days), each.because] for each in portfolio.effort.drivers],
        ),
        "findings": DataTable(
            "Findings by code",
            (
                ("severity", "severity"),
                ("code", "code"),
                ("what", "text"),
                ("times", "number"),
                used_by,
                ("what to do", "help"),
            ),
            [
                [each.severity, each.code, each.title, each.count, of(each.pipelines), each.help]
                for each in portfolio.findings
            ],
        ),
        "types": DataTable(
            "Steps by type",
            (("type", "text"), ("steps", "number"), ("pipelines", "number"), *((each, "number") for each in VERDICTS)),
            [
                [one_line(each.name), each.steps, each.pipelines, *(each.verdicts[verdict] for verdict in VERDICTS)]
                for each in inventory.step_types
            ],
        ),
        **{name: _inventory(caption, getattr(inventory, name), numbers) for name, caption in _KINDS.items()},
        "triggers": DataTable(
            "Schedules and triggers",
            (("kind", "text"), ("name", "text"), ("pipeline", "text"), ("state", "text"), ("when", "code")),
            [
                [each.kind, one_line(each.name), one_line(each.pipeline or "–"), each.state, each.when]
                for each in inventory.triggers
            ],
        ),
        "machines": _machines(portfolio),
        "unreadable": DataTable(
            "Files that could not be assessed",
            (("file", "text"), ("code", "code"), ("why", "text"), ("what to do", "help")),
            [[one_line(each.file), each.code, one_line(each.message), each.help] for each in portfolio.unreadable],
        ),
        "skipped": DataTable(
            "Files that hold something else", (("file", "text"),), [[one_line(file)] for file in portfolio.skipped]
        ),
    }
    return {name: table for name, table in tables.items() if table.rows}


def _pipelines(portfolio: Portfolio, numbers: dict[str, int]) -> DataTable:
    """Pipelines in the order in which they move."""
    columns = (
        ("pipeline", "pipeline"), ("wave", "number"), ("level", "text"), ("verdict", "verdict"), ("steps", "number"),
        ("steps to rewrite", "number"), ("person-days", "amount"), ("template", "text"), ("why in this wave", "text"),
    )  # fmt: skip
    entries = (portfolio.pipelines[numbers[name]] for wave in portfolio.waves for name in wave.pipelines)
    return DataTable("Pipelines", columns, [_pipeline(entry, numbers[entry.id]) for entry in entries])


def _pipeline(entry: PipelineEntry, number: int) -> Row:
    return [
        number, entry.wave, entry.level, entry.verdict, len(entry.steps), len(entry.excluded), _days(entry.days),
        entry.template, one_line(entry.why),
    ]  # fmt: skip


def _inventory(caption: str, used: list[Used], numbers: dict[str, int]) -> DataTable:
    columns = [("name", "text"), ("named", "number"), ("pipelines", "pipelines")]
    noted = any(each.note for each in used)
    if noted:
        columns.append(("what stands for it", "text"))
    rows = [
        [
            one_line(each.name),
            each.count,
            [numbers[name] for name in each.pipelines],
            *([arrows(one_line(each.note)) or "–"] if noted else []),
        ]
        for each in used
    ]
    return DataTable(caption, tuple(columns), rows)


def _machines(portfolio: Portfolio) -> DataTable:
    columns = (
        ("SageMaker", "text"), ("Vertex AI", "text"), ("steps", "number"), ("machines", "number"),
        ("per hour on SageMaker", "text"), ("per hour on Vertex AI", "text"),
    )  # fmt: skip
    currency = portfolio.compute.currency
    rows: list[Row] = []
    for pair in portfolio.compute.pairs:
        machine = " + ".join(filter(None, (pair.machine, pair.accelerator)))
        sides = ("; ".join(_in_hours(side, currency)) if side else "–" for side in (pair.source, pair.target))
        rows.append([pair.instance_type, machine, pair.steps, pair.machines, *sides])
    return DataTable("Machines by type", columns, rows)


def _in_hours(compute: Any, currency: str | None) -> Iterator[str]:
    yield f"{cell_text('', compute.vcpu_hours)} vCPU"
    if compute.gpu_hours:
        yield f"{cell_text('', compute.gpu_hours)} GPU"
    yield f"{cell_text('', compute.memory_gib_hours)} GiB"
    if compute.cost is not None:
        yield f"{cell_text('', compute.cost)} {currency}"


def _days(days: Days) -> Row:
    """What is sorted by, and what is shown."""
    return [days.likely, days_text(days)]


def _similarity(value: float) -> Row:
    return [value, cell_text("similarity", value)]


# --- the data for the script ---


def _data(portfolio: Portfolio, tables: dict[str, DataTable]) -> dict[str, Any]:
    types = {each.name: number for number, each in enumerate(portfolio.inventory.step_types)}
    return {
        "signs": SIGNS,
        "severitySigns": _SEVERITY_SIGNS,
        "names": [one_line(entry.id) for entry in portfolio.pipelines],
        "labels": [name_text(entry.id) for entry in portfolio.pipelines],
        "files": [one_line(entry.file) for entry in portfolio.pipelines],
        "pages": [entry.page for entry in portfolio.pipelines],
        "types": [sorted({types[step.type] for step in entry.steps}) for entry in portfolio.pipelines],
        "tables": {
            name: {"caption": table.caption, "columns": table.columns, "rows": table.rows}
            for name, table in tables.items()
        },
    }
