"""The report of a portfolio on a terminal: what a person asks first; the files hold the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from .diagram import one_line, shortened
from .portfolio import Portfolio
from .portfolio_tables import Cell, days_text, tables

# The columns that fit on a terminal, by table.
_SHOWN = {
    "Coverage": ("of", "exact", "adapted", "redesign", "unsupported"),
    "Waves": ("wave", "what", "pipelines", "days_low", "days_likely", "days_high"),
    "Blockers": ("kind", "name", "pipelines", "blocks"),
    "Templates": ("template", "like", "pipelines", "steps", "similarity"),
    "Dependencies": ("kind", "name", "from", "to"),
    "Effort": ("what", "count", "days_low", "days_likely", "days_high"),
    "Pipelines": ("id", "wave", "level", "steps", "excluded_steps", "days_likely", "why"),
    "Findings by code": ("code", "severity", "count", "pipelines", "title"),
    "Not assessed": ("file", "code", "why"),
}
_MOST_ROWS = 12
_LONGEST_CELL = 60


def to_text(portfolio: Portfolio, styles: Mapping[str, str]) -> Iterator[RenderableType]:
    """The report, part by part; `styles` by verdict and severity."""
    yield Text(one_line_summary(portfolio), "bold")
    yield Text(f"person-days: {days_text(portfolio.totals.days)}; the assumptions stand in the report")
    for table in tables(portfolio):
        rows = list(table.rows())
        if table.title not in _SHOWN or not rows:
            continue
        columns = [table.columns.index(column) for column in _SHOWN[table.title]]
        shown = Table(title=table.title, title_justify="left", title_style="bold", box=None, header_style="dim")
        for column in _SHOWN[table.title]:
            shown.add_column(column.replace("_", " "))
        for row in rows[:_MOST_ROWS]:
            shown.add_row(*(_cell(row[index], styles) for index in columns))
        yield Text("")
        yield shown
        if len(rows) > _MOST_ROWS:
            yield Text(f" … and {len(rows) - _MOST_ROWS} more", "dim")


def one_line_summary(portfolio: Portfolio) -> str:
    """How much there is."""
    totals = portfolio.totals
    counts = {
        "pipelines": totals.pipelines,
        "steps": totals.steps,
        "steps to be rewritten": totals.excluded_steps,
        "templates": totals.templates,
        "waves": totals.waves,
        "not assessed": totals.unreadable,
    }
    return " · ".join(f"{name}: {count}" for name, count in counts.items())


def cell_text(cell: Cell) -> str:
    """A cell for people."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return one_line(cell)
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:,.2f}".rstrip("0").rstrip(".")


def _cell(cell: Cell, styles: Mapping[str, str]) -> Text:
    text = cell_text(cell)
    return Text(shortened(text, _LONGEST_CELL), styles.get(text, ""))
