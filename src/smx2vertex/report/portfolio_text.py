"""The report of a portfolio on a terminal: what a person asks first; the files hold the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from .portfolio import Portfolio
from .portfolio_tables import PortfolioTable, Row, rows_to_read, tables
from .portfolio_words import Cell, answers, both_ends, cell_text, heading, summary

# The columns that fit on a terminal, by table.
_SHOWN = {
    "Waves": ("wave", "what", "pipelines", "days_likely", "days_low", "days_high"),
    "Blockers": ("kind", "name", "pipelines", "settle before"),
    "Pipelines": ("id", "wave", "level", "steps", "excluded_steps", "days_likely"),
    "Effort": ("what", "count", "days_likely", "days_low", "days_high"),
    "Templates": ("like", "pipelines", "steps", "similarity"),
    "Dependencies": ("kind", "name", "from", "to"),
    "Coverage": ("of", "exact", "adapted", "redesign", "unsupported"),
    "Findings by code": ("code", "severity", "count", "pipelines", "title"),
    "Not assessed": ("file", "code", "why"),
}
_TITLES = {"Pipelines": "Pipelines, the costliest first", "Templates": "Templates of several pipelines"}
_MOST_ROWS = 12
_LONGEST_CELL = 60


def to_text(portfolio: Portfolio, styles: Mapping[str, str]) -> Iterator[RenderableType]:
    """The parts of the report; `styles` are those of severities and verdicts."""
    yield Text(summary(portfolio), "bold")
    for answer in answers(portfolio):
        yield Text.assemble((f"{answer.question} ", "bold"), f"{answer.text}. {' '.join(answer.notes)}")
    yield Text("Days are person-days, rounded; the assumptions behind them stand in index.html and report.md.", "dim")
    by_title = {table.title: table for table in tables(portfolio)}
    for title, columns in _SHOWN.items():
        rows = _rows(by_title[title])
        if rows:
            yield Text("")
            yield from _table(by_title[title], columns, rows, styles)


def _rows(table: PortfolioTable) -> list[Row]:
    """The rows, of pipelines the costliest first."""
    rows = rows_to_read(table)
    if table.title == "Pipelines":
        place = table.columns.index("days_likely")
        rows.sort(key=lambda row: -float(row[place] or 0))
    return rows


def _table(
    table: PortfolioTable, columns: tuple[str, ...], rows: list[Row], styles: Mapping[str, str]
) -> Iterator[RenderableType]:
    title = _TITLES.get(table.title, table.title)
    shown = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="dim")
    for column in columns:
        place = table.columns.index(column)
        numbers = all(not isinstance(row[place], str) for row in rows)
        shown.add_column(heading(column), justify="right" if numbers else "left")
    for row in rows[:_MOST_ROWS]:
        shown.add_row(*(_cell(column, row[table.columns.index(column)], styles) for column in columns))
    yield shown
    if len(rows) > _MOST_ROWS:
        yield Text(f" … and {len(rows) - _MOST_ROWS:,} more", "dim")


def _cell(column: str, cell: Cell, styles: Mapping[str, str]) -> Text:
    text = cell_text(column, cell)
    return Text(both_ends(text, _LONGEST_CELL), styles.get(text, ""))
