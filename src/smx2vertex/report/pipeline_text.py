"""The report of a pipeline on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ..words import counted, one_line
from .pipeline import MACHINE_COLUMNS, STEP_COLUMNS, PipelineReport, cells


def to_text(report: PipelineReport, styles: Mapping[str, str]) -> Iterator[RenderableType]:
    """The report without its findings, part by part; `styles` by verdict."""
    steps, parameters = counted(len(report.steps), "step"), counted(report.parameters, "parameter")
    yield Text(f"{one_line(report.pipeline)} · {steps} · {parameters}\n")
    yield _table(STEP_COLUMNS, report.step_rows(), styles)
    if machines := report.machine_rows():
        yield Text("")
        yield _table(MACHINE_COLUMNS, machines, styles)
    counts = " · ".join(f"{count} {verdict}" for verdict, count in report.by_verdict.items())
    yield Text(f"\n{counted(report.total, 'field')}: {counts} · {len(report.unaccounted)} unaccounted")
    if own := report.own_fields:
        yield Text(f"{counted(len(own), 'field')} by rows of your own")
        rows = [cells(each.source, each.rule, each.file, each.verdict) for each in own]
        yield _table(("field", "rule", "file", "verdict"), rows, styles)


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]], styles: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=True, header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(Text(cell, styles.get(cell, "")) for cell in row))
    return table
