"""The report of a pipeline as CSV: one row a field."""

from __future__ import annotations

import csv
import io

from .cells import neutral
from .pipeline import FIELD_COLUMNS, MACHINE_COLUMNS, PipelineReport, cells, field_rows


def to_csv(report: PipelineReport) -> str:
    """All fields, those outside steps last; the row of the instance type tells of the machine, too."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("step", "type", *FIELD_COLUMNS, *MACHINE_COLUMNS[1:]))
    parts = [(step.name, step.type, step.machine, step.fields) for step in report.steps]
    for name, type_, machine, fields in [*parts, ("", "", None, report.fields)]:
        for row in field_rows(fields):
            is_place = machine is not None and f"{row[0]}/".startswith(f"{machine.pointer}/")
            about = cells(*machine.cells()) if machine and is_place else ("",) * (len(MACHINE_COLUMNS) - 1)
            writer.writerow(map(neutral, (*cells(name, type_), *row, *about)))
    return text.getvalue()
